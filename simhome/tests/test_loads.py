"""Loads draw what such a thing draws, the same at every asking."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from simhome.loads import (
    ConstantLoad,
    FreezerLoad,
    MonitorLoad,
    SteppedLoad,
    mains_voltage_v,
)

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LOADS = [
    pytest.param(FreezerLoad(seed=1), id="freezer"),
    pytest.param(MonitorLoad(seed=1), id="monitor"),
    pytest.param(ConstantLoad(7.0), id="constant"),
]


def segments(load: SteppedLoad, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
    """Return where the power may change, and the power from there on."""
    found, at = [], start
    while at < end:
        found.append((at, load.power_w(at)))
        at = load.next_change(at) or end
    return found


def compressor_starts(load: FreezerLoad, start: datetime, end: datetime) -> list[datetime]:
    steps = segments(load, start, end)
    return [
        later
        for (_, before_w), (later, after_w) in pairwise(steps)
        if before_w == load.STANDBY_W != after_w
    ]


@pytest.mark.parametrize("load", LOADS)
def test_power_stays_the_same_between_two_changes(load: SteppedLoad) -> None:
    steps = [at for at, _ in segments(load, START, START + 7 * DAY)]
    for begin, end in pairwise([*steps, START + 7 * DAY]):
        last = end - timedelta(microseconds=1)
        middle = begin + (end - begin) / 2
        assert load.power_w(begin) == load.power_w(middle) == load.power_w(last), begin


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("year", [1970, 2026, 2090])
def test_changes_come_one_after_the_other_in_any_year(load: SteppedLoad, year: int) -> None:
    start = datetime(year, 6, 1, 3, 33, 33, 333333, tzinfo=UTC)
    at: datetime | None = start
    for _ in range(200):
        assert at is not None
        change = load.next_change(at)
        if change is None:
            return
        assert change > at
        at = change


@pytest.mark.parametrize("seed", range(5))
def test_a_freezer_runs_8_to_12_minutes_in_every_30_to_45(seed: int) -> None:
    load = FreezerLoad(seed)
    starts = compressor_starts(load, START, START + 3 * DAY)
    assert len(starts) > 90
    for begin, following in pairwise(starts):
        assert timedelta(minutes=30) <= following - begin <= timedelta(minutes=45)
        run = next(at for at, watts in segments(load, begin, following) if watts == load.STANDBY_W)
        assert timedelta(minutes=8) <= run - begin <= timedelta(minutes=12)


def test_a_running_compressor_draws_42_to_46_watts_after_its_start_peak() -> None:
    load = FreezerLoad(seed=3)
    powers = [watts for _, watts in segments(load, START, START + 3 * DAY)]
    assert powers.count(load.START_PEAK_W) > 90
    steady = {watts for watts in powers if watts not in {load.STANDBY_W, load.START_PEAK_W}}
    assert 42.0 <= min(steady) < 43.0
    assert max(steady) == 46.0
    begin = compressor_starts(load, START, START + DAY)[0]
    assert load.power_w(begin) > 100
    assert load.power_w(begin + timedelta(seconds=2)) == 46.0


def test_freezers_of_different_seeds_do_not_run_in_step() -> None:
    starts = [compressor_starts(FreezerLoad(seed), START, START + DAY)[0] for seed in range(6)]
    # The delays within a slot alone would keep them within 6 minutes of each other.
    assert max(starts) - min(starts) > timedelta(minutes=12)


def test_a_monitor_is_on_in_the_day_and_evening_only() -> None:
    load = MonitorLoad(seed=2)
    steps = segments(load, START, START + 60 * DAY)
    hours_on = {at.astimezone(BERLIN).hour for at, watts in steps if watts > load.STANDBY_W}
    assert hours_on <= set(range(8, 23))
    assert hours_on >= {10, 14, 20}
    powers = [watts for _, watts in steps if watts > load.STANDBY_W]
    assert 18.0 <= min(powers) < 18.5
    assert 21.5 < max(powers) <= 22.0
    assert min(watts for _, watts in steps) == 0.3


def test_a_monitor_keeps_local_hours_when_the_clocks_change() -> None:
    load = MonitorLoad(seed=4)
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    evenings = [
        at.astimezone(BERLIN).hour
        for at, watts in segments(load, spring - 14 * DAY, spring + 14 * DAY)
        if watts > load.STANDBY_W
    ]
    assert min(evenings) >= 8
    assert max(evenings) <= 22


@pytest.mark.parametrize("make", [FreezerLoad, MonitorLoad], ids=["freezer", "monitor"])
def test_the_same_seed_gives_the_same_curve_in_any_order(
    make: type[FreezerLoad] | type[MonitorLoad],
) -> None:
    instants = [START + timedelta(minutes=7 * i) for i in range(600)]
    forward, other = make(9), make(10)
    powers = [forward.power_w(at) for at in instants]
    backward = make(9)
    assert [backward.power_w(at) for at in reversed(instants)] == powers[::-1]
    assert [other.power_w(at) for at in instants] != powers


def test_the_mains_are_those_of_europe_and_never_quite_still() -> None:
    voltages = [mains_voltage_v(START + timedelta(seconds=i * 13)) for i in range(1000)]
    assert min(voltages) > 226
    assert max(voltages) < 234
    assert len(set(voltages)) > 500
    assert mains_voltage_v(START) == mains_voltage_v(START + timedelta(microseconds=999999))
