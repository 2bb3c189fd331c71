"""The budget of everything of BaluPi that runs on the Pi, in one place, and who keeps it.

A Pi 3B+ has 1 GB for all its programs, four slow cores and an SD card that wears out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TOGETHER = "together"
#: Proportional set size, MiB: of an idle home, and of one that was just asked 200 things. Only
#: together: how it is divided among the processes depends on who else has the same files open.
PSS_MIB = {TOGETHER: 160.0}
#: The part of it that is no file's, MiB: what is never given back while they run.
ANONYMOUS_MIB = {"redis": 4.0, "web": 71.0, "worker": 78.0, TOGETHER: 153.0}
#: CPU seconds in an hour of nothing but the regular work; x86-64, of which a Pi takes a multiple.
CPU_S_PER_HOUR = {"redis": 1.5, "web": 1.5, "worker": 15.0, TOGETHER: 18.0}
#: Megabytes (10^6) a day that the processes hand to the kernel to be written.
PROC_IO_MB_PER_DAY = {TOGETHER: 15.0}
#: Megabytes a day that reach the card, with the file system's own.
BLOCK_MB_PER_DAY = {TOGETHER: 29.0}

#: The highest PSS of each that was ever measured, MiB: web with twenty viewers at once (benchmarks/pages.py).
PEAK_PSS_MIB = {"redis": 7.0, "web": 114.0, "worker": 90.0}
#: A limit that kills must not be near what is normal; pages of files count in it, too.
LIMIT_FACTOR = 1.5

SYSTEMD = Path(__file__).resolve().parent.parent / "deploy" / "systemd"
_UNITS = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}


def needed_memory_max_mib(process: str, highest_pss_mib: float = 0.0) -> float:
    """Return what MemoryMax of a process must be at least, MiB."""
    return LIMIT_FACTOR * max(PEAK_PSS_MIB[process], highest_pss_mib)


def memory_max_mib(process: str, folder: Path = SYSTEMD) -> float | None:
    """Return MemoryMax of a process's unit, MiB; None where the unit has none."""
    text = (folder / f"balupi-{process}.service").read_text()
    found = re.search(r"^MemoryMax=(\d+)([KMG])$", text, re.MULTILINE)
    return int(found[1]) * _UNITS[found[2]] if found else None


def unit_environment(folder: Path = SYSTEMD) -> dict[str, str]:
    """Return what the units of web and worker set for Python and the C library, as the Pi has it."""
    return {
        name: value
        for process in ("web", "worker")
        for name, value in _settings_in(folder / f"balupi-{process}.service")
        if not name.startswith("BALUPI_")
    }


def _settings_in(unit: Path) -> Iterator[tuple[str, str]]:
    if not unit.exists():
        return
    for line in re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE):
        for item in line.split():
            name, _, value = item.strip('"').partition("=")
            yield name, value
