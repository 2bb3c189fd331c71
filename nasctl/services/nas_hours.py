"""Keeping every hour of the NAS's plug split by what the NAS did in it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import transaction
from django.db.models import (
    Case,
    Exists,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Abs, Coalesce, Least

from energy.metering import HOUR, Sample, gap_limit, hour_start, touched_hours
from energy.models import (
    FROM_MEMORY,
    EnergyHour,
    EnergySource,
    PlugRole,
    PowerSample,
    SmartPlug,
)
from nasctl.energy_split import (
    HOUR_S,
    LEAST_KNOWN_S,
    Change,
    HourEnergy,
    HourState,
    Part,
    runs,
    split_hour,
    state_spans,
)
from nasctl.models import NasHour, StateChange
from nasctl.saved import IDLE_DAYS

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)
#: Rows of hours change as long as their samples, or the plug's memory, can: about a week.
_CHANGING = timedelta(days=8)
#: An energy in Wh, and a time in s, that rounding may leave.
_ROUNDING_WH, _ROUNDING_S = 1e-6, 0.01
#: So much of a whole hour must have been measured, in s.
_MEASURED_S = 3500

#: What the parts of a row add up to: its known time, and its energy if that is of any time.
_KNOWN_S = Case(
    When(source__in=FROM_MEMORY, then=Value(HOUR_S)),
    default=Least(F("coverage"), 1.0) * HOUR_S,
    output_field=FloatField(),
)
_SPLIT_WH = Case(
    When(source__in=FROM_MEMORY, then=F("energy_wh")),
    When(coverage__lte=LEAST_KNOWN_S / HOUR_S, then=Value(0.0)),
    default=F("energy_wh"),
    output_field=FloatField(),
)


def nas_plug() -> SmartPlug | None:
    """Return the NAS's plug; None: there is none."""
    return SmartPlug.objects.filter(role=PlugRole.NAS).first()


def split_hours(now: datetime) -> int:
    """Split every complete hour that is not split, or no longer as its row is; return how many.

    Those whose row is gone lose their parts. A day per transaction, the oldest first; a second call
    writes nothing. An hour waits until its last samples are stored, so that it is split once.
    """
    plug = nas_plug()
    if plug is None:
        return 0
    recent = changing_since(now)
    stored_until = hour_start(now - timedelta(seconds=settings.ENERGY_FLUSH_INTERVAL_SECONDS))
    due = due_rows(plug.pk, recent, stored_until).values_list("hour", flat=True)
    hours = sorted({*_unsplit_before(plug.pk, recent), *_orphans_since(plug.pk, recent), *due})
    for day in _days(hours):
        _write(plug.pk, day, now)
    if hours:
        logger.info("%s hours of the NAS's plug split by state", len(hours))
    return len(hours)


def changing_since(now: datetime) -> datetime:
    """Return the hour from which on rows may still change."""
    kept = timedelta(days=settings.ENERGY_SAMPLE_RETENTION_DAYS + 1)
    return hour_start(now - max(_CHANGING, kept))


def due_rows(plug_id: int, start: datetime, end: datetime) -> QuerySet[EnergyHour]:
    """Return the rows in ``[start, end)``, rising, that are not split as they are now."""
    parts = NasHour.objects.filter(plug=OuterRef("plug"), hour=OuterRef("hour")).values("hour")
    split_wh = Subquery(parts.annotate(sum=Sum("energy_wh")).values("sum"))
    split_s = Subquery(parts.annotate(sum=Sum("known_s")).values("sum"))
    rows = EnergyHour.objects.filter(plug=plug_id, hour__gte=start, hour__lt=end).annotate(
        off_wh=Abs(_SPLIT_WH - Coalesce(split_wh, 0.0)),
        off_s=Abs(_KNOWN_S - Coalesce(split_s, -HOUR_S)),
    )
    is_off = Q(off_wh__gt=_ROUNDING_WH) | Q(off_s__gt=_ROUNDING_S)
    return rows.filter(is_off).order_by("hour")


def split_rows(
    plug_id: int, rows: Sequence[HourEnergy], now: datetime
) -> dict[datetime, list[Part]]:
    """Return the parts of hours (rising), the present one's up to now.

    Two queries, and one more where energy must be shared out.
    """
    if not rows:
        return {}
    interval_s = settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    samples = _samples(plug_id, [row.hour for row in rows], interval_s)
    changes = _changes(rows[0].hour, rows[-1].hour + HOUR)
    shares_out = any(row.is_measured and not samples[row.hour] for row in rows)
    typical_w = _typical_w(plug_id, rows[-1].hour + HOUR) if shares_out else {}
    return {
        row.hour: split_hour(
            row,
            state_spans(changes, row.hour, min(row.hour + HOUR, max(now, row.hour))),
            samples[row.hour],
            interval_s=interval_s,
            typical_w=typical_w,
        )
        for row in rows
    }


