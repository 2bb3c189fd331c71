"""Sums of hours over any stretches, in one query that an index answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from energy import sums as module
from energy.models import EnergyHour, SmartPlug
from energy.sums import HourRange, Piece, Sums, piece_sums, share_of_hour, statement
from energy.tests.factories import make_plug

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


def store(plug: SmartPlug, *energies_wh: float, **fields: Any) -> None:
    """Store hours from START on."""
    values = {"power_min_w": 1.0, "power_avg_w": 10.0, "power_max_w": 50.0, "coverage": 1.0}
    EnergyHour.objects.bulk_create(
        EnergyHour(plug=plug, hour=START + HOUR * n, energy_wh=wh, **{**values, **fields})
        for n, wh in enumerate(energies_wh)
    )


def piece(start_h: float, end_h: float, key: int = 0) -> Piece:
    return Piece(START + HOUR * start_h, START + HOUR * end_h, key)


def test_it_adds_up_what_lies_in_each_piece_by_plug() -> None:
    one, other = make_plug(101), make_plug(102)
    store(one, 1.0, 2.0, 4.0)
    store(other, 8.0)
    found = piece_sums([one.pk, other.pk], [piece(0, 2, 7), piece(2, 3, 8), piece(3, 9, 9)])
    assert {place: sums.energy_wh for place, sums in found.items()} == {
        (one.pk, 7): 3.0,
        (one.pk, 8): 4.0,
        (other.pk, 7): 8.0,
    }


def test_pieces_with_the_same_key_are_one_sum() -> None:
    plug = make_plug()
    store(plug, 1.0, 2.0, 4.0)
    found = piece_sums([plug.pk], [piece(0, 1, 5), piece(2, 3, 5)])
    assert found == {(plug.pk, 5): Sums(5.0, 0.0, 2.0, 2.0, 1.0, 50.0)}


@pytest.mark.parametrize(
    ("start_h", "end_h", "energy_wh"),
    [
        pytest.param(0.5, 2, 0.5 + 2, id="begins within an hour"),
        pytest.param(0, 2.25, 1 + 2 + 1, id="ends within an hour"),
        pytest.param(1.25, 1.75, 1, id="lies within an hour"),
        pytest.param(0.5, 1.5, 0.5 + 1, id="two halves"),
        pytest.param(0, 3, 7, id="whole hours"),
    ],
)
def test_an_hour_counts_by_its_share(start_h: float, end_h: float, energy_wh: float) -> None:
    plug = make_plug()
    store(plug, 1.0, 2.0, 4.0)
    found = piece_sums([plug.pk], [piece(start_h, end_h)])
    assert found[plug.pk, 0].energy_wh == pytest.approx(energy_wh)
    assert found[plug.pk, 0].covered_h == pytest.approx(end_h - start_h)


def test_an_empty_piece_and_no_plug_have_no_sum() -> None:
    plug = make_plug()
    store(plug, 1.0)
    assert piece_sums([plug.pk], [piece(0.5, 0.5)]) == {}
    assert piece_sums([], [piece(0, 1)]) == {}
    assert piece_sums([plug.pk], []) == {}


def test_the_present_hour_counts_by_the_part_that_is_over() -> None:
    plug = make_plug()
    store(plug, 1.0, 2.0)
    now = START + HOUR * 1.5  # 2 Wh in the first half of the second hour
    found = piece_sums([plug.pk], [piece(0, 1.5, 0), piece(0, 1.25, 1), piece(0, 5, 2)], now=now)
    assert [found[plug.pk, key].energy_wh for key in (0, 1, 2)] == [3.0, 2.0, 3.0]


def test_shares_are_never_below_0_or_above_1() -> None:
    assert share_of_hour(START, piece(2, 3), None) == 0
    assert share_of_hour(START, piece(0, 3), None) == 1
    assert share_of_hour(START, piece(0, 3), START - HOUR) == 1  # a clock that was wrong


def test_what_the_plug_remembered_is_told_apart() -> None:
    plug = make_plug()
    store(plug, 10.0, coverage=0.0, power_avg_w=None, power_min_w=None, source="plug")
    store_later = EnergyHour(
        plug=plug, hour=START + HOUR, energy_wh=9.0, power_avg_w=12.0, coverage=0.5, source="mixed"
    )
    store_later.save()
    found = piece_sums([plug.pk], [piece(0, 2)])[plug.pk, 0]
    assert (found.energy_wh, found.filled_wh) == (19.0, 13.0)
    assert (found.covered_h, found.known_h) == (0.5, 2.0)


def test_many_pieces_are_asked_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    plug = make_plug()
    store(plug, 1.0, 2.0, 4.0)
    monkeypatch.setattr(module, "RANGES_PER_QUERY", 2)
    found = piece_sums([plug.pk], [piece(n, n + 1, n // 2) for n in range(3)])
    assert [found[plug.pk, key].energy_wh for key in (0, 1)] == [3.0, 4.0]


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_each_stretch_is_one_search_in_an_index() -> None:
    sql, parameters = statement([1, 2, 3], [HourRange(START, START + HOUR, 0, 1.0)] * 31)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = [row[3] for row in cursor.fetchall()]
    assert any("SEARCH hour USING INDEX" in line and "hour>?" in line for line in plan), plan
    assert not any("SCAN hour" in line for line in plan), plan
