"""Rules: when a household's clock jumps, and how far from UTC it is between two jumps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from energy.periods import Span

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def steady_spans(span: Span, zone: ZoneInfo) -> Iterator[tuple[Span, timedelta]]:
    """Cut a span where the clock jumps; with each part its offset from UTC."""
    years = range(span.start.year, span.end.year + 1)
    jumps = [at for year in years for at in _jumps(zone, year) if span.start < at < span.end]
    for start, end in pairwise([span.start, *jumps, span.end]):
        yield Span(start, end), _offset(start, zone)


@lru_cache(maxsize=512)
def _jumps(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Return the moments of a year in UTC at which the zone's offset changes, at most one a day."""
    first, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    days = [first + index * _DAY for index in range((until - first).days + 1)]
    return tuple(
        _jump_between(day, next_day, zone)
        for day, next_day in pairwise(days)
        if _offset(day, zone) != _offset(next_day, zone)
    )


def _jump_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second of the new offset; ``low`` has the old one, ``high`` the new one."""
    old = _offset(low, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if _offset(middle, zone) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
