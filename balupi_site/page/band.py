"""The day band's geometry: states as sky, stacked power as hills. Pure functions of data and times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: One point of the curve per this many seconds: 288 a day, what a phone's width can show.
BUCKET_S = 300
#: The narrowest a state is drawn, in percent of the width; its times stay true in the list.
MIN_WIDTH_PERCENT = 0.5
#: Head room above the day's peak, so that the words of the states stand free.
HEAD_ROOM = 1.45


@dataclass(frozen=True)
class Zone:
    """A stretch of one state; x and width in percent of the day."""

    state: str
    x: float
    width: float
    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True)
class Hill:
    """The outline of one plug's power on top of the plugs before it; an SVG path, minutes x watts."""

    name: str
    path: str


@dataclass(frozen=True)
class Band:
    """All that the day's picture needs; ``top_w`` is the height of the drawing in W."""

    start: dt.datetime
    minutes: int
    zones: tuple[Zone, ...]
    hills: tuple[Hill, ...]
    top_w: float
    grid_w: tuple[int, ...]
    now_x: float


def zones(
    changes: Sequence[tuple[dt.datetime, str]],
    before: str,
    start: dt.datetime,
    end: dt.datetime,
    now: dt.datetime,
) -> tuple[Zone, ...]:
    """Return the states of ``[start, min(now, end))`` in order.

    Args:
        changes: (when, new state) within the day, oldest first.
        before: the state at ``start``.
        start: the day's first moment.
        end: the day's end, 23 to 25 hours later.
        now: nothing is drawn after it.
    """
    until = min(now, end)
    edges = [(start, before), *((at, state) for at, state in changes if start <= at < until)]
    ends = [at for at, _state in edges[1:]] + [until]
    return tuple(
        _zone(state, at, stop, day=(start, end), until=until)
        for (at, state), stop in zip(edges, ends, strict=True)
        if stop > at
    )


def _zone(
    state: str,
    at: dt.datetime,
    stop: dt.datetime,
    *,
    day: tuple[dt.datetime, dt.datetime],
    until: dt.datetime,
) -> Zone:
    start, end = day
    width = max(_percent((stop - at) / (end - start)), MIN_WIDTH_PERCENT)
    latest_x = max(_percent((until - start) / (end - start)) - width, 0.0)
    x = min(_percent((at - start) / (end - start)), round(latest_x, 3))
    return Zone(state=state, x=x, width=width, start=at, end=stop)


def buckets(samples: Iterable[tuple[dt.datetime, float]], start: dt.datetime) -> dict[int, float]:
    """Return the mean power in W of each bucket that has samples, by its number since ``start``."""
    sums: dict[int, tuple[float, int]] = {}
    start_s = start.timestamp()
    for at, power_w in samples:
        number = int((at.timestamp() - start_s) // BUCKET_S)
        total_w, count = sums.get(number, (0.0, 0))
        sums[number] = (total_w + power_w, count + 1)
    return {number: total_w / count for number, (total_w, count) in sums.items()}


def hills(plugs: Sequence[tuple[str, dict[int, float]]]) -> tuple[tuple[Hill, ...], float]:
    """Stack the plugs' curves; return them top first (each drawn over by the next) and the peak in W.

    A bucket without a sample of any plug is a gap; where only some plugs have one, the others add
    nothing.
    """
    numbers = sorted({number for _name, power in plugs for number in power})
    below = dict.fromkeys(numbers, 0.0)
    drawn: list[Hill] = []
    for name, power in plugs:
        below = {number: below[number] + power.get(number, 0.0) for number in numbers}
        drawn.append(Hill(name, _outline(below)))
    return tuple(reversed(drawn)), max(below.values(), default=0.0)


def grid(top_w: float) -> tuple[int, ...]:
    """Return two or three round values of watts for the grid lines."""
    for step_w in (10, 25, 50, 100, 250, 500, 1000):
        if top_w / step_w <= 4:  # noqa: PLR2004  # at most three lines
            break
    return tuple(range(step_w, int(top_w * 0.9), step_w))


def _outline(curve: dict[int, float]) -> str:
    """Return closed shapes from the ground, one per run of buckets without a gap."""
    parts: list[str] = []
    previous: int | None = None
    minutes = BUCKET_S // 60
    for number in sorted(curve):
        point = f"{number * minutes} {curve[number]:.1f}"
        if previous is None or number - previous > 2:  # noqa: PLR2004  # one missed bucket is bridged
            if previous is not None:
                parts.append(f"L{(previous + 1) * minutes} 0z")
            parts.append(f"M{number * minutes} 0L{point}")
        else:
            parts.append(f" {point}")
        previous = number
    if previous is not None:
        parts.append(
            f"L{(previous + 1) * minutes} {curve[previous]:.1f} {(previous + 1) * minutes} 0z"
        )
    return "".join(parts)


def _percent(share: float) -> float:
    return round(100 * share, 3)
