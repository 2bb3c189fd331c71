"""Live figures: stored hours and what still waits are what the hours will say."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from energy.metering import HOUR
from energy.models import EnergyHour
from energy.services import samples, store_samples
from energy.services.live import LiveFigure, live_figures
from energy.tests.factories import NOON, make_plug, make_reading

pytestmark = pytest.mark.django_db

NOW = NOON + timedelta(hours=6)


def put(second: float, power_w: float | None = 60.0, number: int = 101) -> None:
    reading = make_reading(number, at=NOON + timedelta(seconds=second), power_w=power_w)
    samples.buffer.put(reading, is_sample=True)


def put_many(first_s: int, last_s: int, power_w: float = 60.0, number: int = 101) -> None:
    for second in range(first_s, last_s + 1, 30):
        put(second, power_w, number)


def about(value: float) -> Any:
    return pytest.approx(value)


def stored() -> dict[tuple[int, datetime], tuple[float, float]]:
    rows = EnergyHour.objects.values_list("plug_id", "hour", "energy_wh", "coverage")
    return {(plug_id, hour): (wh, coverage) for plug_id, hour, wh, coverage in rows}


def stored_and_live(now: datetime = NOW) -> dict[tuple[int, datetime], tuple[float, float]]:
    sums: dict[tuple[int, datetime], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    sums.update(stored())
    for figure in live_figures(now):
        wh, covered_h = sums[figure.plug_id, figure.hour]
        sums[figure.plug_id, figure.hour] = wh + figure.energy_wh, covered_h + figure.covered_h
    return dict(sums)


def assert_storing_says_the_same() -> None:
    before = stored_and_live()
    store_samples(NOW)
    after = stored()
    assert before.keys() == after.keys()
    for key, values in after.items():
        assert before[key] == pytest.approx(values, abs=1e-9)


def test_the_line_from_the_newest_stored_sample_counts_and_is_cut_at_the_hour(
    redis_server: Any,
) -> None:
    plug = make_plug()
    put(3570, 10)
    store_samples(NOW)
    put(3630, 30)
    assert live_figures(NOW) == [
        LiveFigure(plug.pk, NOON, about(15 * 30 / 3600), 30 / 3600, 10, 20),
        LiveFigure(plug.pk, NOON + HOUR, about(25 * 30 / 3600), 30 / 3600, 20, 30),
    ]


def test_what_waits_across_a_gap_begins_anew(redis_server: Any) -> None:
    plug = make_plug()
    put_many(0, 300)
    store_samples(NOW)
    put_many(300 + 106, 300 + 136)
    assert live_figures(NOW) == [LiveFigure(plug.pk, NOON, about(0.5), 30 / 3600, 60, 60)]
    assert_storing_says_the_same()


def test_a_plug_without_stored_samples_is_live_too(redis_server: Any) -> None:
    make_plug()
    other = make_plug(102)
    put_many(0, 600)
    store_samples(NOW)
    put_many(600, 660, number=102)
    assert [figure.plug_id for figure in live_figures(NOW)] == [other.pk]
    assert_storing_says_the_same()


@pytest.mark.parametrize("seed", range(8))
def test_stored_and_live_are_what_the_roll_up_says_after_storing(
    redis_server: Any, seed: int
) -> None:
    """Lost polls, gaps, several plugs, hours' edges; stored at random minutes."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    for number in (101, 102, 103):
        make_plug(number)
    second = 0.0
    while second < 3 * 3600:
        for number in (101, 102, 103):
            if chance.random() > 0.2:
                put(second + chance.uniform(0, 5), chance.uniform(0, 60), number)
        if chance.random() < 0.03:
            assert_storing_says_the_same()
        second += 30 if chance.random() > 0.02 else 400
    assert live_figures(NOW)
    assert_storing_says_the_same()


def test_samples_that_were_stored_but_not_forgotten_are_not_counted_twice(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug()
    put_many(0, 600)
    monkeypatch.setattr(samples.buffer, "forget", lambda _lines: None)  # killed just before it
    store_samples(NOW)
    assert live_figures(NOW) == []
    put(630)
    [figure] = live_figures(NOW)
    assert figure.covered_h == pytest.approx(30 / 3600)


def test_what_is_being_stored_and_what_came_meanwhile_both_count(redis_server: Any) -> None:
    make_plug()
    put_many(0, 60)
    samples.buffer.take()  # the worker is at it
    put(90)
    [figure] = live_figures(NOW)
    assert figure.covered_h == pytest.approx(90 / 3600)


@pytest.mark.parametrize(
    "power_w", [pytest.param(None, id="no power"), pytest.param(0.0, id="off is measured")]
)
def test_a_reading_without_power_is_no_sample(redis_server: Any, power_w: float | None) -> None:
    make_plug()
    put(0, power_w)
    put(30, power_w)
    assert [figure.energy_wh for figure in live_figures(NOW)] == ([] if power_w is None else [0.0])


def test_samples_of_a_clock_that_ran_ahead_are_passed_over(redis_server: Any) -> None:
    make_plug()
    put_many(0, 60)
    put_many(9 * 3600, 9 * 3600 + 60)
    [figure] = live_figures(NOW)
    assert figure.hour == NOON


def test_a_late_sample_counts_when_it_is_stored(redis_server: Any) -> None:
    make_plug()
    put_many(0, 60)
    put_many(180, 240)
    store_samples(NOW)
    put(120)
    assert live_figures(NOW) == []


def test_unknown_plugs_and_junk_are_passed_over(redis_server: Any) -> None:
    make_plug()
    put_many(0, 60, number=109)
    redis_server.rpush("energy:samples", "junk", "{}")
    assert live_figures(NOW) == []


def test_it_takes_two_queries_and_none_where_nothing_waits(
    redis_server: Any, django_assert_num_queries: Any
) -> None:
    for number in (101, 102, 103):
        make_plug(number)
        put_many(0, 60, number=number)
    with django_assert_num_queries(2):
        assert len(live_figures(NOW)) == 3
    store_samples(NOW)
    with django_assert_num_queries(0):
        assert live_figures(NOW) == []


def test_it_reads_only_the_newest_minutes_of_the_samples(redis_server: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("EXPLAIN QUERY PLAN is SQLite's")
    make_plug()
    put(0)
    with CaptureQueriesContext(connection) as queries:
        live_figures(NOW)
    sql = next(each["sql"] for each in queries if "powersample" in each["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        [step] = [row[-1] for row in cursor.fetchall()]
    assert "SEARCH energy_powersample USING INDEX" in step
    assert "(at>? AND at<?)" in step


def test_nothing_is_live_while_redis_is_away(
    no_redis: None, django_assert_num_queries: Any
) -> None:
    make_plug()
    put_many(0, 60)
    with django_assert_num_queries(0):
        assert live_figures(NOW) == []
