"""A real smbd on loopback with deploy/smb.conf, and clients that keep one handle open.

Run as a program (``python -m tests.smb URL``) this is the client of `SmbWriter`. It uses libsmbclient, which
comes with smbclient; smbclient itself (``put -``) sends only full packets of what it reads, not each step.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

import psutil

from tests.conftest import ROOT, free_port

SHIPPED_CONF = ROOT / "deploy" / "smb.conf"
SHARE = "inbox"
#: Nothing here takes a second; this is for a loaded machine.
DEADLINE_S = 20
#: Where the shipped file has its data disk.
SHIPPED_DISK = "/srv/balupi"
#: A line of smbclient's ``ls`` (client.c: ``"  %-30s%7.7s %8.0f  %s"``): name, attributes, size, date.
LISTED = re.compile(
    r"^  (?P<name>.+)[ A-Z]{7} (?P<size>[ \d]{7,}\d)  \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}$"
)


class SmbError(Exception):
    """What an SMB client or smbd said went wrong."""


class SmbShare:
    """The shipped share in a temporary folder: ``with SmbShare(folder) as share: share.put(b"x", "a")``.

    Needs root, as smbd does. ``folder`` must be reachable for ``owner``, and its path short (it will hold
    Unix sockets).
    """

    def __init__(self, folder: Path, *, owner: str | None = None) -> None:
        """Lay the folders out; ``owner`` is the user all files will belong to (the current one)."""
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.password = "a password of the household"
        self.owner = pwd.getpwnam(owner or self.user)
        self.port = free_port()
        self.disk = folder / "disk"
        self.path = self.disk / SHARE
        self.marker = self.disk / ".balupi-disk"
        self.conf = folder / "smb.conf"
        self.log = folder / "smbd.log"
        self._private = folder / "samba"
        self._smbd: subprocess.Popen[bytes] | None = None
        self._writers: list[SmbWriter] = []
        self.path.mkdir(parents=True)
        self.path.chmod(0o750)
        os.chown(self.path, self.owner.pw_uid, self.owner.pw_gid)
        self.marker.touch()
        self.conf.write_text(self._rendered())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make the account and run smbd until it accepts connections."""
        self.add_user(self.user, self.password)
        with self.log.open("ab") as log:
            self._smbd = subprocess.Popen(  # noqa: S603
                ["/usr/sbin/smbd", "-F", "--no-process-group", "-s", str(self.conf)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(self._accepts, f"smbd listens, see {self.log}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End smbd, all it has started and all writers; a second call does nothing."""
        for writer in self._writers:
            writer.kill()
        self._writers.clear()
        if self._smbd is None:
            return
        family = self.processes()
        self._smbd.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._smbd.wait(DEADLINE_S)
        for process in {*family, *self.processes()}:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._smbd.wait(DEADLINE_S)
        wait_until(lambda: not self.processes(), "smbd and its children are gone")
        self._smbd = None

    def processes(self) -> list[psutil.Process]:
        """Return what lives of smbd: samba-dcerpcd makes itself a daemon, but all name our configuration."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def add_user(self, name: str, password: str) -> None:
        """Give an existing Unix user an SMB password, as the owner would."""
        done = subprocess.run(  # noqa: S603
            ["/usr/bin/smbpasswd", "-c", str(self.conf), "-s", "-a", name],
            input=f"{password}\n{password}\n",
            text=True,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if done.returncode:
            raise SmbError(done.stdout + done.stderr)

    def client(
        self,
        command: str,
        *options: str,
        login: str | None = None,
        stdin: bytes = b"",
    ) -> str:
        """Run a command of smbclient's on the share; what it prints.

        Args:
            command: as typed at its prompt; names in double quotes.
            options: more of its command line options.
            login: ``name%password``, the account of the household if None, nobody if empty.
            stdin: what ``put -`` reads.

        Raises:
            SmbError: with what smbclient printed.
        """
        who = f"{self.user}%{self.password}" if login is None else login
        done = subprocess.run(  # noqa: S603
            [
                "/usr/bin/smbclient",
                f"//127.0.0.1/{SHARE}",
                f"--configfile={self.conf}",
                f"--port={self.port}",
                *(["--user", who] if who else ["--no-pass", "--user", "%"]),
                *options,
                "--command",
                command,
            ],
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode:
            raise SmbError(said)
        return said

    def put(self, source: bytes | Path, name: str) -> None:
        """Copy bytes or a local file to the share, as a client would."""
        content = source.read_bytes() if isinstance(source, Path) else source
        if ";" in name:  # where smbclient ends a command, quoted or not
            with self.open_writer(name) as writer:
                writer.write(content)
        else:
            self.client(f'put - "{name}"', stdin=content)

    def open_writer(self, name: str) -> SmbWriter:
        """Create a file (or empty an old one) and keep its handle open."""
        writer = self.start_writer(name)
        writer.wait_open()
        return writer

    def start_writer(self, name: str) -> SmbWriter:
        """Ask for a file as `open_writer` does, and do not wait for smbd's answer."""
        writer = SmbWriter(self, name)
        self._writers.append(writer)
        return writer

    def listing(self, folder: str = "") -> dict[str, int]:
        """Return names and sizes in bytes that a client sees in a folder; a folder's size is 0."""
        lines = self.client(f'ls "{folder}/*"' if folder else "ls").splitlines()
        found = [match for line in lines if (match := LISTED.match(line))]
        sizes = {match["name"].rstrip(): int(match["size"]) for match in found}
        return {name: size for name, size in sizes.items() if name not in {".", ".."}}

    def _accepts(self) -> bool:
        assert self._smbd is not None
        if self._smbd.poll() is not None:
            raise SmbError(self.log.read_text(errors="replace"))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.pid != os.getpid()
                and any(str(self.conf) in word for word in process.cmdline())
            )
        except psutil.Error:
            return False

    def _rendered(self) -> str:
        """Return the shipped file with what must differ here replaced, and nothing else."""
        text = SHIPPED_CONF.read_text().replace(SHIPPED_DISK, str(self.disk))
        group = grp.getgrgid(pwd.getpwnam(self.user).pw_gid).gr_name
        for option, value in {
            "smb ports": str(self.port),
            "logging": f"file\n   log file = {self.log}",
            "force user": self.owner.pw_name,
            "valid users": f"@{group}",
        }.items():
            text, count = re.subn(rf"(?m)^( *{option} = ).*$", rf"\g<1>{value}", text)
            if count != 1:
                raise SmbError(f"{SHIPPED_CONF} has {count} lines with {option}")
        ours = ["interfaces = 127.0.0.1", "bind interfaces only = yes"]
        for option in (
            "lock directory",
            "state directory",
            "cache directory",
            "pid directory",
            "ncalrpc dir",
            "private dir",
        ):
            folder = self._private / option.split()[0]
            folder.mkdir(parents=True)
            ours.append(f"{option} = {folder}")
        return text.replace("[global]\n", "\n   ".join(["[global]", *ours]) + "\n", 1)


class SmbWriter:
    """One file that a client has open for writing; a process of its own, so that it can also vanish."""

    def __init__(self, share: SmbShare, name: str) -> None:
        """Start to open ``name``; `wait_open` says when it is."""
        url = f"smb://127.0.0.1:{share.port}/{SHARE}/{quote(name)}"
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tests.smb", url],
            env={
                **os.environ,
                "SMB_CONF_PATH": str(share.conf),
                "SMB_USER": share.user,
                "SMB_PASSWORD": share.password,
            },
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    def wait_open(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait for smbd to have opened the file.

        Raises:
            TimeoutError: it has not answered yet; asking again is allowed.
            SmbError: it refused.
        """
        self._expect_ok(deadline_s)

    def write(self, chunk: bytes) -> None:
        """Append, and return when smbd has written it to the file."""
        self._to.write(b"%d\n" % len(chunk) + chunk)
        self._to.flush()
        self._expect_ok()

    def close(self) -> None:
        """Close the handle and return when smbd has; a second call does nothing."""
        if not self._to.closed:
            self._to.close()
            self._expect_ok()
        self.kill()

    def kill(self) -> None:
        """Vanish without closing the file, as a crashing client; after `close` this does nothing."""
        self._process.kill()
        self._process.wait(DEADLINE_S)
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        self._from.close()

    def _expect_ok(self, deadline_s: float = DEADLINE_S) -> None:
        if not select.select([self._from], [], [], deadline_s)[0]:
            raise TimeoutError("smbd has not answered")
        answer = self._from.readline().decode().strip()
        if answer != "ok":
            raise SmbError(answer or "the writer's process ended")


def wait_until(check: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll until ``check()`` holds."""
    end_s = time.monotonic() + deadline_s
    while not check():
        if time.monotonic() > end_s:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        time.sleep(0.02)


class Handle:
    """One open file of libsmbclient (libsmbclient.h; the calls are those of POSIX, with URLs as paths)."""

    #: smbc_get_auth_data_fn: server, share, then a buffer and its length for workgroup, user and password.
    _ASK_LOGIN = ctypes.CFUNCTYPE(
        None,
        ctypes.c_char_p,
        ctypes.c_char_p,
        *(ctypes.c_void_p, ctypes.c_int) * 3,
    )

    def __init__(self, url: str) -> None:
        """Open for writing, empty; smbd answers before this returns."""
        self._library = ctypes.CDLL("libsmbclient.so.0", use_errno=True)
        self._library.smbc_write.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
        self._library.smbc_write.restype = ctypes.c_ssize_t
        self._ask_login = self._ASK_LOGIN(self._answer_login)  # C keeps no reference of its own
        self._checked(self._library.smbc_init(self._ask_login, 0))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._file = self._checked(self._library.smbc_open(url.encode(), flags, 0o666))

    def write(self, chunk: bytes) -> None:
        if self._checked(self._library.smbc_write(self._file, chunk, len(chunk))) != len(chunk):
            raise OSError(errno.EIO, "written in part")

    def close(self) -> None:
        self._checked(self._library.smbc_close(self._file))

    @staticmethod
    def _answer_login(*arguments: Any) -> None:
        user, user_size, password, password_size = arguments[4:]
        for variable, buffer, size in (
            ("SMB_USER", user, user_size),
            ("SMB_PASSWORD", password, password_size),
        ):
            value = os.environ[variable].encode()[: size - 1] + b"\0"
            ctypes.memmove(buffer, value, len(value))

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result


def serve_writer(url: str) -> None:
    """Open ``url``, append what standard input brings (a length, a line end, the bytes), close at its end.

    Each step is answered by a line: ``ok`` or what went wrong, which is the last.
    """
    try:
        handle = Handle(url)
        answer("ok")
        while length := sys.stdin.buffer.readline():
            handle.write(sys.stdin.buffer.read(int(length)))
            answer("ok")
        handle.close()
        answer("ok")
    except OSError as error:
        answer(str(error))


def answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve_writer(sys.argv[1])
