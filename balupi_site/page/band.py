"""The day band's geometry: states as sky, stacked power as hills. Pure functions of data and times."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: The narrowest a state is drawn, in percent of the width; its times stay true in the list.
MIN_WIDTH_PERCENT = 0.5
#: The drawing has so many units for a bucket and for a watt: whole numbers are short.
UNITS_PER_BUCKET = 10
UNITS_PER_W = 10
#: More points than this no screen shows.
_MOST_BUCKETS = 760
_BUCKETS_S = (10, 30, 60, 120, 300, 600, 1800)
_LEAST_TOP_W = 20

#: Mean power in W by the number of the bucket.
Curve = dict[int, float]
#: Corners of an outline, in units of the drawing.
Points = list[tuple[int, int]]


@dataclass(frozen=True)
class Zone:
    """A stretch of one state; x and width in percent of the day."""

    state: str
    x: float
    width: float
    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True)
class Layer:
    """The power of a plug, or of several small ones together.

    Attributes:
        now_w: at the present; None: not known, or the present is not shown.
    """

    name: str
    curve: Curve
    now_w: float | None = None


@dataclass(frozen=True)
class Hill:
    """A layer on top of those below it.

    Attributes:
        path: the outline, for SVG.
        holes: where others were measured and this one was not, as units of the drawing.
    """

    layer: Layer
    path: str
    holes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Scale:
    """How time becomes width.

    Attributes:
        bucket_s: a point of a curve tells of so many seconds.
        reach: buckets that are further apart than this many have a gap between them.
        until: the present, or the end, in units of the drawing; nothing is drawn after it.
        is_stepped: a bucket is too long for a line to its neighbour.
    """

    bucket_s: int
    reach: int
    until: int
    is_stepped: bool = False

    def units(self, seconds: float) -> int:
        """Return where a moment is, so many seconds after the start."""
        return min(round(seconds * UNITS_PER_BUCKET / self.bucket_s), self.until)


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


def bucket_s(length_s: float, interval_s: int) -> int:
    """Return how finely a window is cut: as finely as it was measured, if a screen can show that."""
    fitting = (size for size in sorted({interval_s, *_BUCKETS_S}) if size >= interval_s)
    return next((size for size in fitting if length_s / size <= _MOST_BUCKETS), 3600)


def hills(layers: Sequence[Layer], scale: Scale) -> tuple[Hill, ...]:
    """Stack the layers, the lowest first; where no layer was measured is a gap."""
    curves = joined([layer.curve for layer in layers], scale.reach)
    known = {number for curve in curves for number in curve}
    below = dict.fromkeys(sorted(known), 0.0)
    below_now_w = 0.0
    has_now = any(layer.now_w is not None for layer in layers)
    stacked: list[Hill] = []
    for layer, curve in zip(layers, curves, strict=True):
        below = {number: w + curve.get(number, 0.0) for number, w in below.items()}
        below_now_w += layer.now_w or 0.0
        path = "".join(_paths(below, scale, below_now_w if has_now else None))
        holes = tuple(_in_units(hole) for hole in runs(known - curve.keys(), 1))
        stacked.append(Hill(layer, path, holes))
    return tuple(stacked)


def totals(layers: Sequence[Layer], scale: Scale) -> Curve:
    """Return the sum of the layers."""
    found: Curve = {}
    for curve in joined([layer.curve for layer in layers], scale.reach):
        for number, w in curve.items():
            found[number] = found.get(number, 0.0) + w
    return found


def joined(curves: Sequence[Curve], reach: int) -> list[Curve]:
    """Return the curves without what is no gap: buckets between two that are within reach.

    At its ends a curve goes on within reach as far as another one does: plugs are read one after the
    other.
    """
    whole = [_bridged(curve, reach) for curve in curves]
    known = {number for curve in whole for number in curve}
    return [_prolonged(curve, reach, known) for curve in whole]


def _bridged(curve: Curve, reach: int) -> Curve:
    found = dict(curve)
    for left, right in pairwise(sorted(curve)):
        if 1 < right - left <= reach:
            for number in range(left + 1, right):
                share = (number - left) / (right - left)
                found[number] = curve[left] + (curve[right] - curve[left]) * share
    return found


def _prolonged(curve: Curve, reach: int, known: set[int]) -> Curve:
    found = dict(curve)
    for first, last in runs(curve, 1):
        found |= {n: curve[first] for n in range(first - reach, first) if n in known}
        found |= {
            n: curve[last - 1] for n in range(last, last + reach) if n in known - curve.keys()
        }
    return found


def runs(numbers: Iterable[int], reach: int) -> list[tuple[int, int]]:
    """Return the stretches ``[first, last + 1)`` of numbers that are within reach of each other."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number - (found[-1][1] - 1) <= reach:
            found[-1] = found[-1][0], number + 1
        else:
            found.append((number, number + 1))
    return found


