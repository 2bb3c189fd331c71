"""Nothing fails unhandled, and no process holds more and more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TROUBLE = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread|Exception ignored|raised unexpected"
    r"|Unrecoverable|\bCRITICAL\b|Segmentation fault|never awaited|ResourceWarning"
)


def trouble_in(log: str) -> list[str]:
    """Return each trace of an exception that nobody handled, with the lines after it."""
    lines = log.splitlines()
    return [
        "log: " + "\n     ".join(lines[number : number + 60])
        for number, line in enumerate(lines)
        if _TROUBLE.search(line)
    ]


@dataclass(frozen=True)
class Usage:
    """What a process held at a moment; ``uss_mib`` is what it shares with nobody."""

    program: str
    pid: int
    age_s: float
    uss_mib: float
    descriptors: int
    threads: int


#: After so long a process has loaded and opened what it needs.
_WARM_S = 60.0
#: A thread of the pool that was not needed yet; each has its own connection to the database, which is
#: three descriptors.
_MORE_MIB, _MORE_DESCRIPTORS, _MORE_THREADS = 12.0, 30, 8


def leaks(usages: Iterable[Usage]) -> list[str]:
    """Return which processes hold more and more, each process compared with itself when it was warm.

    The least of the last three looks counts: what is held for a moment is no leak.
    """
    found = []
    by_process: dict[tuple[str, int], list[Usage]] = {}
    for one in usages:
        if one.age_s >= _WARM_S:
            by_process.setdefault((one.program, one.pid), []).append(one)
    for (program, _pid), looks in by_process.items():
        first, last = looks[0], looks[-3:]
        more = {
            "MiB": (min(one.uss_mib for one in last) - first.uss_mib, _MORE_MIB),
            "descriptors": (
                min(one.descriptors for one in last) - first.descriptors,
                _MORE_DESCRIPTORS,
            ),
            "threads": (min(one.threads for one in last) - first.threads, _MORE_THREADS),
        }
        found += [
            f"{program} holds {growth:.0f} more {what} than when it was warm"
            for what, (growth, limit) in more.items()
            if growth > limit
        ]
    return found
