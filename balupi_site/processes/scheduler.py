"""A beat scheduler for a machine whose clock jumps and whose card wears out."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    transaction,
)
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from balupi_site.lib.progress import Work, advance

logger = logging.getLogger(__name__)

#: A wall clock that moves this much against the monotonic one was set, it did not drift.
CLOCK_STEP_SECONDS = 5.0
#: How soon an entry that somebody changed in the admin counts; each look costs a query.
LOOK_INTERVAL_SECONDS = 15.0
#: The state in the database is only a hint for the next start; each save costs a write per entry.
SAVE_INTERVAL_SECONDS = 1800.0


class RunTimesEntry(ModelEntry):  # type: ignore[misc]  # that package has no types
    """An entry that saves its run times alone.

    Upstream saves the whole row, and with it a page of each of its five indexes.
    """

    def save(self) -> None:
        """Save when it last ran, and how often it did."""
        values = {
            "last_run_at": self.model.last_run_at,
            "total_run_count": self.model.total_run_count,
        }
        type(self.model).objects.filter(pk=self.model.pk).update(**values)


class ClockSafeScheduler(DatabaseScheduler):  # type: ignore[misc]  # that package has no types
    """django-celery-beat that goes on when the clock steps back, and saves its state every 30 minutes.

    Upstream fires nothing until time has caught up with ``last_run_at`` when the clock is behind it
    (a Pi boots before NTP) or steps back. Here a ``last_run_at`` in the future becomes *now*.
    """

    Entry = RunTimesEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # upstream's signature
        self._clock_offset_s = time.time() - time.monotonic()
        self._saved_at: float | None = None
        self._looked_at = float("-inf")
        self._publishing_fails = False
        super().__init__(*args, **kwargs)
        # ``close`` saves. Upstream would once more when the process has hardly anything left to do it with.
        self._finalize.cancel()

    def tick(self, *args: Any, **kwargs: Any) -> float:  # noqa: ANN401  # upstream's signature
        """Run what is due and return the seconds until the next look; a stepped clock is mended first."""
        advance(Work.BEAT)
        offset_s = time.time() - time.monotonic()
        step_s = offset_s - self._clock_offset_s
        if abs(step_s) > CLOCK_STEP_SECONDS:
            logger.warning("the clock was set by %+.0f s; the schedule goes on from now", step_s)
            self._clock_offset_s = offset_s
            self._clamp(self.schedule)
            self._heap_invalidated = True
        return float(super().tick(*args, **kwargs))

    def schedule_changed(self) -> bool:
        """Tell whether somebody changed an entry; upstream would ask twice for each task that is sent."""
        now_s = time.monotonic()
        if now_s - self._looked_at < LOOK_INTERVAL_SECONDS:
            return False
        self._looked_at = now_s
        return bool(super().schedule_changed())

    def all_as_schedule(self) -> dict[str, ModelEntry]:
        """Return the entries of the database with the newer run times this process remembers."""
        entries: dict[str, ModelEntry] = super().all_as_schedule()
        for name, entry in entries.items():
            known = (self._schedule or {}).get(name)
            if known is not None:  # the model carries the newest figures, the entry its first ones
                entry.last_run_at = entry.model.last_run_at = known.model.last_run_at
                entry.total_run_count = entry.model.total_run_count = known.model.total_run_count
        self._clamp(entries)
        return entries

    def update_from_dict(self, mapping: dict[str, Any]) -> None:
        """Put the entries of the settings into the database and the schedule."""
        super().update_from_dict(mapping)
        self._clamp(self._schedule or {})

    @staticmethod
    def _clamp(entries: dict[str, ModelEntry]) -> None:
        now = dt.datetime.now(dt.UTC)
        for entry in entries.values():
            if entry.last_run_at > now:
                entry.last_run_at = entry.model.last_run_at = now

    def sync(self) -> None:
        """Save run times, at most every 30 minutes; upstream calls this every 3 to 5 minutes."""
        now_s = time.monotonic()
        if self._saved_at is None:  # nothing has run yet
            self._saved_at = now_s
        elif now_s - self._saved_at >= SAVE_INTERVAL_SECONDS:
            self._saved_at = now_s
            self._save_run_times()

    def _save_run_times(self) -> None:
        """Save what ran, in one transaction: each page of the database is written once."""
        schedule = self._schedule or {}
        try:
            if not connection.in_atomic_block:
                close_old_connections()  # one that broke is made anew
            with transaction.atomic():
                for name in self._dirty & schedule.keys():
                    schedule[name].save()
        except (DatabaseError, InterfaceError) as error:  # they are tried again with the next ones
            logger.warning("the run times of the schedule were not saved: %s", error)
        else:
            self._dirty.clear()

    def close(self) -> None:
        """Save run times once more at the end."""
        self._saved_at = float("-inf")
        super().close()

    def apply_entry(self, entry: ModelEntry, producer: Any = None) -> None:  # noqa: ANN401
        """Send a due task; a broker that is away is told once, not at every tick with a traceback."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # noqa: BLE001  # beat must outlive every broker failure
            if not self._publishing_fails:
                logger.warning("beat cannot reach Redis, it keeps trying: %s", error)
            self._publishing_fails = True
        else:
            if self._publishing_fails:
                logger.info("beat reaches Redis again")
            self._publishing_fails = False
