"""Services: keep the rows of hours equal to what the samples say, and drop old samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from energy.metering import (
    HOUR,
    HourFigure,
    Sample,
    gap_limit,
    hour_figures,
    hour_start,
    touched_hours,
)
from energy.models import EnergyHour, EnergySource, PowerSample, SmartPlug

_FIGURES = ("energy_wh", "power_min_w", "power_avg_w", "power_max_w", "coverage")
_PRUNE_BATCH = 500


def roll_up(stored: Iterable[tuple[int, datetime]], interval_s: float) -> int:
    """Bring the hours up to date that these samples touch; return the number of rows written.

    To be called after the samples were stored, in a transaction of its own; late samples correct
    their hours, and a second call writes nothing. Plugs that are gone are passed over.

    Args:
        stored: plug id and time of each sample, in any order.
        interval_s: the planned seconds from one sample to the next.
    """
    hours_of: dict[int, set[datetime]] = defaultdict(set)
    for plug_id, at in stored:
        hours_of[plug_id].update(touched_hours(at, interval_s))
    return sum(
        _roll_up_plug(plug_id, sorted(hours), interval_s)
        for plug_id, hours in sorted(hours_of.items())
    )


def roll_up_hours(now: datetime, interval_s: float, *, since: datetime | None = None) -> int:
    """Bring the hours from ``since`` to ``now`` up to date; return the number of rows written.

    Heals what ``roll_up`` missed because a process died after it had stored its samples.

    Args:
        now: samples after it, which a wrong clock may have left, hinder nothing.
        interval_s: the planned seconds from one sample to the next.
        since: None: the last hour that each plug has.
    """
    written = 0
    for plug_id in SmartPlug.objects.order_by("pk").values_list("pk", flat=True):
        first = _first_sample_at(plug_id, since or _last_rolled_hour(plug_id, now))
        if first is not None:
            written += _roll_up_plug(plug_id, _hours(first, now), interval_s)
    return written


def prune_samples(now: datetime, keep_days: int) -> int:
    """Delete the samples of hours that ended ``keep_days`` ago or earlier; return how many.

    In small batches, so that nobody waits long for the database. Hours are kept for ever. The
    caller makes sure that the clock can be believed.
    """
    kept_from = hour_start(now - timedelta(days=keep_days))
    return sum(
        _prune_plug(plug_id, kept_from)
        for plug_id in SmartPlug.objects.order_by("pk").values_list("pk", flat=True)
    )


def _last_rolled_hour(plug_id: int, now: datetime) -> datetime | None:
    measured = EnergyHour.objects.filter(
        plug_id=plug_id, hour__lte=now, source=EnergySource.MEASURED
    )
    return measured.order_by("-hour").values_list("hour", flat=True).first()


def _first_sample_at(plug_id: int, since: datetime | None) -> datetime | None:
    samples = PowerSample.objects.filter(plug_id=plug_id).order_by("at")
    if since is not None:
        samples = samples.filter(at__gte=hour_start(since))
    return samples.values_list("at", flat=True).first()


def _hours(first: datetime, last: datetime) -> list[datetime]:
    start = hour_start(first)
    return [start + HOUR * step for step in range((hour_start(last) - start) // HOUR + 1)]


def _roll_up_plug(plug_id: int, hours: list[datetime], interval_s: float) -> int:
    """Write the rows of these hours (rising) that changed, a day at a time; return how many."""
    days = (hours[start : start + 24] for start in range(0, len(hours), 24))
    return sum(_write_hours(plug_id, day, interval_s) for day in days)


@transaction.atomic
def _write_hours(plug_id: int, hours: list[datetime], interval_s: float) -> int:
    # Two roll-ups of one plug go one after the other, or the slower could write what it read before
    # the other's samples came. SQLite has one writer at a time anyway.
    list(SmartPlug.objects.select_for_update(no_key=True).filter(pk=plug_id).values_list("pk"))
    known = {row.hour: row for row in EnergyHour.objects.filter(plug_id=plug_id, hour__in=hours)}
    measured = (_measured(plug_id, hour, interval_s) for hour in hours)
    rows = [
        _row(plug_id, figure)
        for figure in measured
        if figure is not None and _is_better(figure, known.get(figure.hour))
    ]
    EnergyHour.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["plug", "hour"],
        update_fields=[*_FIGURES, "source"],
    )
    return len(rows)


def _measured(plug_id: int, hour: datetime, interval_s: float) -> HourFigure | None:
    """Return what the samples say about an hour; None: nothing."""
    reach = gap_limit(interval_s)  # the neighbours across the hour's edges count too
    samples = PowerSample.objects.filter(
        plug_id=plug_id, at__gt=hour - reach, at__lt=hour + HOUR + reach
    ).values_list("at", "power_w")
    figures = hour_figures((Sample(at, power_w) for at, power_w in samples.iterator()), interval_s)
    return next((figure for figure in figures if figure.hour == hour), None)


def _is_better(figure: HourFigure, row: EnergyHour | None) -> bool:
    """Tell whether a row must be written.

    A figure never replaces one that covers more: samples are only ever added, so less coverage
    means that the rest has been pruned. For the same coverage measured beats the plug's memory.
    """
    if row is None or figure.coverage > row.coverage:
        return True
    if figure.coverage < row.coverage:
        return False
    is_measured = row.source == EnergySource.MEASURED
    return not is_measured or any(getattr(figure, name) != getattr(row, name) for name in _FIGURES)


def _row(plug_id: int, figure: HourFigure) -> EnergyHour:
    figures = {name: getattr(figure, name) for name in _FIGURES}
    return EnergyHour(plug_id=plug_id, hour=figure.hour, source=EnergySource.MEASURED, **figures)


def _prune_plug(plug_id: int, kept_from: datetime) -> int:
    deleted = 0
    old = PowerSample.objects.filter(plug_id=plug_id, at__lt=kept_from).order_by("at")
    while batch := list(old.values_list("pk", flat=True)[:_PRUNE_BATCH]):
        deleted += PowerSample.objects.filter(pk__in=batch).delete()[0]
    return deleted
