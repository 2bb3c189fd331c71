"""A NAS's rsync target seen from a client, and its processes."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from simhome.nas_ssh import SshTarget

PORT = 20022

SECONDS = 20  # no test waits that long unless something is broken

MEGABYTE = 1_000_000

Result = subprocess.CompletedProcess[str]


class Client:
    """Somebody with a key; what it has to send is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "client"
        self.folder.mkdir()
        self.key = folder / "client_key"
        made = run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)])
        assert made.returncode == 0, made.stderr

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text()

    def ssh(self, target: SshTarget) -> list[str]:
        known_hosts = self.folder.parent / "known_hosts"
        known_hosts.write_text(target.known_hosts_line() + "\n")
        options = ("BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={known_hosts}")
        words = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(target.port)]
        words += [f"-o{option}" for option in (*options, "ConnectTimeout=5")]
        return [*words, "-l", target.user]

    def rsync(self, target: SshTarget, *words: str) -> list[str]:
        return ["rsync", "-e", " ".join(self.ssh(target)), *words]

    def send(self, target: SshTarget, name: str = "a.txt", to: str = "") -> Result:
        (self.folder / name).write_text(f"this is {name}")
        source = str(self.folder / name)
        return run(self.rsync(target, source, f"{target.host}:{to}"))

    @contextmanager
    def sending(self, target: SshTarget) -> Iterator[subprocess.Popen[bytes]]:
        """Send a file that takes long; it has begun to arrive when this is entered."""
        big = self.folder / "big.bin"
        big.write_bytes(b"x" * 5 * MEGABYTE)
        words = ("--bwlimit=200", "--whole-file", "--inplace", str(big), f"{target.host}:")
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            self.rsync(target, *words), stderr=subprocess.DEVNULL
        )
        with process:
            try:
                wait_until(lambda: size(target.inbox / "big.bin") > 0)
                yield process
            finally:
                process.kill()


def run(words: list[str]) -> Result:
    return subprocess.run(  # noqa: S603 - our own arguments
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def serving(target: SshTarget) -> set[psutil.Process]:
    """Return what works in the inbox or for the server, found by another way than its own."""
    found = set()
    for process in psutil.process_iter(["cwd", "cmdline"]):
        settings = str(target.ssh_folder / "sshd_config")
        if process.info["cwd"] == str(target.inbox) or settings in (process.info["cmdline"] or ()):
            found.add(process)
    return found


def states(processes: set[psutil.Process]) -> set[str]:
    return {process.status() for process in processes}


def listens(target: SshTarget) -> bool:
    try:
        socket.create_connection((target.host, target.port), timeout=SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True
