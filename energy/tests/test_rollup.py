"""Hours from stored samples: late ones, repeated runs, pruning, and whose figure wins."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from energy.metering import HOUR, Sample, hour_figures
from energy.models import EnergyHour, EnergySource, PlugRole, PowerSample, SmartPlug
from energy.services import hour_rows, rollup
from energy.services.rollup import prune_samples, roll_up, roll_up_hours

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTERVAL_S = 30


def make_plug(number: int = 1) -> SmartPlug:
    return SmartPlug.objects.create(
        device_id=f"D{number}",
        mac=f"02:00:00:00:00:{number:02x}",
        name=f"plug {number}",
        host=f"127.0.0.{number}",
        role=PlugRole.GENERIC,
    )


@pytest.fixture
def plug() -> SmartPlug:
    return make_plug()


def store(
    plug: SmartPlug, first_s: int, last_s: int, power_w: float = 100
) -> list[tuple[int, datetime]]:
    """Store samples every 30 s, seconds from noon, both ends included; return what was stored."""
    times = [NOON + timedelta(seconds=second) for second in range(first_s, last_s + 1, INTERVAL_S)]
    PowerSample.objects.bulk_create(PowerSample(plug=plug, at=at, power_w=power_w) for at in times)
    return [(plug.pk, at) for at in times]


def rows(plug: SmartPlug) -> dict[int, tuple[float, float]]:
    """Return energy in Wh and coverage by hours from noon."""
    return {
        (row.hour - NOON) // HOUR: (round(row.energy_wh, 6), row.coverage)
        for row in EnergyHour.objects.filter(plug=plug)
    }


# --- rolling up what was stored ---------------------------------------------------------------


def test_100_w_for_an_hour_is_100_wh_however_often_it_is_rolled_up_afterwards(
    plug: SmartPlug,
) -> None:
    """Predecessor 17: a run at :05 overwrote the finished hour with its last 55 minutes."""
    stored = store(plug, 0, 3900)
    roll_up(stored, INTERVAL_S)
    for minute in range(60, 180, 7):
        roll_up_hours(NOON + timedelta(minutes=minute), INTERVAL_S)
    assert rows(plug) == {0: (100.0, 1.0), 1: (round(500 / 60, 6), 5 / 60)}


def test_a_row_holds_all_figures_and_says_that_they_were_measured(plug: SmartPlug) -> None:
    stored = store(plug, 0, 900, power_w=10) + store(plug, 930, 1800, power_w=40)
    assert roll_up(stored, INTERVAL_S) == 1
    row = EnergyHour.objects.get()
    assert (row.power_min_w, row.power_max_w, row.coverage) == (10, 40, 0.5)
    assert row.energy_wh == pytest.approx((900 * 10 + 30 * 25 + 870 * 40) / 3600)
    assert row.power_avg_w == pytest.approx(row.energy_wh / 0.5)
    assert (row.hour, row.source) == (NOON, EnergySource.MEASURED)


def test_a_second_call_writes_nothing(plug: SmartPlug) -> None:
    stored = store(plug, 0, 7200, power_w=0.1 + 0.2)
    assert roll_up(stored, INTERVAL_S) == 2
    with CaptureQueriesContext(connection) as queries:
        assert roll_up(stored, INTERVAL_S) == 0
    assert not [query for query in queries if "INSERT" in query["sql"] or "UPDATE " in query["sql"]]


def test_the_neighbour_across_the_hours_edge_completes_the_hour_before(plug: SmartPlug) -> None:
    """Only one sample after the hour was stored now; it closes the last 20 s of the hour."""
    roll_up(store(plug, 10, 3580), INTERVAL_S)
    assert rows(plug)[0][1] == pytest.approx(3570 / 3600)
    roll_up(store(plug, 3610, 3610), INTERVAL_S)
    assert rows(plug) == {
        0: (round(100 * 3590 / 3600, 6), 3590 / 3600),
        1: (round(100 * 10 / 3600, 6), 10 / 3600),
    }


def test_a_late_sample_corrects_its_hour(plug: SmartPlug) -> None:
    roll_up(store(plug, 0, 1740) + store(plug, 1860, 3600), INTERVAL_S)
    assert rows(plug) == {0: (round(100 * 58 / 60, 6), 58 / 60)}
    late = store(plug, 1800, 1800)
    assert roll_up(late, INTERVAL_S) == 1
    assert rows(plug) == {0: (100.0, 1.0)}


@pytest.mark.parametrize("seed", range(3))
def test_batches_in_any_order_give_the_rows_of_one_go(plug: SmartPlug, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    seconds = sorted(chance.sample(range(5 * 3600), 500))
    samples = [
        Sample(NOON + timedelta(seconds=second), chance.uniform(0, 60)) for second in seconds
    ]
    shuffled = chance.sample(samples, len(samples))
    for start in range(0, len(shuffled), 50):
        batch = shuffled[start : start + 50]
        PowerSample.objects.bulk_create(
            PowerSample(plug=plug, at=sample.at, power_w=sample.power_w) for sample in batch
        )
        roll_up([(plug.pk, sample.at) for sample in batch], INTERVAL_S)
    expected = {
        (figure.hour - NOON) // HOUR: (round(figure.energy_wh, 6), figure.coverage)
        for figure in hour_figures(samples, INTERVAL_S)
    }
    assert len(expected) == 5
    assert rows(plug) == expected


def test_each_plug_has_rows_of_its_own(plug: SmartPlug) -> None:
    other = make_plug(2)
    roll_up(store(plug, 0, 3600, power_w=100) + store(other, 0, 3600, power_w=7), INTERVAL_S)
    assert (rows(plug), rows(other)) == ({0: (100.0, 1.0)}, {0: (7.0, 1.0)})


def test_a_lonely_sample_makes_no_row(plug: SmartPlug) -> None:
    assert roll_up(store(plug, 1800, 1800), INTERVAL_S) == 0
    assert rows(plug) == {}


def test_a_plug_that_was_deleted_meanwhile_is_passed_over(plug: SmartPlug) -> None:
    other = make_plug(2)
    stored = store(plug, 0, 60) + store(other, 0, 60)
    plug.delete()
    assert roll_up(stored, INTERVAL_S) == 1
    assert list(EnergyHour.objects.values_list("plug", flat=True)) == [other.pk]


def test_the_cost_does_not_grow_with_the_history(plug: SmartPlug) -> None:
    roll_up(store(plug, -48 * 3600, 0), INTERVAL_S)
    with CaptureQueriesContext(connection) as queries:
        roll_up(store(plug, 30, 300), INTERVAL_S)
    assert len(queries) <= 9  # savepoints and the insert of the samples included


# --- whose figure wins ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "measured_s", "expected"),
    [
        pytest.param(
            ("plug", 77, 0.0), 1800, ("mixed", 77.0, 0.5), id="half an hour keeps the plug's value"
        ),
        pytest.param(
            ("plug", 77, 0.0), 3600, ("measured", 100.0, 1.0), id="a whole hour replaces it"
        ),
        pytest.param(
            ("plug", 40, 0.0), 1800, ("measured", 50.0, 0.5), id="the plug cannot know less"
        ),
        pytest.param(
            ("mixed", 77, 0.25),
            1800,
            ("mixed", 77.0, 0.5),
            id="more samples leave the plug's value",
        ),
        pytest.param(
            ("mixed", 77, 0.75), 1800, ("mixed", 77.0, 0.75), id="pruned, and completed by the plug"
        ),
        pytest.param(
            ("measured", 77, 1.0), 1800, ("measured", 77.0, 1.0), id="less never replaces more"
        ),
        pytest.param(
            ("predecessor", 77, 0.9),
            1800,
            ("predecessor", 77.0, 0.9),
            id="the predecessor saw more",
        ),
        pytest.param(
            ("predecessor", 77, 0.4), 1800, ("measured", 50.0, 0.5), id="the predecessor saw less"
        ),
        pytest.param(
            ("measured", 77, 0.4), 1800, ("measured", 50.0, 0.5), id="more coverage replaces less"
        ),
        pytest.param(
            ("measured", 77, 0.5), 1800, ("measured", 50.0, 0.5), id="the samples of now are right"
        ),
    ],
)
def test_a_figure_never_replaces_one_that_covers_more_nor_the_plugs_value(
    plug: SmartPlug,
    row: tuple[str, float, float],
    measured_s: int,
    expected: tuple[str, float, float],
) -> None:
    source, energy_wh, coverage = row
    EnergyHour.objects.create(
        plug=plug, hour=NOON, energy_wh=energy_wh, coverage=coverage, source=EnergySource(source)
    )
    roll_up(store(plug, 0, measured_s), INTERVAL_S)
    found = EnergyHour.objects.get(hour=NOON)
    assert (found.source, round(found.energy_wh, 6), found.coverage) == expected


def test_late_samples_of_a_completed_hour_keep_what_the_plug_remembers(plug: SmartPlug) -> None:
    """As above, through the rows that a roll-up itself made."""
    roll_up(store(plug, 0, 1200), INTERVAL_S)
    EnergyHour.objects.update(source=EnergySource.MIXED, energy_wh=95)
    late = store(plug, 1230, 1800)
    assert roll_up(late, INTERVAL_S) == 1
    row = EnergyHour.objects.get()
    assert (row.source, row.energy_wh, row.coverage) == (EnergySource.MIXED, 95, 0.5)
    assert row.power_avg_w == pytest.approx(100)
    assert roll_up(late, INTERVAL_S) == 0


# --- healing ----------------------------------------------------------------------------------


def test_what_was_stored_before_a_crash_is_rolled_up_later(plug: SmartPlug) -> None:
    roll_up(store(plug, 0, 600), INTERVAL_S)
    store(plug, 630, 3 * 3600)  # and the process died
    assert roll_up_hours(NOON + 5 * HOUR, INTERVAL_S) == 3
    assert rows(plug) == {0: (100.0, 1.0), 1: (100.0, 1.0), 2: (100.0, 1.0)}


def test_the_first_run_ever_rolls_up_everything(plug: SmartPlug) -> None:
    store(plug, -30 * 3600, 0)
    assert roll_up_hours(NOON, INTERVAL_S) == 30
    assert set(rows(plug).values()) == {(100.0, 1.0)}


def test_since_heals_older_hours_too(plug: SmartPlug) -> None:
    roll_up(store(plug, 0, 1740) + store(plug, 1860, 3 * 3600), INTERVAL_S)
    store(plug, 1800, 1800)  # late, and the process died
    assert roll_up_hours(NOON + 3 * HOUR, INTERVAL_S) == 0
    assert roll_up_hours(NOON + 3 * HOUR, INTERVAL_S, since=NOON) == 1
    assert rows(plug)[0] == (100.0, 1.0)


def test_a_row_from_the_future_does_not_stop_the_healing(plug: SmartPlug) -> None:
    """A clock that was wrong for a while left a sample and a row next year."""
    next_year_s = 365 * 24 * 3600
    roll_up(store(plug, next_year_s, next_year_s + 60) + store(plug, 0, 600), INTERVAL_S)
    store(plug, 630, 3600)
    assert roll_up_hours(NOON + HOUR, INTERVAL_S) == 1
    assert rows(plug)[0] == (100.0, 1.0)


def test_it_looks_back_two_days_and_no_further_on_its_own(plug: SmartPlug) -> None:
    """Older hours are for ``rebuild_energy``; a plug that is gone must not cost more each hour."""
    store(plug, -50 * 3600, 0)
    assert roll_up_hours(NOON, INTERVAL_S) == 48
    assert roll_up_hours(NOON, INTERVAL_S, since=NOON - 50 * HOUR) == 2


def test_with_nothing_to_do_it_does_nothing(plug: SmartPlug) -> None:
    assert roll_up_hours(NOON, INTERVAL_S) == 0
    store(plug, 3600, 7200)
    assert roll_up_hours(NOON - HOUR, INTERVAL_S) == 0
    assert rows(plug) == {}


# --- pruning ----------------------------------------------------------------------------------


def test_old_samples_go_whole_hours_at_a_time_and_the_hours_stay(plug: SmartPlug) -> None:
    roll_up(store(plug, 0, 3 * 3600), INTERVAL_S)
    hours = rows(plug)
    now = NOON + timedelta(days=7, hours=2, minutes=20)
    assert prune_samples(now, keep_days=7) == 240
    assert PowerSample.objects.earliest("at").at == NOON + 2 * HOUR
    assert prune_samples(now, keep_days=7) == 0
    assert rows(plug) == hours


def test_rolling_up_after_pruning_keeps_the_rows_of_pruned_hours(plug: SmartPlug) -> None:
    """The pruned hour still has the sample on its far edge and, here, a late one."""
    roll_up(store(plug, 10, 2 * 3600 + 10), INTERVAL_S)
    hours = rows(plug)
    prune_samples(NOON + timedelta(days=7, hours=1), keep_days=7)
    late = store(plug, 3590, 3590)
    assert roll_up(late, INTERVAL_S) == 0
    assert roll_up_hours(NOON + 2 * HOUR, INTERVAL_S, since=NOON) == 0
    assert rows(plug) == hours


def test_pruning_goes_in_batches_of_all_plugs(
    plug: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "_PRUNE_BATCH", 100)
    store(plug, 0, 3570)
    store(make_plug(2), 0, 3570)
    with CaptureQueriesContext(connection) as queries:
        assert prune_samples(NOON + timedelta(days=8), keep_days=7) == 240
    assert len([query for query in queries if query["sql"].startswith("DELETE")]) == 4


# --- what it costs ----------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_plugs(
    plug: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hour_rows, "_PLUGS_PER_QUERY", 10)
    plugs = [plug, *(make_plug(number) for number in range(2, 31))]
    stored = [pair for each in plugs for pair in store(each, 1800, 2100)]
    with CaptureQueriesContext(connection) as queries:
        assert roll_up(stored, INTERVAL_S) == 30
    words = Counter(query["sql"].split()[0] for query in queries)
    assert words["SELECT"] <= 1 + 2 * 3  # PostgreSQL calls some of them cursors
    assert words["INSERT"] <= 3  # of all rows; as many parameters at a time as SQLite takes


def test_no_query_of_it_reads_a_whole_table(plug: SmartPlug) -> None:
    """SQLite knows nothing of the tables' sizes, so the plans are those of any household."""
    if connection.vendor != "sqlite":
        pytest.skip("EXPLAIN QUERY PLAN is SQLite's")
    stored = store(plug, 0, 7200)
    with CaptureQueriesContext(connection) as queries:
        roll_up(stored, INTERVAL_S)
        roll_up_hours(NOON + HOUR, INTERVAL_S)
        prune_samples(NOON + timedelta(days=8), keep_days=7)
    asked = [query["sql"] for query in queries if query["sql"].startswith(("SELECT", "DELETE"))]
    assert len(asked) >= 10
    for sql in asked:
        for step in plan_of(sql):
            assert "TEMP B-TREE" not in step, (sql, step)
            # The plugs themselves are all wanted at times; an index alone may be read from its start.
            is_scan = step.startswith("SCAN") and "COVERING INDEX" not in step
            assert not is_scan or step.startswith("SCAN energy_smartplug"), (sql, step)


def plan_of(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
        return [row[-1] for row in cursor.fetchall()]
