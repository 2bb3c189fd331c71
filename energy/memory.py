"""Rules: what a plug remembers of past hours, and what an hour says where both are known.

A plug keeps whole Wh per hour of its own wall clock for about a week (Tapo notes, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from energy.metering import HOUR, HourFigure

#: From this coverage on an hour is fully measured; the plug's memory never changes it.
COMPLETE_COVERAGE = 0.98
#: How long a plug remembers hours, and how many local days one call may span.
REMEMBERED = timedelta(days=7)
_MAX_DAYS = 8
#: 16 A at 250 V, and something on top; what is above is no energy of one hour.
_MOST_WH = 5_000

_DAY = timedelta(days=1)
_QUARTER = timedelta(minutes=15)  # all zones in use are whole quarters of an hour from UTC
_QUARTERS = 4
_CLOCK_SLACK = timedelta(minutes=5)
_WEST, _EAST = timedelta(hours=-12), timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class HourEntry:
    """What the row of an hour says; ``models.EnergyHour`` tells what its fields mean.

    ``source`` is one of the words of ``models.EnergySource``. The powers are None where nothing
    was measured.
    """

    energy_wh: float
    power_min_w: float | None
    power_avg_w: float | None
    power_max_w: float | None
    coverage: float
    source: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Past hours that a plug is to be asked for.

    Attributes:
        hours: their starts, UTC, rising, at least one.
        household: the household's zone.
        now: the time by our clock.
    """

    hours: tuple[datetime, ...]
    household: ZoneInfo
    now: datetime


@dataclass(frozen=True, slots=True)
class MemorySpan:
    """Local days of a plug's clock, as it is asked for them; the seconds are timestamps."""

    first_day: date
    days: int
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a plug remembers.

    Attributes:
        energies_wh: by the start of the hour, UTC; left out is what it does not know.
        read_until: the end of the last hour that was dealt with; None: there is none yet.
    """

    energies_wh: Mapping[datetime, float]
    read_until: datetime | None


class NoMemory(StrEnum):
    """Why a plug that answers told no past hours."""

    REFUSED = "refused"
    WRONG_CLOCK = "wrong_clock"


def merged(measured: HourFigure | None, plug_wh: float | None) -> HourEntry | None:
    """Return what is known of an hour from the samples and the plug's memory; None: nothing.

    Args:
        measured: None where nothing was measured.
        plug_wh: what the plug remembers, above 0; None where it does not know.
    """
    if measured is None:
        return None if plug_wh is None else HourEntry(plug_wh, None, None, None, 0.0, "plug")
    entry = measured_entry(measured, source="measured")
    if entry.coverage < COMPLETE_COVERAGE and plug_wh is not None and plug_wh > entry.energy_wh:
        return replace(entry, energy_wh=plug_wh, source="mixed")
    return entry


def measured_entry(figure: HourFigure, *, source: str) -> HourEntry:
    """Return what a row says where nothing but the samples told it."""
    return HourEntry(
        energy_wh=figure.energy_wh,
        power_min_w=figure.power_min_w,
        power_avg_w=figure.power_avg_w,
        power_max_w=figure.power_max_w,
        coverage=figure.coverage,
        source=source,
    )


def remembered_wh(source: str, energy_wh: float) -> float | None:
    """Return the plug's value that a row holds, in Wh; None where it was only measured."""
    return energy_wh if source in {"plug", "mixed"} else None


