"""What is kept of the time range that somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from balupi_site.monitor import ring
from balupi_site.monitor.samples import Sample

#: What the NAS-built page may ask for.
TIME_RANGES = {
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}


@dataclass(frozen=True)
class History:
    """The newest samples of a time range, in order of time.

    Attributes:
        source: where they are from, and how far back that goes if it is less than was asked for.
    """

    samples: Sequence[Sample]
    source: str


def history(time_range: str, limit: int, now: datetime) -> History:
    """Return the newest ``limit`` samples of a time range; none while Redis is away.

    What a clock that was wrong called the future is left out.
    """
    length = TIME_RANGES[time_range]
    kept = ring.load()
    if kept is None:
        return History((), "none")
    samples = [sample for sample in kept if now - length < sample.at <= now]
    is_longer = length > timedelta(seconds=ring.KEPT_S)
    return History(samples[-limit:], "memory (last hour)" if is_longer else "memory")
