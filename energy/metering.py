"""Rules: power samples to energy per hour. What was not measured is missing, not zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import fsum

#: Samples further apart than this many intervals have a gap between them: two lost polls in a row are
#: bridged, three are not. With 5 % of polls lost, 2.5 would call 0.7 % of each day missing (the runs
#: of two), which is more than the 0.5 % that a day may be wrong.
GAP_INTERVALS = 3.5
HOUR = timedelta(hours=1)

# Time is counted in whole microseconds, as datetimes are: a fully measured hour covers exactly 1.0.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR_US = HOUR // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Sample:
    """Power at an instant (aware)."""

    at: datetime
    power_w: float


@dataclass(frozen=True, slots=True)
class HourFigure:
    """What was measured in one hour.

    ``energy_wh`` is the energy of the measured part only. ``power_avg_w`` is energy by measured
    time, so it does not sink where samples are missing. ``coverage`` is above 0 and at most 1.
    """

    hour: datetime
    energy_wh: float
    power_min_w: float
    power_avg_w: float
    power_max_w: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Line:
    """Power that goes straight from one value to another; longer than nothing.

    Its times are ``microseconds``.
    """

    start_us: int
    end_us: int
    start_w: float
    end_w: float

    @property
    def length_us(self) -> int:
        """How long it is."""
        return self.end_us - self.start_us

    @property
    def energy_w_us(self) -> float:
        """Its energy, in W times microseconds."""
        return (self.start_w + self.end_w) / 2 * self.length_us

    def power_w(self, at_us: int) -> float:
        """Return the power at an instant of it."""
        if at_us == self.end_us:  # exactly, without the rounding of the general case
            return self.end_w
        share = (at_us - self.start_us) / self.length_us
        return self.start_w + (self.end_w - self.start_w) * share

    def between(self, start_us: int, end_us: int) -> Line | None:
        """Return its part in ``[start_us, end_us)``; None: nothing of it lies there."""
        start_us, end_us = max(self.start_us, start_us), min(self.end_us, end_us)
        if start_us >= end_us:
            return None
        return Line(start_us, end_us, self.power_w(start_us), self.power_w(end_us))


def gap_limit(interval_s: float) -> timedelta:
    """Return how far apart two samples may be and still tell about the time between them.

    Args:
        interval_s: the planned seconds from one sample to the next.
    """
    return timedelta(seconds=interval_s * GAP_INTERVALS)


def hour_start(at: datetime) -> datetime:
    """Return the start, in UTC, of the hour that holds ``at`` (aware)."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_between(first: datetime, last: datetime) -> list[datetime]:
    """Return the hours (starts, UTC, rising) from the one of ``first`` to the one of ``last``."""
    start = hour_start(first)
    return [start + HOUR * step for step in range((hour_start(last) - start) // HOUR + 1)]


def touched_hours(at: datetime, interval_s: float) -> list[datetime]:
    """Return the hours (starts, UTC, rising) whose figures a sample at ``at`` may change.

    More than its own where a neighbour across an hour's edge may be within the gap limit.
    """
    limit, at = gap_limit(interval_s), at.astimezone(UTC)  # a wall clock jumps
    return hours_between(at - limit, at + limit)


def hour_figures(samples: Iterable[Sample], interval_s: float) -> list[HourFigure]:
    """Return a figure for each UTC hour in which something was measured, in rising order.

    Power goes straight from sample to sample (trapezoid over real timestamps); across a gap longer
    than ``gap_limit`` nothing is known. Samples may come in any order and repeatedly.
    """
    lines_of: dict[int, list[Line]] = defaultdict(list)
    for line in lines(samples, interval_s):
        for piece in _split_at_hours(line):
            lines_of[piece.start_us // _HOUR_US].append(piece)
    return [_figure(_EPOCH + HOUR * hour, lines_of[hour]) for hour in sorted(lines_of)]


def lines(samples: Iterable[Sample], interval_s: float) -> Iterator[Line]:
    """Yield the lines between neighbouring samples, rising, without those across a gap.

    Args:
        samples: in any order and repeatedly.
        interval_s: the planned seconds from one sample to the next.
    """
    limit_us = gap_limit(interval_s) // _MICROSECOND
    points = sorted((microseconds(sample.at), sample.power_w) for sample in samples)
    for (start_us, start_w), (end_us, end_w) in pairwise(points):
        if 0 < end_us - start_us <= limit_us:
            yield Line(start_us, end_us, start_w, end_w)


def _split_at_hours(line: Line) -> Iterator[Line]:
    """Yield the parts of a line, cut at every full hour inside it."""
    first_edge_us = (line.start_us // _HOUR_US + 1) * _HOUR_US
    edges_us = [line.start_us, *range(first_edge_us, line.end_us, _HOUR_US), line.end_us]
    for start_us, end_us in pairwise(edges_us):
        yield Line(start_us, end_us, line.power_w(start_us), line.power_w(end_us))


def _figure(hour: datetime, lines: list[Line]) -> HourFigure:
    energy_w_us = fsum(line.energy_w_us for line in lines)
    covered_us = sum(line.length_us for line in lines)
    power_min_w = min(min(line.start_w, line.end_w) for line in lines)
    power_max_w = max(max(line.start_w, line.end_w) for line in lines)
    return HourFigure(
        hour=hour,
        energy_wh=energy_w_us / _HOUR_US,
        power_min_w=power_min_w,
        # Rounding must not lift the average of a constant power above its maximum.
        power_avg_w=min(max(energy_w_us / covered_us, power_min_w), power_max_w),
        power_max_w=power_max_w,
        coverage=covered_us / _HOUR_US,
    )


def microseconds(at: datetime) -> int:
    """Return an instant (aware) as whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND
