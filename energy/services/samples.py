"""Samples: from the poller through the buffer into the database."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable

from django.conf import settings
from django.db import DatabaseError, transaction

from balupi_site.lib.locks import household_lock
from energy.models import PowerSample, SmartPlug
from energy.readings import Reading
from energy.sample_buffer import SampleBuffer
from energy.services.rollup import roll_up

logger = logging.getLogger(__name__)

#: One per process: what the poller recorded and the database does not have yet.
buffer = SampleBuffer(is_stored_here=not settings.SITE)

_LOCK_WAIT_S = 5
_INSERT_BATCH = 500


class _Trouble:
    """Logs trouble with the database once when it begins and once when it ends."""

    def __init__(self) -> None:
        self._is_on = False

    def note(self, error: DatabaseError | None) -> None:
        """Take note of how storing went."""
        if error is not None and not self._is_on:
            logger.error("the database takes no samples, they wait: %s", error)
        if error is None and self._is_on:
            logger.info("the database takes samples again")
        self._is_on = error is not None


_trouble = _Trouble()


def store_samples(now: dt.datetime) -> int:
    """Move the waiting samples into the database and bring their hours up to date.

    One transaction for all of it, so that each page of the database is written once. A process that
    dies at any point loses nothing and stores nothing twice: samples leave the buffer after the
    commit, and a second insert of the same plug and time changes nothing.

    Args:
        now: hours of later samples (a clock was wrong) are left to ``roll_up_hours``.

    Returns:
        The number of samples handled; 0 where another process is at it, or where the database
        does not take them: they wait on.
    """
    with household_lock("energy-samples", wait_s=_LOCK_WAIT_S) as is_ours:
        if not is_ours:
            return 0
        try:
            # A second round: a list left by a process that died hides the one after it.
            count = sum(_store_waiting(now) for _round in range(2))
        except DatabaseError as error:
            _trouble.note(error)
            return 0
    _trouble.note(None)
    return count


def _store_waiting(now: dt.datetime) -> int:
    """Store what waits at this moment; return the number of samples."""
    lines = buffer.take()
    if not lines:
        return 0
    readings = (Reading.from_line(line) for line in lines)
    with transaction.atomic():
        samples = _samples(reading for reading in readings if reading is not None)
        PowerSample.objects.bulk_create(samples, ignore_conflicts=True, batch_size=_INSERT_BATCH)
        due = [(sample.plug_id, sample.at) for sample in samples if sample.at <= now]
        roll_up(due, interval_s=settings.ENERGY_SAMPLE_INTERVAL_SECONDS)
    buffer.forget(lines)
    logger.debug("%s samples stored", len(samples))
    return len(samples)


def _samples(readings: Iterable[Reading]) -> list[PowerSample]:
    """Return rows for the readings of plugs that still exist."""
    plug_ids = dict(SmartPlug.objects.values_list("device_id", "pk"))
    return [
        PowerSample(
            plug_id=plug_ids[reading.device_id],
            at=reading.at,
            power_w=reading.power_w,
            voltage_v=reading.voltage_v,
            current_a=reading.current_a,
            today_energy_wh=reading.today_energy_wh,
        )
        for reading in readings
        if reading.device_id in plug_ids and reading.power_w is not None
    ]
