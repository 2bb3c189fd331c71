"""Live: what the samples that still wait for the database add to the stored hours."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    waiting = [reading for reading in _waiting() if reading.at <= now]
    if not waiting:
        return []
    interval_s = settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    first = min(reading.at for reading in waiting)
    newest = _newest_stored(first - gap_limit(interval_s), now)
    samples_of = _since_newest(waiting, newest)
    return [
        LiveFigure(
            plug_id=plug_id,
            hour=figure.hour,
            energy_wh=figure.energy_wh,
            covered_h=figure.coverage,
            power_min_w=figure.power_min_w,
            power_max_w=figure.power_max_w,
        )
        for plug_id, samples in sorted(samples_of.items())
        for figure in hour_figures(samples, interval_s)
    ]


def waiting_samples(now: dt.datetime) -> dict[int, list[Sample]]:
    """Return the samples that are not stored yet, by plug; as above, one query where there are any."""
    plug_ids = None
    found: dict[int, list[Sample]] = defaultdict(list)
    for reading in _waiting():
        plug_ids = plug_ids or dict(SmartPlug.objects.values_list("device_id", "pk"))
        plug_id = plug_ids.get(reading.device_id)
        if plug_id is not None and reading.power_w is not None and reading.at <= now:
            found[plug_id].append(Sample(reading.at, reading.power_w))
    return found


def _waiting() -> Iterator[Reading]:
    for line in waiting_lines():
        reading = Reading.from_line(line)
        if reading is not None and reading.power_w is not None:
            yield reading


def _newest_stored(since: dt.datetime, until: dt.datetime) -> dict[int, Sample]:
    """Return each plug's newest stored sample; an older one is across a gap and of no use."""
    stored = PowerSample.objects.filter(at__gte=since, at__lte=until).order_by("at")
    rows = stored.values_list("plug_id", "at", "power_w")
    return {plug_id: Sample(at, power_w) for plug_id, at, power_w in rows}


def _since_newest(waiting: Iterable[Reading], newest: dict[int, Sample]) -> dict[int, list[Sample]]:
    """Return the waiting samples of each plug that are newer than its stored ones, and that one."""
    plug_ids = dict(SmartPlug.objects.values_list("device_id", "pk"))
    samples_of: dict[int, list[Sample]] = defaultdict(list)
    for reading in waiting:
        plug_id = plug_ids.get(reading.device_id)
        if plug_id is None or reading.power_w is None:
            continue
        last = newest.get(plug_id)
        if last is None or reading.at > last.at:
            samples_of[plug_id].append(Sample(reading.at, reading.power_w))
    for plug_id, samples in samples_of.items():
        if plug_id in newest:
            samples.append(newest[plug_id])
    return samples_of
