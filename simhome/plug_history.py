"""What a plug tells of its past: the answers to get_energy_data and get_power_data.

All rules: Tapo notes, section 3. How the start of power data is rounded and that they end with the
144th entry: the tapo crate's requests/power_data_interval.rs.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simhome.meter import Meter
from simhome.tapo_errors import BAD_PARAMETERS, MethodError

HOURLY_MIN, DAILY_MIN, MONTHLY_MIN = 60, 1440, 43200
FIVE_MINUTES = 5
MAX_DAYS_HOURLY = 8
MAX_POWER_ENTRIES = 144
NO_DATA = -1

_DAY = timedelta(days=1)


def energy_data(
    meter: Meter, params: Mapping[str, Any], now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return whole Wh per local hour, day or month; 0 for what is unknown or still to come.

    Raises:
        MethodError: BAD_PARAMETERS for an interval below an hour or unknown, for an end before the
            start, and for more than 8 days of hours.
    """
    start_s, end_s, interval = _span(params)
    first, last = (datetime.fromtimestamp(at, time_zone).date() for at in (start_s, end_s))
    if interval == HOURLY_MIN:
        energies = _hours_wh(meter, first, last)
    elif interval == DAILY_MIN:
        energies = [meter.day_wh(day) for day in _quarter(first)]
    elif interval == MONTHLY_MIN:
        energies = [month_wh(meter, date(first.year, month, 1)) for month in range(1, 13)]
    else:
        raise MethodError(BAD_PARAMETERS)
    return {
        "local_time": local_time(now, time_zone),
        "data": [round(energy) for energy in energies],
        "start_timestamp": start_s,
        "end_timestamp": end_s,
        "interval": interval,
    }


def power_data(
    meter: Meter, params: Mapping[str, Any], now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return mean power in whole W per 5 minutes or hour, -1 where there are no data.

    The start is rounded up to the grid, the end is exclusive, and at most 144 entries are given;
    start and end in the answer are those of the entries.

    Raises:
        MethodError: BAD_PARAMETERS for another interval or an end before the start.
    """
    start_s, end_s, interval = _span(params)
    if interval == HOURLY_MIN:
        mean_w = meter.hour_w
    elif interval == FIVE_MINUTES:
        mean_w = meter.five_minutes_w
    else:
        raise MethodError(BAD_PARAMETERS)
    step_s = interval * 60
    begin_s = -(-start_s // step_s) * step_s
    count = max(0, min(-(-(end_s - begin_s) // step_s), MAX_POWER_ENTRIES))
    steps = [datetime.fromtimestamp(begin_s + step_s * i, UTC) for i in range(count)]
    powers = [mean_w(step) for step in steps]
    return {
        "local_time": local_time(now, time_zone),
        "data": [NO_DATA if power is None else round(power) for power in powers],
        "start_timestamp": begin_s,
        "end_timestamp": begin_s + step_s * count,
        "interval": interval,
    }


def local_time(now: datetime, time_zone: ZoneInfo) -> str:
    """Return the plug's local time as plugs write it."""
    return now.astimezone(time_zone).strftime("%Y-%m-%d %H:%M:%S")


def month_wh(meter: Meter, first: date) -> float:
    """Return the energy in Wh of the month that begins on ``first``."""
    return sum(meter.day_wh(day) for day in days_between(first, _months_later(first, 1)))


def days_between(first: date, end: date) -> list[date]:
    """Return the days from ``first`` up to but not including ``end``."""
    return [first + _DAY * i for i in range((end - first).days)]


def _span(params: Mapping[str, Any]) -> tuple[int, int, int]:
    values = [params.get(name) for name in ("start_timestamp", "end_timestamp", "interval")]
    if not all(type(value) is int and 0 <= value < 2**31 for value in values):
        raise MethodError(BAD_PARAMETERS)
    start_s, end_s, interval = (int(value or 0) for value in values)
    if end_s < start_s:
        raise MethodError(BAD_PARAMETERS)
    return start_s, end_s, interval


def _hours_wh(meter: Meter, first: date, last: date) -> list[float]:
    days = days_between(first, last + _DAY)
    if len(days) > MAX_DAYS_HOURLY:
        raise MethodError(BAD_PARAMETERS)
    return [energy for day in days for energy in meter.hours_of_day_wh(day)]


def _quarter(day: date) -> list[date]:
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return days_between(first, _months_later(first, 3))


def _months_later(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)
