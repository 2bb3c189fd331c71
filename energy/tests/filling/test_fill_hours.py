"""Missing hours get what the plug remembers; measured ones never change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from energy.memory import Remembered
from energy.metering import HOUR
from energy.models import EnergyHour, EnergySource, PowerSample, SmartPlug
from energy.plug_pool import credentials_digest
from energy.services import fill_hours
from energy.services.rollup import roll_up
from energy.tests.filling.helpers import MINUTE, NINE, QUARTER_PAST_NOON, FakePool, added, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


def measure(plug: SmartPlug, hour: datetime, energy_wh: float, coverage: float) -> None:
    EnergyHour.objects.create(
        plug=plug,
        hour=hour,
        energy_wh=energy_wh,
        power_min_w=1,
        power_avg_w=energy_wh / coverage,
        power_max_w=99,
        coverage=coverage,
    )


def hours_wanted(memory: FakePool) -> list[str]:
    return [f"{hour:%H}" for each in memory.wanted for hour in each.hours]


def test_a_missing_hour_gets_the_plugs_energy_and_says_so(memory: FakePool) -> None:
    plug = added(NINE)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert (filled.missing, filled.filled, filled.energy_wh) == (3, 3, 150)
    assert rows(plug) == {NINE + HOUR * step: (50, 0, EnergySource.PLUG) for step in range(3)}
    powers_w = EnergyHour.objects.values_list("power_min_w", "power_avg_w", "power_max_w")
    assert set(powers_w) == {(None, None, None)}
    plug.refresh_from_db()
    assert plug.memory_read_until == NINE + 3 * HOUR


def test_an_hour_that_was_measured_in_part_is_completed(memory: FakePool) -> None:
    plug = added(NINE)
    measure(plug, NINE, 20, 0.5)
    measure(plug, NINE + HOUR, 60, 0.9)
    measure(plug, NINE + 2 * HOUR, 40, 0.979)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert rows(plug) == {
        NINE: (50, 0.5, EnergySource.MIXED),
        NINE + HOUR: (60, 0.9, EnergySource.MEASURED),
        NINE + 2 * HOUR: (50, 0.979, EnergySource.MIXED),
    }
    assert (filled.missing, filled.filled, filled.energy_wh) == (3, 2, 40)
    mixed = EnergyHour.objects.get(hour=NINE)
    assert mixed.power_avg_w is not None
    assert mixed.power_avg_w * mixed.coverage == 20  # the measured part


def test_measured_hours_are_never_changed(memory: FakePool) -> None:
    plug = added(NINE)
    for step, coverage in enumerate((1.0, 0.98, 0.99)):
        measure(plug, NINE + step * HOUR, 10, coverage)
    before = rows(plug)
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert memory.wanted == []  # so the plug is not asked either
    assert (filled.missing, rows(plug)) == (0, before)


def test_an_hour_that_is_measured_while_the_plug_is_asked_stays_measured(memory: FakePool) -> None:
    plug = added(NINE)
    memory.before_it_answers = lambda: measure(plug, NINE + HOUR, 10, 1.0)
    fill_hours(QUARTER_PAST_NOON)
    assert rows(plug)[NINE + HOUR] == (10, 1.0, EnergySource.MEASURED)
    assert rows(plug)[NINE] == (50, 0, EnergySource.PLUG)


def test_hours_that_were_filled_before_are_not_asked_for_again(memory: FakePool) -> None:
    plug = added(NINE)
    fill_hours(QUARTER_PAST_NOON)
    SmartPlug.objects.update(memory_read_until=None)
    assert fill_hours(QUARTER_PAST_NOON)[0].missing == 0
    assert (len(memory.wanted), len(rows(plug))) == (1, 3)


def test_of_two_that_fill_at_the_same_time_one_does_it(memory: FakePool) -> None:
    added(NINE)

    def another_is_faster() -> None:
        memory.before_it_answers = lambda: None
        assert fill_hours(QUARTER_PAST_NOON)[0].filled == 3

    memory.before_it_answers = another_is_faster
    assert fill_hours(QUARTER_PAST_NOON)[0].filled == 0


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(30, (50, 0.5, EnergySource.MIXED), id="half an hour of it"),
        pytest.param(60, (20, 1.0, EnergySource.MEASURED), id="all of it"),
    ],
)
@pytest.mark.parametrize("comes_first", ["samples", "plug"])
def test_late_samples_and_the_plug_agree_whoever_comes_first(
    memory: FakePool, minutes: int, expected: tuple[float, float, str], comes_first: str
) -> None:
    plug = added(NINE)
    if comes_first == "plug":
        fill_hours(NINE + 75 * MINUTE)
    times = [NINE + step * MINUTE / 2 for step in range(2 * minutes + 1)]
    PowerSample.objects.bulk_create(PowerSample(plug=plug, at=at, power_w=20) for at in times)
    roll_up([(plug.pk, at) for at in times], interval_s=30)
    if comes_first == "samples":
        fill_hours(NINE + 75 * MINUTE)
    energy_wh, coverage, source = rows(plug)[NINE]
    assert (round(energy_wh, 6), coverage, source) == expected


def test_a_plug_that_is_deleted_while_it_is_asked_leaves_nothing(memory: FakePool) -> None:
    added(NINE)
    memory.before_it_answers = lambda: SmartPlug.objects.all().delete()
    [filled] = fill_hours(QUARTER_PAST_NOON)
    assert filled.filled == 0
    assert not EnergyHour.objects.exists()


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        pytest.param(NINE + HOUR, [], id="just over"),
        pytest.param(NINE + 69 * MINUTE, [], id="its samples may still wait"),
        pytest.param(NINE + 70 * MINUTE, ["09"], id="ten minutes later"),
        pytest.param(NINE + 150 * MINUTE, ["09", "10"], id="not the present hour"),
    ],
)
def test_the_present_and_hours_whose_samples_may_wait_are_left_alone(
    memory: FakePool, now: datetime, hours: list[str]
) -> None:
    added(NINE)
    fill_hours(now)
    assert hours_wanted(memory) == hours


def test_rarer_flushes_make_it_wait_longer(memory: FakePool, settings: Any) -> None:
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = 1200
    added(NINE)
    fill_hours(NINE + 99 * MINUTE)
    assert memory.wanted == []
    fill_hours(NINE + 100 * MINUTE)
    assert hours_wanted(memory) == ["09"]


def test_nothing_is_filled_from_before_the_plug_was_added(memory: FakePool) -> None:
    added(NINE + 90 * MINUTE)
    fill_hours(QUARTER_PAST_NOON)
    assert hours_wanted(memory) == ["10", "11"]


def test_a_week_is_what_a_plug_remembers(memory: FakePool) -> None:
    added(NINE - timedelta(days=30))
    fill_hours(QUARTER_PAST_NOON)
    [wanted] = memory.wanted
    assert (wanted.hours[0], len(wanted.hours)) == (NINE + 4 * HOUR - timedelta(days=7), 167)


def test_what_was_dealt_with_is_not_asked_for_again(memory: FakePool) -> None:
    plug = added(NINE)
    memory.tell(Remembered({}, NINE + 3 * HOUR))  # it does not know
    fill_hours(QUARTER_PAST_NOON)
    fill_hours(QUARTER_PAST_NOON)
    assert len(memory.wanted) == 1
    memory.is_told = False
    fill_hours(QUARTER_PAST_NOON + 2 * HOUR)
    assert hours_wanted(memory)[3:] == ["12", "13"]
    assert list(rows(plug)) == [NINE + 3 * HOUR, NINE + 4 * HOUR]


def test_disabled_plugs_and_those_that_refuse_the_login_are_not_asked(memory: FakePool) -> None:
    added(NINE, 101, enabled=False)
    added(NINE, 102, refused_credentials=credentials_digest())
    assert fill_hours(QUARTER_PAST_NOON) == []
    assert memory.wanted == []


def test_plugs_with_nothing_missing_cost_a_query_each(
    memory: FakePool, django_assert_num_queries: Any
) -> None:
    for number in (101, 102, 103):
        added(QUARTER_PAST_NOON, number)
    with django_assert_num_queries(1 + 3):
        fill_hours(QUARTER_PAST_NOON)
