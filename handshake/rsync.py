"""Adapter: rsync over ssh to the NAS; argv lists only, every run with a deadline.

The NAS restricts our key with ``rrsync``, which runs nothing but rsync within the inbox folder there;
so all paths on the NAS begin at that folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from handshake.problems import InboxError, Trouble

#: On the NAS, in its inbox folder: made by its owner, so that nothing goes to an unmounted disk.
NAS_MARKER = ".balupi-inbox"
#: What was received of a file whose transfer ended early; it goes on from there.
_PARTIAL = ".balupi-partial"
#: Files are written here and then renamed: none is ever half there under its name.
_TEMPORARY = ".balupi-tmp"

_CONNECT_S = 5
#: Without a byte for so long, rsync gives up, on both sides.
_SILENCE_S = 30
_SHORT_S = 30.0
#: The slowest link and disks that are waited for; a longer transfer goes on in the next run.
_SLOWEST_BYTES_S = 500_000
_SLOWEST_DISK_BYTES_S = 10_000_000
_POLL_S = 0.2
_GRACE_S = 5.0
_ERRORS_KEPT = 64 * 1024

_PARTIAL_CODES = frozenset({23, 24})  # rsync(1): some files could not be transferred, or vanished
_TIMEOUT_CODES = frozenset({30, 35})
_WRITE_CODE = 11  # "error in file I/O"; why is often lost on the way, as with a disk that is full
_ESCAPED = re.compile(rb"\\#([0-7]{3})")
_PROGRESS = re.compile(rb"\s*(\d+)\s+\d+%")

#: A listed file: "-rw-r--r--  5 2026/11/25 18:03:34 name"; what is before the name has no other form.
_LISTED = re.compile(rb"-\S+ +(?P<size>\d+) (?P<day>\S+) (?P<clock>\S+) (?P<name>.*)", re.DOTALL)
#: File names, as rsync quotes most of them: they may say anything.
_QUOTED = re.compile(rb'".*"')

#: What rsync says at a line's end about the NAS's disk, whatever its exit code.
_DISK_MEANINGS = (
    (rb"(?:No space left on device|Disk quota exceeded) \(\d+\)\s*$", Trouble.NAS_FULL),
    (rb"Read-only file system \(\d+\)\s*$", Trouble.NAS_NOT_WRITABLE),
)
#: What ssh, rrsync and rsync say (versions 3.2.7 to 3.5.0) where nothing was moved; the first that fits.
_MEANINGS = (
    (rb"Host key verification failed", Trouble.OTHER_HOST_KEY),
    (rb"Permission denied \(publickey|Too many authentication failures", Trouble.KEY_REFUSED),
    (rb"Another instance of rrsync", Trouble.NAS_BUSY),
    (rb"Restricted directory does not exist|unable to chdir", Trouble.NO_FOLDER),
    (rb"timeout in data|io timeout|Timeout, server .* not responding", Trouble.NO_ANSWER),
    (
        rb"ssh: connect to|banner exchange|No route to host|Network is unreachable",
        Trouble.UNREACHABLE,
    ),
    (rb"Connection (?:refused|timed out|reset|closed)", Trouble.UNREACHABLE),
)
#: The link was there and is gone; the last of these says so only where nothing else is said before.
_CUT = re.compile(rb"Broken pipe|closed by remote host|\A\s*rsync: connection unexpectedly closed")


class Stop(StrEnum):
    """Why a run is ended before it is done."""

    WANTED = "wanted"  # somebody wants to write to a file that is being sent
    ENDING = "ending"  # this process ends


class Match(StrEnum):
    """How a file here compares with the one of its name on the NAS."""

    SAME = "same"
    DIFFERENT = "different"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of sending: None where all went well, what was said, why it ended early."""

    stopped: Stop | None = None
    complaints: str = ""


