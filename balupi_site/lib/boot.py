"""For how long this machine has been running, and since which start; by no clock that can be set."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def uptime_s() -> float:
    """Return the seconds since the start, those that the machine slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return which start that was; "" where the kernel does not say."""
    try:
        return _read_once(_BOOT_ID)
    except OSError:
        return ""


@lru_cache(maxsize=2)
def _read_once(path: Path) -> str:
    """Read what stays the same: one read that fails, with no file handle left, must not be another start."""
    return path.read_text(encoding="ascii").strip()