def top_w(peak_w: float) -> int:
    """Return the height of the drawing: 10 to 20 W above the peak."""
    return max(math.floor(peak_w / 10) * 10 + 20, _LEAST_TOP_W)


def grid(top_w: float) -> tuple[int, ...]:
    """Return two or three round values of watts for the grid lines."""
    for step_w in (10, 25, 50, 100, 250, 500, 1000):
        if top_w / step_w <= 4:  # noqa: PLR2004  # at most three lines
            break
    return tuple(range(step_w, int(top_w * 0.9), step_w))


def box(start: int, end: int, height_w: float) -> str:
    """Return a rectangle on the ground, as an SVG path."""
    return f"M{start} 0H{end}V{_height(height_w)}H{start}z"


def lid(start: int, end: int, height_w: float) -> str:
    """Return the upper edge of such a rectangle."""
    return f"M{start} {_height(height_w)}H{end}"


def thinned(points: Points) -> Points:
    """Return the points without those that a line through their neighbours hits to 0.1 W.

    A line goes on as long as some slope passes all points so far; heights are whole units.
    """
    kept = points[:1]
    low, high = -math.inf, math.inf
    for before, (x, y) in pairwise(points):
        ax, ay = kept[-1]
        if x > ax and low <= (y - ay) / (x - ax) <= high:
            low = max(low, (y - 1 - ay) / (x - ax))
            high = min(high, (y + 1 - ay) / (x - ax))
            continue
        if before != kept[-1]:
            kept.append(before)
            ax, ay = before
        low, high = ((y - 1 - ay) / (x - ax), (y + 1 - ay) / (x - ax)) if x > ax else (1.0, -1.0)
    return [*kept, points[-1]] if points[-1] != kept[-1] else kept


def _paths(curve: Curve, scale: Scale, now_w: float | None) -> Iterable[str]:
    """Yield a closed shape on the ground for each run of buckets without a gap."""
    stretches = runs(curve, scale.reach)
    for first, last in stretches:
        corners = _corners(curve, first, last, scale)
        if now_w is not None and (first, last) == stretches[-1]:
            corners = [point for point in corners if point[0] < scale.until]
            corners.append((scale.until, _height(now_w)))
        points = " ".join(f"{x} {y}" for x, y in thinned(corners))
        if corners and corners[0][0] < corners[-1][0]:
            yield f"M{corners[0][0]} 0L{points}L{corners[-1][0]} 0z"


def _corners(curve: Curve, first: int, last: int, scale: Scale) -> Points:
    """Return a line through the middles of the buckets, level at both ends; or steps."""
    size, found = UNITS_PER_BUCKET, []
    for number in (number for number in range(first, last) if number in curve):
        y = _height(curve[number])
        edges = scale.is_stepped or number == first
        found += [(number * size, y)] if edges else []
        found += [] if scale.is_stepped else [(number * size + size // 2, y)]
        found += [((number + 1) * size, y)] if scale.is_stepped or number == last - 1 else []
    return [(min(x, scale.until), y) for x, y in found]


def _in_units(stretch: tuple[int, int]) -> tuple[int, int]:
    return stretch[0] * UNITS_PER_BUCKET, stretch[1] * UNITS_PER_BUCKET


def _height(power_w: float) -> int:
    return round(power_w * UNITS_PER_W)


def _percent(share: float) -> float:
    return round(100 * share, 3)
