"""The curves of the day band: mean power of each plug in each bucket of a window."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Func, IntegerField, Sum

from balupi_site.page import band
from energy.metering import gap_limit
from energy.models import EnergyHour, PowerSample
from energy.services.live import waiting_samples

#: A phone asks often, and a minute is half a point of the curve.
_LASTS_S = 60.0
#: What is over changes only where a late sample is stored.
_OLD_LASTS_S = 600.0
_MOST_KEPT = 4
_HOUR_S = 3600


@dataclass(frozen=True)
class Curves:
    """The curves of a window.

    Attributes:
        by_plug: by primary key; a plug that was not measured is not in it.
        hourly_until: the samples before it are gone, only their hours are kept; None: all are there.
        is_hourly: that is all of the window.
    """

    bucket_s: int
    by_plug: dict[int, band.Curve]
    hourly_until: dt.datetime | None = None
    is_hourly: bool = False

    @property
    def reach(self) -> int:
        """How many buckets apart two may be and still tell about the time between them."""
        limit_s = gap_limit(settings.ENERGY_SAMPLE_INTERVAL_SECONDS).total_seconds()
        return 1 if self.is_hourly else int(-(-limit_s // self.bucket_s))


class _Epoch(Func):
    """Seconds since 1970 of a time, whole."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401  # Django's
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401  # Django's
        template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **context)


class KeptCurves:
    """The curves read last, kept for a minute: several people look at the same day, the Pi is slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, Curves]] = OrderedDict()

    def get(
        self, plug_ids: Sequence[int], start: dt.datetime, end: dt.datetime, now: dt.datetime
    ) -> Curves:
        """Return the curves of ``[start, end)``; one query, two where samples wait or are gone."""
        key = (*plug_ids, start, end, settings.DATABASES["default"]["NAME"])
        lasts_s = _LASTS_S if now < end + dt.timedelta(hours=1) else _OLD_LASTS_S
        with self._lock:
            made_s, found = self._kept.get(key, (float("-inf"), None))
            if found is not None and time.monotonic() - made_s <= lasts_s:
                self._kept.move_to_end(key)
                return found
        # Not under the lock: nobody waits for another's day.
        found = _read(plug_ids, start, end, now)
        with self._lock:
            self._kept[key] = time.monotonic(), found
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def forget(self) -> None:
        """Read anew at the next call."""
        with self._lock:
            self._kept.clear()


curves = KeptCurves()


def _read(
    plug_ids: Sequence[int], start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> Curves:
    length_s = (end - start).total_seconds()
    size_s = band.bucket_s(length_s, settings.ENERGY_SAMPLE_INTERVAL_SECONDS)
    sums: dict[int, dict[int, tuple[float, int]]] = defaultdict(dict)
    for plug_id, number, sum_w, count in _stored(start, end, size_s):
        sums[plug_id][number] = (sum_w, count)
    waiting = waiting_samples(now) if now < end + dt.timedelta(hours=1) else {}
    for plug_id, samples in waiting.items():
        for sample in samples:
            if start <= sample.at < end:
                number = int((sample.at - start).total_seconds() // size_s)
                sum_w, count = sums[plug_id].get(number, (0.0, 0))
                sums[plug_id][number] = (sum_w + sample.power_w, count + 1)
    means = {
        plug_id: {number: sum_w / count for number, (sum_w, count) in found.items()}
        for plug_id, found in sums.items()
    }
    first = min((min(found) for found in means.values()), default=None)
    if first is None:
        hours = _hours(plug_ids, start, end)
        return Curves(_HOUR_S, hours, end, is_hourly=True) if hours else Curves(size_s, {})
    if first * size_s < _HOUR_S:
        return Curves(size_s, means)
    until = start + dt.timedelta(seconds=first * size_s)
    is_partly_old = _fill(means, _hours(plug_ids, start, until), first, size_s)
    return Curves(size_s, means, until if is_partly_old else None)


def _fill(
    curves: dict[int, band.Curve], hours: dict[int, band.Curve], first: int, size_s: int
) -> bool:
    """Add the mean of the hours before the first sample; tell whether there were any."""
    for plug_id, means in hours.items():
        curve = curves.setdefault(plug_id, {})
        for number in range(first):
            mean_w = means.get(number * size_s // _HOUR_S)
            if mean_w is not None:
                curve.setdefault(number, mean_w)
    return bool(hours)


def _stored(start: dt.datetime, end: dt.datetime, size_s: int) -> Any:  # noqa: ANN401  # rows
    number = (_Epoch(F("at")) - int(start.timestamp())) / size_s
    rows = PowerSample.objects.filter(at__gte=start, at__lt=end).annotate(number=number)
    grouped = rows.values("plug_id", "number").annotate(sum_w=Sum("power_w"), count=Count("pk"))
    return grouped.order_by().values_list("plug_id", "number", "sum_w", "count")


def _hours(plug_ids: Sequence[int], start: dt.datetime, end: dt.datetime) -> dict[int, band.Curve]:
    """Return the mean power of the hours; a window that begins within one begins with it."""
    since = start - dt.timedelta(hours=1)
    rows = EnergyHour.objects.filter(plug__in=plug_ids, hour__gt=since, hour__lt=end)
    found: dict[int, band.Curve] = defaultdict(dict)
    for plug_id, hour, energy_wh, coverage, mean_w in rows.values_list(
        "plug_id", "hour", "energy_wh", "coverage", "power_avg_w"
    ):
        number = int((hour - start).total_seconds() // _HOUR_S)
        # Of an hour that the plug's memory filled, all is known; else the measured part tells.
        is_measured = mean_w is not None and energy_wh <= mean_w * coverage * 1.001
        found[plug_id][number] = mean_w if is_measured and mean_w is not None else energy_wh
    return found
