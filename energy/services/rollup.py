"""Roll-up: keep the rows of hours equal to what the samples say, and drop old samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery

from energy.metering import hour_start, hours_between, touched_hours
from energy.models import EnergyHour, EnergySource, PowerSample, SmartPlug
from energy.services.hour_rows import (
    batched,
    differs,
    entry_of,
    known_rows,
    lock_plugs,
    measured_figures,
    row_of,
    write_rows,
)

#: How far ``roll_up_hours`` looks back on its own.
_LOOK_BACK = timedelta(days=2)
#: A moment's work for the Pi; nobody waits longer for the database.
_PRUNE_BATCH = 5_000


def roll_up(stored: Iterable[tuple[int, datetime]], interval_s: float) -> int:
    """Bring the hours up to date that these samples touch; return the number of rows written.

    To be called after the samples were stored, best in their transaction: then no process can die
    between the two. Late samples correct their hours, and a second call writes nothing. Plugs that
    are gone are passed over.

    Each touched hour is read anew: at 30 s about 125 samples per plug and hour, however long the
    history is. Per hour two queries for 250 plugs, and one insert for all of it.

    Args:
        stored: plug id and time of each sample, in any order.
        interval_s: the planned seconds from one sample to the next.
    """
    plugs_of: dict[datetime, set[int]] = defaultdict(set)
    for plug_id, at in stored:
        for hour in touched_hours(at, interval_s):
            plugs_of[hour].add(plug_id)
    return _write_hours(plugs_of, interval_s)


def roll_up_hours(now: datetime, interval_s: float, *, since: datetime | None = None) -> int:
    """Bring the hours from ``since`` to ``now`` up to date; return the number of rows written.

    For samples that were stored without their hours: those of a clock that ran ahead.

    Args:
        now: samples after it, which a wrong clock may have left, hinder nothing.
        interval_s: the planned seconds from one sample to the next.
        since: None: the last hour that each plug has, but no more than two days ago.
    """
    plugs_of: dict[datetime, set[int]] = defaultdict(set)
    for plug_id, first in _starts(now, since):
        for hour in hours_between(first, now):
            plugs_of[hour].add(plug_id)
    return _write_hours(plugs_of, interval_s)


def prune_samples(now: datetime, keep_days: int) -> int:
    """Delete the samples of hours that ended ``keep_days`` ago or earlier; return how many.

    The oldest first, in batches, so that nobody waits long for the database. Hours are kept for
    ever. The caller makes sure that the clock can be believed.
    """
    kept_from = hour_start(now - timedelta(days=keep_days))
    old = PowerSample.objects.filter(at__lt=kept_from).order_by("at", "plug_id")
    deleted = 0
    while count := PowerSample.objects.filter(pk__in=old.values("pk")[:_PRUNE_BATCH]).delete()[0]:
        deleted += count
    return deleted


def _starts(now: datetime, since: datetime | None) -> Iterator[tuple[int, datetime]]:
    """Yield each plug and where its hours are to be looked at from."""
    plugs = SmartPlug.objects.order_by("pk")
    if since is not None:
        yield from ((plug_id, since) for plug_id in plugs.values_list("pk", flat=True))
        return
    earliest = now - _LOOK_BACK
    rolled = EnergyHour.objects.filter(
        plug=OuterRef("pk"), hour__gt=earliest, hour__lte=now, source=EnergySource.MEASURED
    )
    newest = Subquery(rolled.order_by("-hour").values("hour")[:1])
    for plug_id, hour in plugs.values_list("pk", newest):
        yield plug_id, hour or earliest


@transaction.atomic
def _write_hours(plugs_of: Mapping[datetime, Collection[int]], interval_s: float) -> int:
    """Write the rows that changed, all at once; return how many."""
    there = set(lock_plugs(set().union(*plugs_of.values())))
    rows = [
        row
        for hour, plug_ids in sorted(plugs_of.items())
        for batch in batched(sorted(there.intersection(plug_ids)))
        for row in _better_rows(hour, batch, interval_s)
    ]
    write_rows(rows)
    return len(rows)


def _better_rows(hour: datetime, plug_ids: list[int], interval_s: float) -> Iterator[EnergyHour]:
    """Yield the rows of an hour that must be written.

    A figure never replaces one that covers more: samples are only ever added, so less coverage
    means that the rest has been pruned.
    """
    figures, known = measured_figures(hour, plug_ids, interval_s), known_rows(hour, plug_ids)
    for plug_id, figure in sorted(figures.items()):
        row = known.get(plug_id)
        if row is not None and row.coverage > figure.coverage:
            continue
        entry = entry_of(figure, row)
        if entry is not None and differs(entry, row):
            yield row_of(plug_id, hour, entry)