@dataclass(frozen=True, kw_only=True)
class Nas:
    """The NAS as the target of rsync.

    Attributes:
        host: its address, never a name that is switched.
        key: our private key.
        known_hosts: the file with the NAS's pinned host key.
    """

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path

    def require_ready(self) -> None:
        """Do nothing where this side has all it needs.

        Raises:
            InboxError: it has not.
        """
        for program in ("rsync", "ssh", "setpriv"):
            if shutil.which(program) is None:
                raise InboxError(Trouble.NO_PROGRAM, program)
        if not self.key.exists():
            raise InboxError(Trouble.NO_KEY)
        if not self.known_hosts.exists():
            raise InboxError(Trouble.NOT_PINNED)

    def require_marker(self) -> None:
        """Do nothing where the NAS's inbox folder has its marker: then its disk is mounted.

        Raises:
            InboxError: it has not, or cannot be asked.
        """
        self._run("--list-only", "--", self._at(NAS_MARKER), within_s=_SHORT_S, about_marker=True)

    def sweep(self, *, keep_partial: bool) -> None:
        """Make our two folders on the NAS and empty them of what ended early.

        Args:
            keep_partial: what was received of a large file is still wanted.

        Raises:
            InboxError: it did not work.
        """
        with tempfile.TemporaryDirectory(prefix="balupi-") as empty:
            folders = [_TEMPORARY] if keep_partial else [_TEMPORARY, _PARTIAL]
            for name in folders:
                (Path(empty) / name).mkdir(mode=0o700)
            # What lies beside these folders is not part of the transfer, so not of --delete either.
            whats = [f"{empty}/./{name}/" for name in folders]
            done = self._run(
                *("--recursive", "--relative", "--delete", "--no-implied-dirs"),
                *("--", *whats, self._at("")),
                within_s=_SHORT_S,
            )
            if done.code in _PARTIAL_CODES:
                raise InboxError(Trouble.NAS_NOT_WRITABLE, done.first_complaint())

    def send(
        self,
        root: Path,
        paths: Sequence[bytes],
        *,
        size_bytes: int,
        overwrite: bool = False,
        follow_links: bool = False,
        stop: Callable[[], Stop | None] = lambda: None,
        progress: Callable[[int], None] = lambda _sent_bytes: None,
    ) -> Sent:
        """Copy files to the NAS under their paths; one that is there already is left as it is.

        Args:
            root: the folder that the paths begin at.
            paths: the files.
            size_bytes: of all of them; the deadline follows from it.
            overwrite: replace what is there.
            follow_links: send what links point to.
            stop: asked five times a second; ends the transfer.
            progress: told how many bytes have been sent.

        Raises:
            InboxError: the NAS or the way to it failed; some files may have arrived.
        """
        done = self._run(
            *("--times", "--no-implied-dirs", "--fsync"),
            *([] if overwrite else ["--ignore-existing"]),
            *(["--copy-links"] if follow_links else []),
            *(f"--partial-dir=/{_PARTIAL}", f"--temp-dir=/{_TEMPORARY}"),
            *("--info=progress2", "--no-human-readable", "--outbuf=L"),
            *("--from0", "--", f"{root}/", self._at("")),
            names=paths,
            within_s=_SHORT_S + size_bytes / _SLOWEST_BYTES_S,
            stop=stop,
            progress=progress,
        )
        return Sent(done.stopped, done.complaints())

    def compare(
        self,
        root: Path,
        paths: Sequence[bytes],
        *,
        size_bytes: int,
        follow_links: bool = False,
        stop: Callable[[], Stop | None] = lambda: None,
    ) -> dict[bytes, Match] | None:
        """Compare files with those of the same path on the NAS, by checksums of both sides.

        Returns:
            What is known; a file that could not be read is not in it. None: ``stop`` ended it.

        Raises:
            InboxError: the NAS or the way to it failed.
        """
        # Both sides read everything before the first byte crosses, so silence proves nothing.
        patience_s = _SILENCE_S + size_bytes / _SLOWEST_DISK_BYTES_S
        done = self._run(
            *("--dry-run", "--checksum", "-ii", "--out-format=%i %n"),
            *(["--copy-links"] if follow_links else []),
            *("--from0", "--", f"{root}/", self._at("")),
            names=paths,
            within_s=_SHORT_S + 2 * patience_s,
            silence_s=int(patience_s),
            stop=stop,
        )
        if done.stopped:
            return None
        return dict(map(_match, filter(_is_about_file, done.lines())))

    def versions(self, paths: Sequence[bytes]) -> dict[bytes, tuple[int, int | None]]:
        """Return size and time of files on the NAS (unix seconds, None: not known); not of absent ones.

        Raises:
            InboxError: the NAS or the way to it failed.
        """
        done = self._run(
            *("--list-only", "--no-human-readable", "--ignore-missing-args"),
            *("--from0", "--", self._at(""), "."),
            names=paths,
            within_s=_SHORT_S,
        )
        return dict(_versions(done.lines()))

    def ssh_command(self) -> list[str]:
        """Return the ssh command that talks to this NAS only as it is known to us."""
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": _for_ssh(self.key),
            "UserKnownHostsFile": _for_ssh(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(_CONNECT_S),
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "3",
            "LogLevel": "ERROR",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-p", str(self.port), *words]

    def _at(self, path: str) -> str:
        return f"{self.user}@{self.host}:/{path}"

    def _run(
        self,
        *arguments: str,
        within_s: float,
        names: Sequence[bytes] | None = None,
        silence_s: int = _SILENCE_S,
        stop: Callable[[], Stop | None] = lambda: None,
        progress: Callable[[int], None] = lambda _sent_bytes: None,
        about_marker: bool = False,
    ) -> _Done:
        """Run rsync; a failure of the NAS or the way to it is raised, one of single files is not."""
        self.require_ready()
        # Dies with the thread that waits for it: no transfer goes on behind the back of a next worker.
        command = ["setpriv", "--pdeathsig", "KILL", "--", "rsync", f"--timeout={silence_s}"]
        command += ["--rsh", " ".join(map(_for_rsh, self.ssh_command()))]
        # A file in memory: the list may be long, and a pipe would have to be fed meanwhile.
        list_fd = os.memfd_create("names")
        try:
            if names is not None:
                # "./", because a line that begins with # or ; would be taken for a comment.
                _write_all(list_fd, b"".join(b"./" + name + b"\0" for name in names))
                command.append("--files-from=-")
            done = _run(
                [*command, *arguments], list_fd, ends_s=time.monotonic() + within_s, stop=stop,
                progress=progress,
            )  # fmt: skip
        finally:
            os.close(list_fd)
        _raise_trouble(done, about_marker=about_marker)
        return done


@dataclass
class _Done:
    """How a run of rsync ended."""

    code: int = 0
    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    stopped: Stop | None = None
    is_late: bool = False

    def lines(self) -> list[bytes]:
        return bytes(self.output).splitlines()

    def complaints(self) -> str:
        return _unescaped(bytes(self.errors)).decode(errors="backslashreplace")

    def first_complaint(self) -> str:
        return next((line for line in self.complaints().splitlines() if line.strip()), "")[:200]


def _run(
    command: list[str],
    list_fd: int,
    *,
    ends_s: float,
    stop: Callable[[], Stop | None],
    progress: Callable[[int], None],
) -> _Done:
    done = _Done()
    # One form of words and times in all that is read; nothing of ours for the children to inherit.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    with subprocess.Popen(  # noqa: S603  # an argv list
        command,
        stdin=list_fd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            _follow(process, done, ends_s=ends_s, stop=stop, progress=progress)
            if not (done.stopped or done.is_late):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE_S)
        finally:
            _end(process)
        done.code = process.returncode
    return done


