"""The machine since the last look of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from balupi_site.monitor import kernel
from balupi_site.monitor.rates import Look, sample_between
from balupi_site.monitor.samples import Sample

#: Looks closer together than this share one sample: two viewers would measure milliseconds.
MIN_INTERVAL_S = 1.0


class Meter:
    """Remembers the last look; callable from any thread, and never waits for a second one.

    The first sample covers the time since the process started.
    """

    def __init__(
        self,
        look: Callable[[], Look] = kernel.look,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look, self._monotonic = look, monotonic
        self._lock = threading.Lock()
        self._before = look()
        self._latest: Sample | None = None

    def sample(self, now: datetime) -> Sample:
        """Return what went on since the last look, or the last sample where that was just now."""
        with self._lock:
            is_fresh = self._monotonic() - self._before.at_s < MIN_INTERVAL_S
            if self._latest is None or not is_fresh:
                after = self._look()
                self._latest = sample_between(self._before, after, now)
                self._before = after
            return self._latest


#: This process' own.
meter = Meter()
