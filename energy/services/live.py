"""Live: what the samples that still wait for the database add to the stored hours."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings

from energy.metering import Sample, gap_limit, hour_figures
from energy.models import PowerSample, SmartPlug
from energy.readings import Reading
from energy.sample_buffer import waiting_lines


@dataclass(frozen=True, slots=True)
class LiveFigure:
    """What waiting samples add to one hour of one plug.

    ``covered_h`` is the measured time that they add, in hours; the powers are those of that time.
    """

    plug_id: int
    hour: dt.datetime
    energy_wh: float
    covered_h: float
    power_min_w: float
    power_max_w: float


def live_figures(now: dt.datetime) -> list[LiveFigure]:
    """Return what the waiting samples will add to the hours, by plug and hour, both rising.

    Added to the stored hours it is what they will say when the samples are stored. From each plug's
    newest stored sample on: a late sample counts once it is stored. Two queries, none where nothing
    waits; empty while Redis is away. Any process may call it.

    Read the stored hours first: where samples are stored between the two, their energy is missing
    for one look and is never counted twice.

    Args:
        now: samples after it, which a wrong clock may have left, are passed over.
    """
    waiting = waiting_samples(now)
    if not waiting:
        return []
    interval_s = settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    first = min(sample.at for samples in waiting.values() for sample in samples)
    newest = _newest_stored(first - gap_limit(interval_s), now)
    return [
        LiveFigure(
            plug_id=plug_id,
            hour=figure.hour,
            energy_wh=figure.energy_wh,
            covered_h=figure.coverage,
            power_min_w=figure.power_min_w,
            power_max_w=figure.power_max_w,
        )
        for plug_id, samples in sorted(waiting.items())
        for figure in hour_figures(_from_newest(samples, newest.get(plug_id)), interval_s)
    ]


def waiting_samples(now: dt.datetime) -> dict[int, list[Sample]]:
    """Return the samples that are not stored yet, by plug; one query where there are any."""
    lines = waiting_lines()
    plug_ids = dict(SmartPlug.objects.values_list("device_id", "pk")) if lines else {}
    found: dict[int, list[Sample]] = defaultdict(list)
    for line in lines:
        reading = Reading.from_line(line)
        if reading is None or reading.power_w is None or reading.at > now:
            continue
        plug_id = plug_ids.get(reading.device_id)
        if plug_id is not None:
            found[plug_id].append(Sample(reading.at, reading.power_w))
    return found


def _newest_stored(since: dt.datetime, until: dt.datetime) -> dict[int, Sample]:
    """Return each plug's newest stored sample; an older one is across a gap and of no use."""
    stored = PowerSample.objects.filter(at__gte=since, at__lte=until).order_by("at")
    rows = stored.values_list("plug_id", "at", "power_w")
    return {plug_id: Sample(at, power_w) for plug_id, at, power_w in rows}


def _from_newest(waiting: list[Sample], newest: Sample | None) -> list[Sample]:
    """Return a plug's newest stored sample, and those waiting ones that come after it."""
    if newest is None:
        return waiting
    return [newest, *(sample for sample in waiting if sample.at > newest.at)]
