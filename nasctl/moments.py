"""Moments that stay comparable when the wall clock is set: wall time, uptime, and which boot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from balupi_site.lib.boot import boot_id


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by both clocks.

    Attributes:
        at: wall time, for people.
        uptime_s: monotonic clock; the same for all processes of one boot (Linux).
        boot_id: the boot that ``uptime_s`` belongs to; "" where the kernel does not say.
    """

    at: datetime
    uptime_s: float
    boot_id: str

    def elapsed_s(self, now: Moment) -> float:
        """Return the seconds from this moment to ``now``, never below 0.

        By the monotonic clock within one boot; across boots only the wall clock is left, and what
        it says lies in the future counts as just now.
        """
        if self.boot_id and self.boot_id == now.boot_id:
            return max(now.uptime_s - self.uptime_s, 0.0)
        return max((now.at - self.at).total_seconds(), 0.0)


def present_moment() -> Moment:
    """Return the present."""
    return moment_at(timezone.now())


def moment_at(now: datetime) -> Moment:
    """Return the present with the wall time that an edge has read already."""
    return Moment(now, time.monotonic(), boot_id())
