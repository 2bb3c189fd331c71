"""Rule: which part of a household's day is shown, and the times on its axis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from energy.periods import day_span

#: Minutes of the wall clock, from and to.
Part = tuple[int, int]
WHOLE_DAY: Part = (0, 24 * 60)
#: So much of the wall clock is one step of the axis, where a window is as long as the first number says.
_STEPS_MIN = ((30, 5), (70, 10), (130, 20), (200, 30), (400, 60), (760, 120))
_LONGEST_STEP_MIN = 180


@dataclass(frozen=True)
class Window:
    """What is shown of a day, ``[start, end)`` in UTC.

    Attributes:
        day: of the household.
        part: by the wall clock; a day of 23 or 25 hours has more or less of it.
    """

    day: dt.date
    part: Part
    start: dt.datetime
    end: dt.datetime
    zone: ZoneInfo

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    def percent(self, at: dt.datetime) -> float:
        """Return where an instant is, 0 to 100; the edge where it is outside."""
        share = (at - self.start).total_seconds() / self.seconds
        return 100 * min(max(share, 0.0), 1.0)

    def holds(self, at: dt.datetime) -> bool:
        """Tell whether an instant is in it."""
        return self.start <= at < self.end


@dataclass(frozen=True)
class Tick:
    """A time on the axis: minutes of the wall clock, and where it is, 0 to 100."""

    minute: int
    x: float


def window(day: dt.date, part: Part | None, zone: ZoneInfo) -> Window:
    """Return the part of a day; of an hour that comes twice, all of it."""
    first, last = part or WHOLE_DAY
    if part is None:
        span = day_span(day, zone)
        return Window(day, WHOLE_DAY, span.start, span.end, zone)
    return Window(
        day, part, min(_instants(day, first, zone)), max(_instants(day, last, zone)), zone
    )


def ticks(shown: Window) -> Iterator[Tick]:
    """Yield the times of the axis, both edges too."""
    first, last = shown.part
    length = last - first
    step = next((step for longest, step in _STEPS_MIN if length <= longest), _LONGEST_STEP_MIN)
    inner = range(first - first % step + step, last, step)
    yield Tick(first, 0.0)
    for minute in inner:
        before, after = _instants(shown.day, minute, shown.zone)
        if before <= after:  # else the clock is put forward over this time
            yield Tick(minute, shown.percent(before))
    yield Tick(last, 100.0)


def _instants(day: dt.date, minute: int, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the instants at which the wall clock shows a time: two where it is turned back."""
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute)
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.astimezone(dt.UTC), second.astimezone(dt.UTC)
