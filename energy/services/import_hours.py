"""Importing hours: those that are not known here are written, a thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from energy.memory import REMEMBERED, HourEntry
from energy.models import TAKEN_OVER, EnergyHour, SmartPlug
from energy.services.hour_rows import lock_plugs, row_of, write_rows

#: A moment's work for the Pi; nobody waits longer for the database.
_HOURS_AT_ONCE = 1_000
#: A value that came back from the database is the same as the one that went there.
_ROUNDING = 1e-6

Hours = dict[datetime, HourEntry]
#: Hours with what they say, rising.
HourList = Sequence[tuple[datetime, HourEntry]]


@dataclass(slots=True)
class Taken:
    """What was taken for a plug: hours that are new, or that now say more than a former run's."""

    new: int = 0
    improved: int = 0
    recounted: int = 0
    known: int = 0
    ours: int = 0
    energy_wh: float = 0.0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def hours(self) -> int:
        """How many hours were written, or would be."""
        return self.new + self.improved


def chunks(hours: Hours) -> Iterator[HourList]:
    """Yield the hours, rising, as many as one transaction is for."""
    rest = iter(sorted(hours.items(), key=lambda item: item[0]))
    while chunk := list(islice(rest, _HOURS_AT_ONCE)):
        yield chunk


def take(plug: SmartPlug, chunk: HourList, taken: Taken, now: datetime, *, dry_run: bool) -> None:
    """Write the hours that are not known here, in a transaction of their own."""
    if dry_run:
        _choose(plug, chunk, taken)
        return
    with transaction.atomic():
        if lock_plugs([plug.pk]):
            due = _choose(plug, chunk, taken)
            write_rows([row_of(plug.pk, hour, entry) for hour, entry in due])
            if due:  # with the hours: a run that is stopped here does not come back to them
                _known_since(plug, due[0][0], due[-1][0], now)


def _choose(plug: SmartPlug, chunk: HourList, taken: Taken) -> list[tuple[datetime, HourEntry]]:
    """Return the hours to be written, and count them all."""
    rows: dict[datetime, EnergyHour] = {}
    if plug.pk is not None:
        found = EnergyHour.objects.filter(plug=plug.pk, hour__in=[hour for hour, _entry in chunk])
        rows = {row.hour: row for row in found}
    due = []
    for hour, entry in chunk:
        row = rows.get(hour)
        if row is not None and row.source not in TAKEN_OVER:
            taken.ours += 1
        elif row is not None and entry.coverage <= row.coverage + _ROUNDING:
            taken.known += 1
        else:
            due.append((hour, entry))
            _count(taken, hour, entry, row)
    return due


def _count(taken: Taken, hour: datetime, entry: HourEntry, row: EnergyHour | None) -> None:
    taken.new += row is None
    taken.improved += row is not None
    taken.recounted += entry.source == "recounted"
    taken.energy_wh += entry.energy_wh - (row.energy_wh if row else 0.0)
    taken.first, taken.last = taken.first or hour, hour


def _known_since(plug: SmartPlug, first: datetime, last: datetime, now: datetime) -> None:
    """Let the plug's memory complete the last of these hours, and those since then.

    It is not asked for hours before the plug was known here, nor for any twice: both are forgotten.
    """
    SmartPlug.objects.filter(pk=plug.pk, created_at__gt=first).update(created_at=first)
    if last > now - REMEMBERED - timedelta(days=1):
        dealt_with = SmartPlug.objects.filter(pk=plug.pk, memory_message="")
        dealt_with.update(memory_read_until=None)
