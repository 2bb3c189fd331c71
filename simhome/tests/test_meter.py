"""The meter counts exactly, and forgets as a plug does."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from simhome.loads import ConstantLoad, FreezerLoad, Load, MonitorLoad
from simhome.meter import Meter

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 15, 11, 0, tzinfo=UTC)  # 12:00 in Berlin
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 1, 15)


def make_meter(load: Load | None = None, start: datetime = START) -> Meter:
    return Meter(load or ConstantLoad(60.0), start=start, time_zone=BERLIN)


class RisingLoad:
    """A load that keeps no note of its changes: a watt more each second."""

    def power_w(self, at: datetime) -> float:
        return (at - START).total_seconds()


@pytest.mark.parametrize(
    ("span", "expected_wh"),
    [
        pytest.param(timedelta(), 0.0, id="no time, no energy"),
        pytest.param(MINUTE, 1.0, id="60 W for a minute is 1 Wh"),
        pytest.param(timedelta(seconds=0.5), 60 * 0.5 / 3600, id="half a second"),
        pytest.param(DAY, 1440.0, id="60 W for a day is 1.44 kWh"),
    ],
)
def test_energy_is_power_times_time(span: timedelta, expected_wh: float) -> None:
    meter = make_meter()
    meter.advance(START + span)
    assert meter.energy_wh == pytest.approx(expected_wh, rel=1e-9)


def test_it_does_not_matter_how_often_it_is_asked() -> None:
    load = FreezerLoad(seed=5)
    often, once = make_meter(load), make_meter(load)
    for seconds in range(0, 86400, 173):
        often.advance(START + timedelta(seconds=seconds))
    often.advance(START + DAY)
    once.advance(START + DAY)
    assert often.energy_wh == pytest.approx(once.energy_wh, rel=1e-9)
    assert often.hours_of_day_wh(TODAY) == pytest.approx(once.hours_of_day_wh(TODAY))


def test_a_stepped_load_is_integrated_exactly() -> None:
    load = FreezerLoad(seed=6)
    meter = make_meter(load)
    meter.advance(START + 2 * HOUR)
    by_second = sum(load.power_w(START + timedelta(seconds=i)) for i in range(7200)) / 3600
    assert meter.energy_wh == pytest.approx(by_second, rel=1e-9)


def test_a_load_that_does_not_tell_its_changes_is_followed_by_the_second() -> None:
    meter = make_meter(RisingLoad())
    meter.advance(START + 2 * timedelta(seconds=1))
    assert meter.energy_wh == pytest.approx((0 + 1) / 3600)


def test_an_open_relay_lets_no_energy_through() -> None:
    meter = make_meter()
    meter.advance(START + 10 * MINUTE)
    meter.relay_on = False
    meter.advance(START + 70 * MINUTE)
    meter.relay_on = True
    meter.advance(START + 80 * MINUTE)
    assert meter.energy_wh == pytest.approx(20.0)
    assert meter.day_on_min(TODAY) == pytest.approx(20.0)


def test_hours_are_those_of_the_wall_clock() -> None:
    meter = make_meter()
    meter.advance(START + 2 * HOUR + 30 * MINUTE)
    assert meter.hours_of_day_wh(TODAY) == pytest.approx([0] * 12 + [60, 60, 30] + [0] * 9)


def test_days_end_at_local_midnight() -> None:
    meter = make_meter()
    meter.advance(START + DAY)
    assert meter.day_wh(TODAY) == pytest.approx(12 * 60)
    assert meter.day_wh(TODAY + DAY) == pytest.approx(12 * 60)
    assert meter.day_wh(TODAY - DAY) == 0.0


@pytest.mark.parametrize(
    ("day", "hour", "energy_wh", "total_wh"),
    [
        pytest.param(date(2026, 3, 29), 2, 0.0, 23 * 60, id="spring: the hour from 2 is skipped"),
        pytest.param(date(2026, 10, 25), 2, 120.0, 25 * 60, id="autumn: it comes twice"),
    ],
)
def test_a_day_on_which_the_clocks_change_has_24_entries(
    day: date, hour: int, energy_wh: float, total_wh: float
) -> None:
    meter = make_meter(start=datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY)
    meter.advance(datetime(day.year, day.month, day.day, tzinfo=UTC) + 2 * DAY)
    hours = meter.hours_of_day_wh(day)
    assert len(hours) == 24
    assert hours[hour] == pytest.approx(energy_wh)
    assert sum(hours) == pytest.approx(total_wh)
    assert meter.day_wh(day) == pytest.approx(total_wh)


def test_hours_are_remembered_for_8_days_and_days_for_longer() -> None:
    meter = make_meter()
    meter.advance(START + 10 * DAY)
    assert sum(meter.hours_of_day_wh(TODAY + DAY)) == 0.0
    assert meter.hours_of_day_wh(TODAY + 3 * DAY) == pytest.approx([60.0] * 24)
    assert meter.day_wh(TODAY + DAY) == pytest.approx(1440.0)


def test_a_past_can_be_given_to_it() -> None:
    meter = make_meter()
    meter.remember({START - 30 * DAY + i * HOUR: 10.0 for i in range(30 * 24 + 1)})
    assert meter.hours_of_day_wh(TODAY - DAY) == pytest.approx([10.0] * 24)
    assert meter.hours_of_day_wh(TODAY)[:13] == pytest.approx([10.0] * 13)
    assert sum(meter.hours_of_day_wh(TODAY - 10 * DAY)) == 0.0
    assert meter.day_wh(TODAY - 29 * DAY) == pytest.approx(240.0)
    assert meter.day_on_min(TODAY - 29 * DAY) == pytest.approx(1440.0)
    assert meter.hour_w(START - HOUR) == pytest.approx(10.0)
    assert meter.energy_wh == 0.0


@pytest.mark.parametrize(
    "hour",
    [
        pytest.param(START + HOUR, id="the future"),
        pytest.param(START - 30 * MINUTE, id="the middle of an hour"),
    ],
)
def test_a_past_that_is_none_is_refused(hour: datetime) -> None:
    meter = make_meter()
    with pytest.raises(ValueError, match="past hour"):
        meter.remember({hour: 1.0})


def test_mean_power_is_known_for_what_is_over() -> None:
    meter = make_meter()
    meter.advance(START + 64 * MINUTE)
    assert meter.five_minutes_w(START) == pytest.approx(60.0)
    assert meter.five_minutes_w(START + 55 * MINUTE) == pytest.approx(60.0)
    assert meter.five_minutes_w(START + 60 * MINUTE) is None
    assert meter.five_minutes_w(START - 5 * MINUTE) is None
    assert meter.hour_w(START) == pytest.approx(60.0)
    assert meter.hour_w(START + HOUR) is None
    assert meter.hour_w(START - HOUR) is None


def test_mean_power_per_5_minutes_is_remembered_for_a_day() -> None:
    meter = make_meter()
    meter.advance(START + 2 * DAY)
    assert meter.five_minutes_w(START + DAY + 5 * MINUTE) == pytest.approx(60.0)
    assert meter.five_minutes_w(START + DAY - HOUR) is None


def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    meter = make_meter()
    meter.advance(START + HOUR)
    meter.advance(START)
    assert meter.energy_wh == pytest.approx(60.0)
    meter.advance(START + 30 * MINUTE)
    assert meter.energy_wh == pytest.approx(90.0)


def test_a_zone_that_is_not_whole_hours_from_utc_is_refused() -> None:
    with pytest.raises(ValueError, match="whole hours"):
        Meter(ConstantLoad(1.0), start=START, time_zone=ZoneInfo("Asia/Kolkata"))


@pytest.mark.parametrize("load", [FreezerLoad(1), MonitorLoad(1)], ids=["freezer", "monitor"])
def test_a_week_is_counted_in_less_than_2_seconds(load: Load) -> None:
    meter = make_meter(load)
    begun_s = time.process_time()
    meter.advance(START + 7 * DAY)
    assert time.process_time() - begun_s < 2.0
    assert meter.energy_wh > 0
