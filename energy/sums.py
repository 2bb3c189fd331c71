"""Adapter: sums of hours over any stretches of time, in one query that an index answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from energy.metering import hour_start
from energy.models import EnergyHour, EnergySource

HOUR = timedelta(hours=1)
#: SQLite takes 32,766 parameters in a query; a piece has four.
_PIECES_PER_QUERY = 4_000


@dataclass(frozen=True, slots=True)
class Piece:
    """``[start, end)`` in UTC; the sums of pieces with the same key are one sum."""

    start: datetime
    end: datetime
    key: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known of some hours of one plug.

    Attributes:
        energy_wh: all of it.
        filled_wh: the part of it that is from the plug's memory.
        covered_h: measured time.
        known_h: time whose energy is known; above ``covered_h`` where the plug's memory helped.
        power_min_w, power_max_w: of the measured time; None: nothing was measured.
    """

    energy_wh: float
    filled_wh: float
    covered_h: float
    known_h: float
    power_min_w: float | None
    power_max_w: float | None

    def __add__(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(
            self.energy_wh + other.energy_wh,
            self.filled_wh + other.filled_wh,
            self.covered_h + other.covered_h,
            self.known_h + other.known_h,
            _known(min, self.power_min_w, other.power_min_w),
            _known(max, self.power_max_w, other.power_max_w),
        )


def piece_sums(plug_ids: Collection[int], pieces: Sequence[Piece]) -> dict[tuple[int, int], Sums]:
    """Return the sums by plug and key; what has no hour is not in it.

    An hour that lies in a piece only in part counts by its share of time, as if its power were even:
    where the household's clock is half an hour off, or a price changes within an hour.
    """
    found: dict[tuple[int, int], Sums] = {}
    rows = [row for piece in pieces for row in _whole_and_parts(piece)]
    for first in range(0, len(rows), _PIECES_PER_QUERY):
        for plug_id, key, *values in _query(plug_ids, rows[first : first + _PIECES_PER_QUERY]):
            sums = Sums(*values)
            known = found.get((plug_id, key))
            found[plug_id, key] = sums if known is None else known + sums
    return found


def _whole_and_parts(piece: Piece) -> Iterator[tuple[datetime, datetime, int, float]]:
    """Yield ranges of hours (start, end, key, share): those in the piece whole, and its edges."""
    first, last = hour_start(piece.start), hour_start(piece.end)
    if first == last:
        yield first, first + HOUR, piece.key, (piece.end - piece.start) / HOUR
        return
    if piece.start > first:
        yield first, first + HOUR, piece.key, (first + HOUR - piece.start) / HOUR
        first += HOUR
    if first < last:
        yield first, last, piece.key, 1.0
    if piece.end > last:
        yield last, last + HOUR, piece.key, (piece.end - last) / HOUR


#: The stretches come first, so that each is one search in the index of plug and hour.
_SQL = """
WITH stretch(first, until, bucket, share) AS (VALUES {values})
SELECT hour.plug_id, stretch.bucket,
  SUM(hour.energy_wh * stretch.share),
  SUM(CASE WHEN hour.source = %s THEN 0
      ELSE hour.energy_wh - COALESCE(hour.power_avg_w, 0) * hour.coverage END * stretch.share),
  SUM(hour.coverage * stretch.share),
  SUM(CASE WHEN hour.source = %s THEN hour.coverage ELSE 1 END * stretch.share),
  MIN(hour.power_min_w), MAX(hour.power_max_w)
FROM stretch CROSS JOIN {table} hour
WHERE hour.plug_id IN ({plugs}) AND hour.hour >= stretch.first AND hour.hour < stretch.until
GROUP BY hour.plug_id, stretch.bucket
"""


def statement(
    plug_ids: Collection[int], rows: Sequence[tuple[datetime, datetime, int, float]]
) -> tuple[str, list[Any]]:
    """Return the query for these ranges of hours, and its parameters."""
    time = connection.ops.adapt_datetimefield_value
    sql = _SQL.format(  # no value of anybody's is in it, only placeholders
        values=", ".join(["(%s, %s, %s, %s)"] * len(rows)),
        table=connection.ops.quote_name(EnergyHour._meta.db_table),  # noqa: SLF001  # public API
        plugs=", ".join(["%s"] * len(plug_ids)),
    )
    stretches = [
        value
        for first, until, key, share in rows
        for value in (time(first), time(until), key, share)
    ]
    source = EnergySource.MEASURED.value
    return sql, [*stretches, source, source, *plug_ids]


def _query(
    plug_ids: Collection[int], rows: Sequence[tuple[datetime, datetime, int, float]]
) -> list[tuple[Any, ...]]:
    if not plug_ids or not rows:
        return []
    sql, parameters = statement(plug_ids, rows)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _known(pick: Any, one: float | None, other: float | None) -> float | None:  # noqa: ANN401
    known = [value for value in (one, other) if value is not None]
    return pick(known) if known else None
