"""Adapter: rsync over ssh to the NAS; argv lists only, every run with a deadline.

The NAS restricts our key with ``rrsync``, which runs nothing but rsync within the inbox folder there;
so all paths on the NAS begin at that folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handshake.problems import InboxError, Trouble
from handshake.rsync_run import Done, Stop, run
from handshake.rsync_words import PARTIAL_CODES, Match, matches, trouble_of, versions

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
_SLOWEST_FILE_S = 0.5
_SLOWEST_DISK_BYTES_S = 10_000_000


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
        stop: asked five times a second by every call that is not given another.
    """

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    stop: Callable[[], Stop | None] = field(default=lambda: None, compare=False, repr=False)

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
            if done.code in PARTIAL_CODES:
                raise InboxError(Trouble.NAS_NOT_WRITABLE, done.first_complaint())

    def send(
        self,
        root: Path,
        paths: Sequence[bytes],
        *,
        size_bytes: int,
        stop: Callable[[], Stop | None] | None = None,
        progress: Callable[[int], None] = lambda _sent_bytes: None,
    ) -> Sent:
        """Copy files to the NAS under their paths; one that is there already is left as it is.

        Args:
            root: the folder that the paths begin at; of links, what they lead to is sent.
            paths: the files.
            size_bytes: of all of them; the deadline follows from it.
            stop: asked five times a second; ends the transfer.
            progress: told how many bytes have been sent.

        Raises:
            InboxError: the NAS or the way to it failed; some files may have arrived.
        """
        done = self._run(
            *("--times", "--no-implied-dirs", "--fsync"),
            "--ignore-existing",
            "--copy-links",
            *(f"--partial-dir=/{_PARTIAL}", f"--temp-dir=/{_TEMPORARY}"),
            *("--info=progress2", "--no-human-readable", "--outbuf=L"),
            *("--from0", "--", f"{root}/", self._at("")),
            names=paths,
            within_s=_SHORT_S + len(paths) * _SLOWEST_FILE_S + size_bytes / _SLOWEST_BYTES_S,
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
        stop: Callable[[], Stop | None] | None = None,
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
            "--copy-links",
            *("--from0", "--", f"{root}/", self._at("")),
            names=paths,
            within_s=_SHORT_S + 2 * patience_s,
            silence_s=int(patience_s),
            stop=stop,
        )
        if done.stopped:
            return None
        return matches(done.lines())

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
        return versions(done.lines())

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
        stop: Callable[[], Stop | None] | None = None,
        progress: Callable[[int], None] = lambda _sent_bytes: None,
        about_marker: bool = False,
    ) -> Done:
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
            done = run(
                [*command, *arguments], list_fd, ends_s=time.monotonic() + within_s, stop=stop or self.stop,
                progress=progress,
            )  # fmt: skip
        finally:
            os.close(list_fd)
        _raise_trouble(done, about_marker=about_marker)
        return done


def _raise_trouble(done: Done, *, about_marker: bool) -> None:
    if done.stopped is Stop.ENDING:
        raise InboxError(Trouble.STOPPED)
    if done.is_late:
        raise InboxError(Trouble.TOO_SLOW)
    if done.is_endless:
        raise InboxError(Trouble.BROKEN, "its output does not end")
    if done.code == 0 or done.stopped:
        return
    trouble = trouble_of(done.code, bytes(done.errors), about_marker=about_marker)
    if trouble is not None:
        raise trouble


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
