"""When work last advanced in this process, for whoever judges whether it is stuck."""

from __future__ import annotations

import time
from enum import StrEnum


class Work(StrEnum):
    """What advances as long as a process does what it is there for."""

    BEAT = "beat"
    WATCH = "the watch of the NAS"
    TASKS = "the tasks"
    ANSWERS = "the answers to requests"


_advanced_s: dict[Work, float] = {}


def advance(work: Work) -> None:
    """Note that work advances now; cheap, from any thread."""
    _advanced_s[work] = time.monotonic()


def advanced_s(work: Work) -> float | None:
    """Return when it last did, on the monotonic clock; None: never in this process."""
    return _advanced_s.get(work)
