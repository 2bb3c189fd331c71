"""The machine since the last look of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from balupi_site.monitor import kernel, ring
from balupi_site.monitor.rates import Look, sample_between
from balupi_site.monitor.samples import Sample

#: Looks closer together than this share one sample: two viewers would measure milliseconds.
MIN_INTERVAL_S = 1.0
#: What went on since a look longer ago than this is not what goes on: the worker's last sample is.
MAX_INTERVAL_S = 60.0


class Meter:
    """Remembers the last look; callable from any thread, and never waits for a second one.

    Where the last look was long ago, the worker's sample of the last minute tells what goes on: one
    attempt to read it. Without it, the sample covers the time since that look, or since the process
    started.
    """

    def __init__(
        self,
        look: Callable[[], Look] = kernel.look,
        monotonic: Callable[[], float] = time.monotonic,
        kept: Callable[[], Sample | None] = lambda: None,
    ) -> None:
        self._look, self._monotonic, self._kept = look, monotonic, kept
        self._lock = threading.Lock()
        self._before = look()
        self._latest: Sample | None = None

    def sample(self, now: datetime) -> Sample:
        """Return what went on since the last look, or the last sample where that was just now."""
        at_s = self._monotonic()
        is_old = at_s - self._before.at_s > MAX_INTERVAL_S
        # First: nobody waits for the lock meanwhile.
        kept = self._recent_kept(now) if is_old else None
        with self._lock:
            is_fresh = at_s - self._before.at_s < MIN_INTERVAL_S
            if self._latest is None or not is_fresh:
                after = self._look()
                self._latest = _with_rates(sample_between(self._before, after, now), kept)
                self._before = after
            return self._latest

    def _recent_kept(self, now: datetime) -> Sample | None:
        kept = self._kept()
        longest = timedelta(seconds=MAX_INTERVAL_S)
        return kept if kept is not None and now - longest < kept.at <= now else None


def _with_rates(sample: Sample, kept: Sample | None) -> Sample:
    """Return the sample with the rates of the kept one; what is seen at once, such as memory, stays."""
    if kept is None:
        return sample
    return replace(sample, cpu=kept.cpu, network=kept.network, disks=kept.disks)


#: This process' own.
meter = Meter(kept=ring.newest)
