"""Adapter: sums of the NAS's energy by its state, over any stretches of time, up to this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from energy.metering import HOUR, hour_start
from energy.sums import HourRange, Piece, hour_ranges, range_values, share_of_hour
from nasctl.energy_split import HOUR_S, HourState, Part
from nasctl.models import NasHour
from nasctl.services.nas_hours import changing_since, due_rows, hour_energy, split_rows

#: Sums by the key of pieces.
SumsByKey = Mapping[int, Mapping[HourState, "StateSums"]]


@dataclass(frozen=True, slots=True)
class StateSums:
    """What is known of one state.

    Attributes:
        duration_h: how long the NAS was in it, in hours of which anything is known.
        known_h: how much of that the energy is known of.
        energy_wh: of the known time.
    """

    duration_h: float = 0.0
    known_h: float = 0.0
    energy_wh: float = 0.0

    def __add__(self, other: StateSums) -> StateSums:
        """Return the sums of both."""
        return StateSums(
            self.duration_h + other.duration_h,
            self.known_h + other.known_h,
            self.energy_wh + other.energy_wh,
        )


def state_sums(plug_id: int, pieces: Sequence[Piece], now: datetime) -> SumsByKey:
    """Return the sums by key and state; what was never in a piece is not in it.

    Stored hours in one query. Those not split yet, the present one among them, are split here.
    """
    found: dict[int, dict[HourState, StateSums]] = defaultdict(dict)
    if not pieces:
        return found
    live = _live_parts(plug_id, pieces, now)
    for ranges in hour_ranges(pieces, None):  # the present hour is among the live ones
        for key, state, *values in _query(plug_id, ranges, live):
            _add(found[key], HourState(state), StateSums(*values))
    for hour, parts in live.items():
        for piece in pieces:
            if share := share_of_hour(hour, piece, now):
                for part in parts:
                    _add(found[piece.key], part.state, _sums(part, share))
    return found


def _live_parts(plug_id: int, pieces: Sequence[Piece], now: datetime) -> dict[datetime, list[Part]]:
    start = max(min(piece.start for piece in pieces), changing_since(now))
    end = min(max(piece.end for piece in pieces), hour_start(now) + HOUR)
    if start >= end:
        return {}
    rows = due_rows(plug_id, hour_start(start), end)
    return split_rows(plug_id, [hour_energy(row) for row in rows], now)


def _add(sums: dict[HourState, StateSums], state: HourState, more: StateSums) -> None:
    sums[state] = sums.get(state, StateSums()) + more


def _sums(part: Part, share: float) -> StateSums:
    hours = share / HOUR_S
    return StateSums(part.duration_s * hours, part.known_s * hours, (part.energy_wh or 0) * share)


#: As in ``energy.sums``: each stretch is one search in the index of plug, hour and state.
_SQL = """
WITH stretch(first, until, bucket, share) AS (VALUES {values})
SELECT stretch.bucket, part.state,
  SUM(part.duration_s * stretch.share) / 3600,
  SUM(part.known_s * stretch.share) / 3600,
  SUM(COALESCE(part.energy_wh, 0) * stretch.share)
FROM stretch CROSS JOIN {table} part
WHERE part.plug_id = %s AND part.hour >= stretch.first AND part.hour < stretch.until{without}
GROUP BY stretch.bucket, part.state
"""


def statement(
    plug_id: int, ranges: Sequence[HourRange], without: Collection[datetime]
) -> tuple[str, list[Any]]:
    """Return the query for these ranges of hours, and its parameters.

    Args:
        plug_id: the NAS's plug.
        ranges: hours.
        without: hours that do not count.
    """
    time = connection.ops.adapt_datetimefield_value
    values, parameters = range_values(ranges)
    sql = _SQL.format(  # no value of anybody's is in it, only placeholders
        values=values,
        table=connection.ops.quote_name(NasHour._meta.db_table),  # noqa: SLF001  # public API
        without=f" AND part.hour NOT IN ({', '.join(['%s'] * len(without))})" if without else "",
    )
    return sql, [*parameters, plug_id, *(time(hour) for hour in without)]


def _query(
    plug_id: int, ranges: Sequence[HourRange], without: Collection[datetime]
) -> list[tuple[Any, ...]]:
    sql, parameters = statement(plug_id, ranges, without)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