def _follow(
    process: subprocess.Popen[bytes],
    done: _Done,
    *,
    ends_s: float,
    stop: Callable[[], Stop | None],
    progress: Callable[[int], None],
) -> None:
    """Read what a run says until it ends, is late, or is to stop."""
    assert process.stdout is not None  # noqa: S101  # they are pipes
    assert process.stderr is not None  # noqa: S101
    with selectors.DefaultSelector() as pipes:
        pipes.register(process.stdout, selectors.EVENT_READ, done.output)
        pipes.register(process.stderr, selectors.EVENT_READ, done.errors)
        while pipes.get_map():
            done.stopped = stop()
            done.is_late = time.monotonic() >= ends_s
            if done.stopped or done.is_late:
                return
            for ready, _events in pipes.select(_POLL_S):
                chunk = os.read(ready.fd, 64 * 1024)
                if not chunk:
                    pipes.unregister(ready.fileobj)
                elif ready.data is done.output or len(done.errors) < _ERRORS_KEPT:
                    ready.data.extend(chunk)
            _tell_progress(done, progress)


def _tell_progress(done: _Done, progress: Callable[[int], None]) -> None:
    """Pass on the newest figure; each overwrites the one before, on the same line."""
    if b"\r" not in done.output:
        return
    before, _, newest = bytes(done.output).rpartition(b"\r")
    done.output[:] = newest
    for line in (before.rpartition(b"\r")[2], newest):
        if found := _PROGRESS.match(line):
            progress(int(found[1]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a run that goes on, with ssh: politely, so that it keeps what it has of a file."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):  # nobody is left of its group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _raise_trouble(done: _Done, *, about_marker: bool) -> None:
    if done.stopped is Stop.ENDING:
        raise InboxError(Trouble.STOPPED)
    if done.is_late:
        raise InboxError(Trouble.TOO_SLOW)
    if done.code == 0 or done.stopped:
        return
    said = _QUOTED.sub(b'""', bytes(done.errors))
    is_partial = (
        done.code in _PARTIAL_CODES
    )  # single files failed, and their names are in what is said
    for pattern, trouble in _DISK_MEANINGS if is_partial else (*_DISK_MEANINGS, *_MEANINGS):
        if re.search(pattern, said, re.MULTILINE):
            raise InboxError(trouble, done.first_complaint())
    if about_marker and b"No such file or directory" in said:
        raise InboxError(Trouble.NO_MARKER)
    if is_partial and not about_marker:
        return
    if done.code == _WRITE_CODE:
        raise InboxError(Trouble.NAS_IO)
    if done.code in _TIMEOUT_CODES or _CUT.search(said):
        raise InboxError(Trouble.NO_ANSWER)
    raise InboxError(Trouble.BROKEN, done.first_complaint() or f"exit code {done.code}")


def _is_about_file(line: bytes) -> bool:
    """Tell whether an itemised line is about a file: "YXcstpoguax name", X is the kind."""
    return len(line) > 2 and line[1:2] == b"f" and line[:1] in b".<"  # noqa: PLR2004


def _match(line: bytes) -> tuple[bytes, Match]:
    marks, _, name = line.partition(b" ")
    # Fixed width: "what" is 11 characters, padded where nothing differs.
    name = line[len(b"YXcstpoguax ") :]
    if marks.startswith(b"."):
        return _unescaped(name), Match.SAME
    is_new = marks.startswith(b"<f+")
    return _unescaped(name), Match.ABSENT if is_new else Match.DIFFERENT


def _versions(lines: list[bytes]) -> Iterator[tuple[bytes, tuple[int, int | None]]]:
    """Read listed files, times in UTC; None for a time beyond the year 9999."""
    for found in filter(None, map(_LISTED.fullmatch, lines)):
        text = f"{found['day'].decode()} {found['clock'].decode()} +0000"
        try:
            at = int(datetime.strptime(text, "%Y/%m/%d %H:%M:%S %z").timestamp())
        except ValueError:
            at = None
        yield _unescaped(found["name"]), (int(found["size"]), at)


def _unescaped(text: bytes) -> bytes:
    """Undo rsync's escapes: a backslash, #, and three octal digits for what is no printable ASCII."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), text)


def _for_ssh(path: Path) -> str:
    """Quote a path for ssh's own splitting of an option's value, in which % begins a token."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'


def _for_rsh(word: str) -> str:
    """Quote a word for rsync's own splitting of --rsh: a quote within quotes is doubled."""
    return "'" + word.replace("'", "''") + "'"


def _write_all(descriptor: int, data: bytes) -> None:
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
