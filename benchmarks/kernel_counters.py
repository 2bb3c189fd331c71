"""What the kernel counts of BaluPi's processes and of the disk that holds their data."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

#: Ours: everything that also runs on the Pi. The rest of the tree is the simulated home.
OURS = {"redis": "redis-server", "web": "run_web", "worker": "run_worker"}
OTHERS = "simulated home"
_SECTOR_BYTES = 512  # of /sys/block/*/stat, whatever the device's own size
_SECTORS_WRITTEN = 6


@dataclass
class Look:
    """The kernel's counters of one moment; CPU includes programs that a process ran and waited for."""

    at_s: float
    pids: dict[str, int] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    written_bytes: dict[str, int] = field(default_factory=lambda: {OTHERS: 0})
    block_bytes: int | None = None
    journal_commits: int | None = None


def look(root_pid: int, device: str | None) -> Look:
    """Read all counters; our processes are found below the trial's root process.

    Raises:
        LookupError: one of them is not running.
    """
    if device:
        os.sync()  # what waits in the page cache would be written sooner or later
    found = Look(
        at_s=time.monotonic(),
        block_bytes=_block_bytes(device),
        journal_commits=_journal_commits(device),
    )
    for name, process in _processes(root_pid):
        with contextlib.suppress(psutil.NoSuchProcess):  # a short one of the simulated home
            written_bytes = process.io_counters().write_bytes
            if name == OTHERS:
                found.written_bytes[OTHERS] += written_bytes
                continue
            found.pids[name] = process.pid
            found.cpu_s[name] = sum(process.cpu_times()[:4])  # its own, and of waited-for children
            found.written_bytes[name] = written_bytes
    missing = OURS.keys() - found.pids.keys()
    if missing:
        raise LookupError(f"not running: {', '.join(sorted(missing))}")
    return found


@dataclass
class Memory:
    """What each of our processes takes, MiB.

    Attributes:
        pss: proportional set size: what is shared counts in parts. Pages of files are among it, which the
            kernel can drop; they are shared with the simulated home and with whoever else runs here.
        anonymous: the part that is no file's, and is nobody else's.
    """

    pss: dict[str, float] = field(default_factory=dict)
    anonymous: dict[str, float] = field(default_factory=dict)


def memory(root_pid: int) -> Memory:
    """Return the memory of our processes now."""
    found = Memory()
    for name, process in _processes(root_pid):
        if name != OTHERS:
            with contextlib.suppress(OSError):  # it has just ended
                sizes_mib = _rollup_mib(process.pid)
                found.pss[name], found.anonymous[name] = sizes_mib["Pss"], sizes_mib["Anonymous"]
    return found


def _rollup_mib(pid: int) -> dict[str, float]:
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) / 1024
    return sizes


CPU_OF_EACH = (
    "CPU of all threads of the web process meanwhile, each answer's share; other work on the machine "
    "hardly changes it."
)


def listener(url: str) -> int | None:
    """Return the process of this machine that serves a URL; None where none does."""
    address = urlsplit(url)
    place = (socket.gethostbyname(address.hostname or ""), address.port or 80)
    found = (it for it in psutil.net_connections("tcp4") if it.status == psutil.CONN_LISTEN)
    return next((it.pid for it in found if tuple(it.laddr) in {place, ("0.0.0.0", place[1])}), None)  # noqa: S104  # looked for, not listened on


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process's present threads, to the microsecond."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _processes(root_pid: int) -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.Process(root_pid).children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        yield next((name for name, mark in OURS.items() if mark in command), OTHERS), process


def _journal_commits(device: str | None) -> int | None:
    """Return how often ext4 has committed its journal: some 16 kB each, however little changed."""
    for info in Path("/proc/fs/jbd2").glob(f"{device}-*/info") if device else ():
        return int(info.read_text().split()[0])
    return None


def _block_bytes(device: str | None) -> int | None:
    if device is None:
        return None
    fields = Path(f"/sys/block/{device}/stat").read_text().split()
    return int(fields[_SECTORS_WRITTEN]) * _SECTOR_BYTES