def whole_hours(plug_id: int) -> QuerySet[NasHour]:
    """Return the hours that the NAS was in one state for, from start to end, and measured.

    Not those of the plug's memory: nobody saw the NAS then.
    """
    measured = EnergyHour.objects.filter(
        plug=OuterRef("plug"), hour=OuterRef("hour"), source=EnergySource.MEASURED
    )
    return NasHour.objects.filter(
        Exists(measured),
        plug=plug_id,
        duration_s__gte=HOUR_S - 1,
        known_s__gte=_MEASURED_S,
        energy_wh__isnull=False,
    )


def hour_energy(row: EnergyHour) -> HourEnergy:
    """Return what a row says as a whole."""
    is_measured = row.source == EnergySource.MEASURED
    known_s = HOUR_S if row.source in FROM_MEMORY else min(row.coverage, 1.0) * HOUR_S
    return HourEnergy(row.hour, row.energy_wh, known_s, is_measured=is_measured)


@transaction.atomic
def _write(plug_id: int, hours: Sequence[datetime], now: datetime) -> None:
    # One after the other, with roll-ups too: what is read here must be what is written.
    list(SmartPlug.objects.select_for_update(no_key=True).filter(pk=plug_id).values_list("pk"))
    rows = EnergyHour.objects.filter(plug=plug_id, hour__in=hours).order_by("hour")
    split = split_rows(plug_id, [hour_energy(row) for row in rows], now)
    NasHour.objects.filter(plug=plug_id, hour__in=hours).delete()
    NasHour.objects.bulk_create(
        NasHour(
            plug_id=plug_id,
            hour=hour,
            state=part.state,
            duration_s=part.duration_s,
            energy_wh=part.energy_wh,
            known_s=part.known_s,
        )
        for hour, parts in split.items()
        for part in parts
    )


def _unsplit_before(plug_id: int, end: datetime) -> list[datetime]:
    """Return the hours of old that were never split; five years take a moment."""
    split = NasHour.objects.filter(plug=OuterRef("plug"), hour=OuterRef("hour"))
    rows = EnergyHour.objects.filter(~Exists(split), plug=plug_id, hour__lt=end)
    return list(rows.order_by("hour").values_list("hour", flat=True))


def _orphans_since(plug_id: int, start: datetime) -> list[datetime]:
    """Return the split hours whose row was deleted."""
    rows = EnergyHour.objects.filter(plug=OuterRef("plug"), hour=OuterRef("hour"))
    split = NasHour.objects.filter(~Exists(rows), plug=plug_id, hour__gte=start)
    return list(split.order_by().values_list("hour", flat=True))


def _days(hours: Iterable[datetime]) -> Iterator[list[datetime]]:
    by_day: dict[object, list[datetime]] = defaultdict(list)
    for hour in hours:
        by_day[hour.date()].append(hour)
    yield from by_day.values()


def _samples(
    plug_id: int, hours: Sequence[datetime], interval_s: float
) -> dict[datetime, list[Sample]]:
    """Return the samples of each hour with their neighbours across its edges."""
    reach = gap_limit(interval_s)
    stretches = [
        Q(plug=plug_id, at__gt=start - reach, at__lt=end + reach) for start, end in runs(hours)
    ]
    found: dict[datetime, list[Sample]] = defaultdict(list)
    rows = PowerSample.objects.filter(reduce(or_, stretches)).values_list("at", "power_w")
    for at, power_w in rows.iterator():
        for hour in touched_hours(at, interval_s):
            found[hour].append(Sample(at, power_w))
    return found


def _changes(start: datetime, end: datetime) -> list[Change]:
    """Return the changes of state up to ``end``, from the last one before ``start`` on."""
    before = StateChange.objects.filter(at__lte=start).order_by("-at").values("at")[:1]
    rows = StateChange.objects.filter(at__gte=Coalesce(Subquery(before), start), at__lt=end)
    return [
        Change(*row) for row in rows.order_by("at", "pk").values_list("at", "to_state", "reason")
    ]


def _typical_w(plug_id: int, end: datetime) -> dict[HourState, float]:
    """Return the mean power of each state in its whole hours of the last 30 days."""
    hours = whole_hours(plug_id).filter(hour__gte=end - IDLE_DAYS, hour__lt=end).order_by()
    sums = hours.values_list("state").annotate(Sum("energy_wh"), Sum("known_s"))
    return {HourState(state): wh * HOUR_S / known_s for state, wh, known_s in sums}
