"""Rules: days, weeks, months and years of the household, as half-open spans of UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from energy.metering import HOUR

_DAY = timedelta(days=1)


class Period(StrEnum):
    """A stretch of the calendar; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Resolution(StrEnum):
    """How finely a span is cut."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


#: How finely each period is shown.
RESOLUTION_OF = {
    Period.DAY: Resolution.HOUR,
    Period.WEEK: Resolution.DAY,
    Period.MONTH: Resolution.DAY,
    Period.YEAR: Resolution.MONTH,
}


@dataclass(frozen=True, slots=True)
class Span:
    """``[start, end)``, both in UTC."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return (self.end - self.start) / HOUR

    def until(self, now: datetime) -> Span:
        """Return the part that is over at ``now``; empty at its start if none is."""
        return Span(self.start, min(max(now.astimezone(UTC), self.start), self.end))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of a local day in UTC, also where its clock begins at 01:00."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """Return the local day that holds ``at`` (aware)."""
    return at.astimezone(zone).date()


def day_span(day: date, zone: ZoneInfo) -> Span:
    """Return a local day: 23 to 25 hours."""
    return Span(midnight(day, zone), midnight(day + _DAY, zone))


def period_span(period: Period, day: date, zone: ZoneInfo) -> Span:
    """Return the calendar's day, week, month or year that holds ``day``."""
    first = _first_day(period, day)
    return Span(midnight(first, zone), midnight(_next_first_day(period, first), zone))


def previous_span(period: Period, day: date, zone: ZoneInfo) -> Span:
    """Return the period before the one that holds ``day``."""
    return period_span(period, _first_day(period, day) - _DAY, zone)


def same_part(period: Period, whole: Span, before: Span, now: datetime, zone: ZoneInfo) -> Span:
    """Return the part of ``before`` that corresponds to what is over of ``whole`` at ``now``.

    By the wall clock: yesterday until the same time, last month until the same day and time. All of
    ``before`` where ``whole`` is over, or where the month before has no such day.
    """
    if now >= whole.end:
        return before
    wall_now, wall_start, wall_before = (
        at.astimezone(zone).replace(tzinfo=None) for at in (now, whole.start, before.start)
    )
    if period is Period.YEAR:  # a leap day must not shift it
        return before.until(_a_year_earlier(wall_now).replace(tzinfo=zone))
    return before.until((wall_before + (wall_now - wall_start)).replace(tzinfo=zone))


def buckets(span: Span, resolution: Resolution, zone: ZoneInfo) -> list[Span]:
    """Cut a span at full local hours, local midnights or first days of months.

    The first and the last bucket are shorter where the span begins or ends within one. An hour that
    the clock repeats is two buckets, one that it skips none.
    """
    edges = [at for at in _edges(span, resolution, zone) if span.start < at < span.end]
    points = [span.start, *edges, span.end]
    return [Span(start, end) for start, end in pairwise(points) if start < end]


def _edges(span: Span, resolution: Resolution, zone: ZoneInfo) -> Iterator[datetime]:
    if resolution is Resolution.HOUR:
        yield from _local_hours(span, zone)
        return
    day = local_day(span.start, zone)
    last = local_day(span.end, zone)
    while day <= last:
        if resolution is Resolution.DAY or day.day == 1:
            yield midnight(day, zone)
        day += _DAY


def _local_hours(span: Span, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments at which the local clock shows a full hour, or jumps."""
    quarter = timedelta(minutes=15)  # all offsets of zones in use are whole quarters of an hour
    at = span.start.replace(minute=0, second=0, microsecond=0)
    previous = None
    while at < span.end:
        local = at.astimezone(zone)
        offset = local.utcoffset()
        if local.minute == 0 or (previous is not None and offset != previous):
            yield at
        previous = offset
        at += quarter


def _first_day(period: Period, day: date) -> date:
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    if period is Period.MONTH:
        return day.replace(day=1)
    if period is Period.YEAR:
        return day.replace(month=1, day=1)
    return day


def _next_first_day(period: Period, first: date) -> date:
    if period is Period.DAY:
        return first + _DAY
    if period is Period.WEEK:
        return first + timedelta(days=7)
    if period is Period.MONTH:
        return (first + timedelta(days=31)).replace(day=1)
    return first.replace(year=first.year + 1)


def _a_year_earlier(at: datetime) -> datetime:
    try:
        return at.replace(year=at.year - 1)
    except ValueError:  # 29 February: all of the earlier February
        return datetime(at.year - 1, 3, 1)  # noqa: DTZ001  # wall clock