def clock_zone(local_time: object, region: str, wanted: Wanted) -> tzinfo | None:
    """Return the zone that a plug's clock goes by, or None where the clock is wrong.

    What counts is the offset from UTC that the clock shows. Where it is the household's, the clock
    follows the household's changes to and from summer time; else those of its own region, if that
    has this offset; else it is taken as fixed.

    Args:
        local_time: as the plug tells it, "2026-05-22 17:20:07".
        region: the zone that it says it is in, such as "Europe/Berlin"; "" where it does not.
        wanted: whose ``now`` is the time at which the plug said so, within seconds.
    """
    try:
        shown = datetime.strptime(str(local_time), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    ahead = shown - wanted.now
    offset = round(ahead / _QUARTER) * _QUARTER
    if abs(ahead - offset) > _CLOCK_SLACK or not _WEST <= offset <= _EAST:
        return None
    for zone in (wanted.household, _zone(region)):
        if zone is not None and wanted.now.astimezone(zone).utcoffset() == offset:
            return zone
    return timezone(offset)


def memory_span(hours: Sequence[datetime], zone: tzinfo) -> MemorySpan:
    """Return the plug's days that hold ``hours`` (rising), the last eight if they are more."""
    # The last hour may reach into the day after, where the zone is not whole hours from UTC.
    last_day = (hours[-1] + HOUR - _QUARTER).astimezone(zone).date()
    first_day = max(hours[0].astimezone(zone).date(), last_day - (_MAX_DAYS - 1) * _DAY)
    return MemorySpan(
        first_day=first_day,
        days=(last_day - first_day) // _DAY + 1,
        start_s=_midnight_s(first_day, zone),
        end_s=_midnight_s(last_day + _DAY, zone) - 1,
    )


def remembered(
    answer: Mapping[str, Any] | int, span: MemorySpan, zone: tzinfo, wanted: Wanted
) -> Remembered | NoMemory:
    """Return what an answer to ``get_energy_data`` says about the wanted hours.

    An hour that the wall clock repeats or skips is left out, and so is what is 0: nothing used and
    nothing known are told alike.

    Args:
        answer: the result, or the error code with which the plug refused.
        span: what was asked for.
        zone: of the plug's clock.
        wanted: the hours.
    """
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, list) or len(data) != 24 * span.days:
        return NoMemory.REFUSED
    first = datetime.combine(span.first_day, time())
    slots_wh = {first + HOUR * index: _energy_wh(value) for index, value in enumerate(data)}
    over = [hour for hour in wanted.hours if _is_over(hour, zone, wanted.now)]
    energies_wh = {hour: _hour_wh(hour, slots_wh, zone) for hour in over}
    return Remembered(
        {hour: energy_wh for hour, energy_wh in energies_wh.items() if energy_wh is not None},
        over[-1] + HOUR if over else None,
    )


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: it is the name of a folder
        return None


def _midnight_s(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def _energy_wh(value: object) -> float | None:
    """Return one entry of the memory, None where it tells nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= _MOST_WH else None


def _is_over(hour: datetime, zone: tzinfo, now: datetime) -> bool:
    """Tell whether the hours on the plug's wall clock that ``hour`` touches are all over.

    By the plug's clock, which may be slow.
    """
    end = hour + HOUR
    rest = timedelta(minutes=-end.astimezone(zone).minute % 60)
    return end + rest <= now - _CLOCK_SLACK


def _hour_wh(
    hour: datetime, slots_wh: Mapping[datetime, float | None], zone: tzinfo
) -> float | None:
    """Return the energy of an UTC hour: its quarters' shares of hours on the plug's wall clock."""
    shares_wh = []
    for step in range(_QUARTERS):
        slot = _wall_hour(hour + step * _QUARTER, zone)
        energy_wh = slots_wh.get(slot) if _is_plain(slot, zone) else None
        if energy_wh is None:
            return None
        shares_wh.append(energy_wh / _QUARTERS)
    return math.fsum(shares_wh)


def _wall_hour(at: datetime, zone: tzinfo) -> datetime:
    """Return the start of the hour that the wall clock shows, without its zone."""
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0)


def _is_plain(slot: datetime, zone: tzinfo) -> bool:
    """Tell whether the wall clock goes through this hour once, from its start to its end."""
    start = slot.replace(tzinfo=zone).astimezone(UTC)
    return all(
        (slot + step * _QUARTER).replace(tzinfo=zone, fold=fold).astimezone(UTC)
        == start + step * _QUARTER
        for step in range(_QUARTERS)
        for fold in (0, 1)
    )
