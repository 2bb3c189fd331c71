"""Rebuilding: make the hours say again what the samples say, whatever they say now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import transaction

from energy.metering import HOUR, hour_start, hours_between
from energy.models import EnergyHour, PowerSample
from energy.periods import Span
from energy.services.hour_rows import (
    batched,
    differs,
    entry_of,
    is_better_taken_over,
    known_rows,
    lock_plugs,
    measured_figures,
    row_of,
    write_rows,
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of some hours; the hours of each plug count."""

    hours: int = 0
    written: int = 0
    deleted: int = 0

    @property
    def corrected(self) -> int:
        """How many said something else before."""
        return self.written + self.deleted

    def __add__(self, other: Rebuilt) -> Rebuilt:
        """Return the sums of both."""
        return Rebuilt(
            self.hours + other.hours, self.written + other.written, self.deleted + other.deleted
        )


def rebuildable_from(now: dt.datetime, keep_days: int) -> dt.datetime | None:
    """Return the first hour all of whose samples exist; None where there are no samples.

    Not the hour of the oldest sample: the neighbour before it is gone. Nor one that is about to be
    pruned.
    """
    oldest = PowerSample.objects.order_by("at").values_list("at", flat=True).first()
    if oldest is None:
        return None
    return max(hour_start(oldest), hour_start(now - dt.timedelta(days=keep_days))) + HOUR


def hours_of(span: Span) -> list[dt.datetime]:
    """Return the hours (starts, rising) that are in the span, be it in part; none if it is empty."""
    if span.start >= span.end:
        return []
    return hours_between(span.start, span.end - dt.timedelta(microseconds=1))


def rebuild_hours(
    hours: Collection[dt.datetime],
    plug_ids: Collection[int],
    interval_s: float,
    *,
    dry_run: bool = False,
) -> Rebuilt:
    """Make these hours say what their samples say; a second call does nothing.

    A measured row without samples is deleted. What is from a plug's memory stays, and so does what
    ``import_legacy`` brought, unless the samples cover more. A transaction for
    each hour, so that the polls' own writing never waits long.

    Args:
        hours: starts, UTC; not before ``rebuildable_from``, or what is known would be lost.
        plug_ids: those that are gone are passed over.
        interval_s: the planned seconds from one sample to the next.
        dry_run: only tell.
    """
    rebuilt = (_rebuild_hour(hour, plug_ids, interval_s, dry_run=dry_run) for hour in hours)
    return sum(rebuilt, Rebuilt())


@transaction.atomic
def _rebuild_hour(
    hour: dt.datetime, plug_ids: Collection[int], interval_s: float, *, dry_run: bool
) -> Rebuilt:
    there = lock_plugs(plug_ids)
    rows: list[EnergyHour] = []
    unfounded: list[int] = []
    for batch in batched(there):
        for row in _corrections(hour, batch, interval_s):
            if isinstance(row, EnergyHour):
                rows.append(row)
            else:
                unfounded.append(row)
    if not dry_run:
        write_rows(rows)
        EnergyHour.objects.filter(pk__in=unfounded).delete()
    return Rebuilt(len(there), len(rows), len(unfounded))


def _corrections(
    hour: dt.datetime, plug_ids: list[int], interval_s: float
) -> Iterator[EnergyHour | int]:
    """Yield the rows of an hour to be written, and the keys of those to be deleted."""
    figures, known = measured_figures(hour, plug_ids, interval_s), known_rows(hour, plug_ids)
    for plug_id in sorted(figures.keys() | known.keys()):
        row = known.get(plug_id)
        if is_better_taken_over(row, figures.get(plug_id)):
            continue
        entry = entry_of(figures.get(plug_id), row)
        if entry is None and row is not None:
            if not _has_samples(plug_id, hour):
                yield row.pk
        elif entry is not None and differs(entry, row):
            yield row_of(plug_id, hour, entry)


def _has_samples(plug_id: int, hour: dt.datetime) -> bool:
    """Tell whether there are samples, though too far apart for the present interval.

    Before the interval was shortened they were not: their hour stays as it is.
    """
    samples = PowerSample.objects.filter(plug_id=plug_id, at__gte=hour, at__lt=hour + HOUR)
    return samples.exists()
