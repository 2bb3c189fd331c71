"""Rules: what of the predecessor's rows can be believed, and what it becomes here.

Its hours are under-counted: each was written for the last time when its first five minutes had
left the window that it looked at. So an hour says what 110 of 120 readings say, and that is told by
its coverage; nothing is scaled up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from energy.memory import HourEntry, measured_entry
from energy.metering import HOUR, Sample, hour_figures

Row = Mapping[str, Any]

#: It read its plugs so often.
INTERVAL_S = 30.0
#: 16 A at 250 V is the most that a plug can carry, in W.
_MOST_W = 4_000.0
#: There was no such plug before; a Pi without a clock thinks it is 1970.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
#: Its values are rounded to hundredths; of less power the ratio of energy and power tells no time.
_LEAST_MEAN_W, _ROUNDING_W = 1.0, 0.011
_MOST_COVERAGE = 1.02
_MILLI = 1000.0


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row is left."""

    reason: str


@dataclass(slots=True)
class Left:
    """How many rows are left for a reason, and the first of them."""

    count: int = 0
    first: str = ""


@dataclass(slots=True)
class Tally:
    """What became of the rows of a table.

    ``read`` is the sum of ``taken``, ``known`` and what is left. ``known`` are those that are here
    already, as a former run brought them.
    """

    read: int = 0
    taken: int = 0
    known: int = 0
    left: dict[str, Left] = field(default_factory=dict)

    def leave(self, reason: str, example: str, count: int = 1) -> None:
        """Count rows that are left."""
        left = self.left.setdefault(reason, Left())
        left.count += count
        left.first = left.first or example


def utc_time(value: object) -> datetime | None:
    """Return a time as the predecessor writes it, UTC unless it says otherwise; None: it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def hour_of(row: Row, now: datetime) -> tuple[datetime, HourEntry] | Bad:
    """Return an hour as it is to be stored, or why it cannot be.

    The energy stays what it is. Coverage is the part of the hour that it is the energy of: energy by
    mean power, or the number of readings where next to nothing was drawn.

    Args:
        row: of ``energy_hourly``.
        now: an hour that is not over is left.
    """
    hour = utc_time(row["hour"])
    flaw = _flaw_of_hour(hour, now)
    if hour is None or flaw:
        return Bad(flaw)
    energy_wh = _number(row["energy_wh"])
    if energy_wh is None or not 0 <= energy_wh <= _MOST_W:
        return Bad("no energy that a plug can carry in an hour")
    coverage = _coverage(energy_wh, _power_w(row["avg_power_w"]), _number(row["sample_count"]))
    if coverage is None:
        return Bad("no number of readings")
    if coverage > _MOST_COVERAGE:
        return Bad("more energy than its mean power gives in an hour")
    return hour, _entry(row, energy_wh, min(coverage, 1.0))


def sample_of(row: Row, now: datetime, *, tells_voltage: bool) -> Sample | Bad:
    """Return a reading, or why it tells nothing.

    Args:
        row: of ``energy_samples``.
        now: the present.
        tells_voltage: the plug does, so 0 W without a voltage is no reading.
    """
    at = utc_time(row["timestamp"])
    power_mw = _number(row["power_mw"])
    if at is None:
        return Bad("the time cannot be read")
    if not _EARLIEST <= at <= now:
        return Bad("the time is in the future" if at > now else "the clock was wrong: before 2020")
    if power_mw is None or not 0 <= power_mw <= _MOST_W * _MILLI:
        return Bad("no power that a plug can measure")
    if power_mw == 0 and tells_voltage and not _number(row["voltage_mv"]):
        return Bad("0 W without a voltage: the plug did not answer")
    return Sample(at, power_mw / _MILLI)


def recounted(samples: Iterable[Sample], now: datetime) -> Iterator[tuple[datetime, HourEntry]]:
    """Yield the hours that are over, as our own metering counts them from the readings.

    A day in memory at a time.

    Args:
        samples: of one plug, by time; what is out of order only tells less.
        now: the present.
    """
    before: list[Sample] = []
    waiting: list[Sample] = []
    for _day, group in groupby(samples, key=lambda sample: sample.at.date()):
        of_day = list(group)
        if waiting:
            yield from _of_one_day(before, waiting, of_day[:1], now)
            before = waiting[-1:]
        waiting = of_day
    if waiting:
        yield from _of_one_day(before, waiting, [], now)


def better(one: HourEntry, other: HourEntry | None) -> HourEntry:
    """Return what knows more of an hour; of equals ``one``."""
    return one if other is None or one.coverage >= other.coverage else other


def day_of(row: Row) -> tuple[str, float] | Bad:
    """Return a day (UTC, as a text) and its energy, or why it cannot be read; of ``energy_daily``."""
    day, energy_wh = utc_time(row["date"]), _number(row["energy_wh"])
    if day is None:
        return Bad("the day cannot be read")
    if energy_wh is None or not 0 <= energy_wh <= _MOST_W * 24:
        return Bad("no energy of a day")
    return f"{day:%Y-%m-%d}", energy_wh


def _flaw_of_hour(hour: datetime | None, now: datetime) -> str:
    if hour is None:
        return "the hour cannot be read"
    if hour.replace(minute=0, second=0, microsecond=0) != hour:
        return "no full hour"
    if hour < _EARLIEST:
        return "the clock was wrong: before 2020"
    if hour > now:
        return "the hour is in the future"
    return "the hour is not over yet" if hour + HOUR > now else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _power_w(value: object) -> float | None:
    power_w = _number(value)
    return power_w if power_w is not None and 0 <= power_w <= _MOST_W else None


def _coverage(energy_wh: float, mean_w: float | None, count: float | None) -> float | None:
    """Return the part of the hour that was read; None: nobody knows."""
    if mean_w is not None and mean_w >= _LEAST_MEAN_W and energy_wh > 0:
        return energy_wh / mean_w
    if count is None or count < 1:
        return None
    return min(count * INTERVAL_S / HOUR.total_seconds(), 1.0)


def _entry(row: Row, energy_wh: float, coverage: float) -> HourEntry:
    """Return the entry; lowest and highest power are left out where they cannot be."""
    mean_w = energy_wh / coverage
    low_w, high_w = _power_w(row["min_power_w"]), _power_w(row["max_power_w"])
    return HourEntry(
        energy_wh=energy_wh,
        power_min_w=None if low_w is None or low_w > mean_w + _ROUNDING_W else min(low_w, mean_w),
        power_avg_w=mean_w,
        power_max_w=None
        if high_w is None or high_w < mean_w - _ROUNDING_W
        else max(high_w, mean_w),
        coverage=coverage,
        source="predecessor",
    )


def _of_one_day(
    before: list[Sample], samples: list[Sample], after: list[Sample], now: datetime
) -> Iterator[tuple[datetime, HourEntry]]:
    """Yield the hours of a day; its neighbours' nearest readings count at its edges."""
    day = samples[0].at.date()
    for figure in hour_figures([*before, *samples, *after], INTERVAL_S):
        if figure.hour.date() == day and figure.hour + HOUR <= now:
            yield figure.hour, measured_entry(figure, source="recounted")
