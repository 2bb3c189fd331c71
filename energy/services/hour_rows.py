"""Hours as rows: who may write them, what the samples say of them, and writing them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import datetime

from energy.memory import HourEntry, merged, remembered_wh
from energy.metering import HOUR, HourFigure, Sample, gap_limit, hour_figures
from energy.models import TAKEN_OVER, EnergyHour, PowerSample, SmartPlug

_FIELDS = ("energy_wh", "power_min_w", "power_avg_w", "power_max_w", "coverage", "source")
#: 30,000 samples of an hour in memory at once, 8 MB.
_PLUGS_PER_QUERY = 250


def lock_plugs(plug_ids: Collection[int]) -> list[int]:
    """Hold these plugs' hours until the transaction ends; return the plugs that exist, rising.

    Whoever writes hours does this first: of two that write hours of one plug the slower could
    otherwise write what it read before the other's samples came. SQLite has one writer at a time
    anyway. All take the plugs in the same order, so no two wait for each other.
    """
    plugs = SmartPlug.objects.select_for_update(no_key=True).filter(pk__in=plug_ids)
    return list(plugs.order_by("pk").values_list("pk", flat=True))


def batched(plug_ids: list[int]) -> Iterator[list[int]]:
    """Yield as many plugs at a time as one query should be for."""
    for first in range(0, len(plug_ids), _PLUGS_PER_QUERY):
        yield plug_ids[first : first + _PLUGS_PER_QUERY]


def measured_figures(
    hour: datetime, plug_ids: Collection[int], interval_s: float
) -> dict[int, HourFigure]:
    """Return what the samples say about an hour, by plug; without those that say nothing."""
    reach = gap_limit(interval_s)  # the neighbours across the hour's edges count too
    samples = PowerSample.objects.filter(
        at__gt=hour - reach, at__lt=hour + HOUR + reach, plug_id__in=plug_ids
    )
    samples_of: dict[int, list[Sample]] = defaultdict(list)
    for plug_id, at, power_w in samples.values_list("plug_id", "at", "power_w").iterator():
        samples_of[plug_id].append(Sample(at, power_w))
    return {
        plug_id: figure
        for plug_id, found in samples_of.items()
        for figure in hour_figures(found, interval_s)
        if figure.hour == hour
    }


def known_rows(hour: datetime, plug_ids: Collection[int]) -> dict[int, EnergyHour]:
    """Return the rows of an hour, by plug."""
    rows = EnergyHour.objects.filter(hour=hour, plug_id__in=plug_ids)
    return {row.plug_id: row for row in rows}


def entry_of(figure: HourFigure | None, row: EnergyHour | None) -> HourEntry | None:
    """Return what a row is to say: what was measured, and what it holds of the plug's memory."""
    return merged(figure, remembered_wh(row.source, row.energy_wh) if row else None)


def is_better_taken_over(row: EnergyHour | None, figure: HourFigure | None) -> bool:
    """Tell whether a row that ``import_legacy`` brought covers more than our own samples do.

    It must stay then: no sample of ours stands for it.
    """
    if row is None or row.source not in TAKEN_OVER:
        return False
    return figure is None or figure.coverage < row.coverage


def differs(entry: HourEntry, row: EnergyHour | None) -> bool:
    """Tell whether a row must be written."""
    return row is None or any(getattr(entry, name) != getattr(row, name) for name in _FIELDS)


def row_of(plug_id: int, hour: datetime, entry: HourEntry) -> EnergyHour:
    """Return the row to be written."""
    return EnergyHour(plug_id=plug_id, hour=hour, **asdict(entry))


def write_rows(rows: list[EnergyHour]) -> None:
    """Insert or replace these rows, each page of the database once."""
    EnergyHour.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["plug", "hour"], update_fields=_FIELDS
    )
