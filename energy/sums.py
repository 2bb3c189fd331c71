"""Adapter: sums of hours over any stretches of time, in one query that an index answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from energy.metering import HOUR, hour_start
from energy.models import FROM_MEMORY, EnergyHour, EnergySource

#: SQLite takes 32,766 parameters in a query; a range has four.
RANGES_PER_QUERY = 4_000


@dataclass(frozen=True, slots=True)
class Piece:
    """``[start, end)`` in UTC; the sums of pieces with the same key are one sum."""

    start: datetime
    end: datetime
    key: int


class HourRange(NamedTuple):
    """Hours ``[first, until)`` of which a share, 0 to 1, lies in the piece with this key."""

    first: datetime
    until: datetime
    key: int
    share: float


@dataclass(slots=True)  # never changed; frozen ones take three times as long to make
class Sums:
    """What is known of some hours of one plug.

    Attributes:
        energy_wh: all of it.
        filled_wh: the part of it that is from the plug's memory.
        covered_h: measured time.
        known_h: time whose energy is known; above ``covered_h`` where the plug's memory helped.
        power_min_w, power_max_w: of the measured time; None: nothing was measured.
        predecessor_h: the part of ``covered_h`` that the predecessor counted, about 8 % low.
    """

    energy_wh: float
    filled_wh: float
    covered_h: float
    known_h: float
    power_min_w: float | None
    power_max_w: float | None
    predecessor_h: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(
            self.energy_wh + other.energy_wh,
            self.filled_wh + other.filled_wh,
            self.covered_h + other.covered_h,
            self.known_h + other.known_h,
            _known(min, self.power_min_w, other.power_min_w),
            _known(max, self.power_max_w, other.power_max_w),
            self.predecessor_h + other.predecessor_h,
        )


NOTHING = Sums(0.0, 0.0, 0.0, 0.0, None, None)


def piece_sums(
    plug_ids: Collection[int], pieces: Sequence[Piece], *, now: datetime | None = None
) -> dict[tuple[int, int], Sums]:
    """Return the sums by plug and key; what has no hour is not in it.

    An hour that lies in a piece only in part counts by its share of time, as if its power were even:
    where the household's clock is half an hour off, or a price changes within an hour.

    Args:
        plug_ids: primary keys.
        pieces: they may overlap.
        now: the present; what there is of its hour is of the time up to now. None: all is past.
    """
    found: dict[tuple[int, int], Sums] = {}
    for ranges in hour_ranges(pieces, now):
        for plug_id, key, *values in _query(plug_ids, ranges):
            sums = Sums(*values)
            known = found.get((plug_id, key))
            found[plug_id, key] = sums if known is None else known + sums
    return found


def share_of_hour(hour: datetime, piece: Piece, now: datetime | None) -> float:
    """Return the part of an hour, as far as it is over, that lies in a piece: 0 to 1."""
    end = hour + HOUR if now is None or now <= hour else min(hour + HOUR, now)
    overlap = min(piece.end, end) - max(piece.start, hour)
    return max(overlap / (end - hour), 0.0)


def hour_ranges(pieces: Sequence[Piece], now: datetime | None) -> Iterator[list[HourRange]]:
    """Yield the hours in all pieces, whole ones and edges, as many as one query takes at a time."""
    ranges = [found for piece in pieces for found in _ranges_of(piece, now)]
    for first in range(0, len(ranges), RANGES_PER_QUERY):
        yield ranges[first : first + RANGES_PER_QUERY]


def range_values(ranges: Sequence[HourRange]) -> tuple[str, list[Any]]:
    """Return the placeholders and parameters of ``VALUES`` for these ranges."""
    time = connection.ops.adapt_datetimefield_value
    moments = {moment for found in ranges for moment in found[:2]}  # most end one and begin one
    texts = {moment: time(moment) for moment in moments}
    parameters = [
        value
        for first, until, key, share in ranges
        for value in (texts[first], texts[until], key, share)
    ]
    return ", ".join(["(%s, %s, %s, %s)"] * len(ranges)), parameters


def _ranges_of(piece: Piece, now: datetime | None) -> Iterator[HourRange]:
    first, last = hour_start(piece.start), hour_start(piece.end)
    if first == piece.start and last == piece.end:
        yield HourRange(first, last, piece.key, 1.0)
        return
    whole = first if piece.start == first else first + HOUR
    edges = {hour for hour in (first, last) if not piece.start <= hour <= piece.end - HOUR}
    for hour in sorted(edges):
        if share := share_of_hour(hour, piece, now):
            yield HourRange(hour, hour + HOUR, piece.key, share)
    if whole < last:
        yield HourRange(whole, last, piece.key, 1.0)


#: The stretches come first, so that each is one search in the index of plug and hour.
_SQL = """
WITH stretch(first, until, key, share) AS (VALUES {values})
SELECT hour.plug_id, stretch.key,
  SUM(hour.energy_wh * stretch.share),
  SUM(CASE WHEN hour.source IN (%s, %s)
      THEN hour.energy_wh - COALESCE(hour.power_avg_w, 0) * hour.coverage ELSE 0 END * stretch.share),
  SUM(hour.coverage * stretch.share),
  SUM(CASE WHEN hour.source IN (%s, %s) THEN 1 ELSE hour.coverage END * stretch.share),
  MIN(hour.power_min_w), MAX(hour.power_max_w),
  SUM(CASE WHEN hour.source = %s THEN hour.coverage ELSE 0 END * stretch.share)
FROM stretch CROSS JOIN {table} hour
WHERE hour.plug_id IN ({plugs}) AND hour.hour >= stretch.first AND hour.hour < stretch.until
GROUP BY hour.plug_id, stretch.key
"""


def statement(plug_ids: Collection[int], ranges: Sequence[HourRange]) -> tuple[str, list[Any]]:
    """Return the query for these ranges of hours, and its parameters."""
    values, parameters = range_values(ranges)
    sql = _SQL.format(  # no value of anybody's is in it, only placeholders
        values=values,
        table=connection.ops.quote_name(EnergyHour._meta.db_table),  # noqa: SLF001  # public API
        plugs=", ".join(["%s"] * len(plug_ids)),
    )
    filled = [source.value for source in FROM_MEMORY]
    sources = [*filled, *filled, EnergySource.PREDECESSOR.value]
    return sql, [*parameters, *sources, *plug_ids]


def _query(plug_ids: Collection[int], ranges: Sequence[HourRange]) -> list[tuple[Any, ...]]:
    if not plug_ids:
        return []
    sql, parameters = statement(plug_ids, ranges)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _known(pick: Any, one: float | None, other: float | None) -> float | None:  # noqa: ANN401
    known = [value for value in (one, other) if value is not None]
    return pick(known) if known else None
