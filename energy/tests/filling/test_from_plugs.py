"""Hours are filled through python-kasa, by simulated plugs that measure."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.metering import HOUR
from energy.models import PlugStatus, SmartPlug
from energy.plug_pool import shared_pool
from energy.readings import Seen
from energy.services import fill_hours
from energy.services.polling import target_of
from energy.tests.conftest import SimHome
from energy.tests.filling.helpers import NINE, added, rows
from simhome.clock import ManualClock
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


def add(home: SimHome, clock: ManualClock, number: int = 101, **options: Any) -> SimPlug:
    """Start a plug at the clock's time and store its row."""
    sim = home.add(number, clock=clock, **{"load": ConstantLoad(60.4), **options})
    added(clock.now(), number, host=sim.host)
    return sim


def plug_in(home: SimHome, sim: SimPlug, watts: float) -> None:
    home.do(lambda: setattr(sim, "load", ConstantLoad(watts)))


def pass_hours(home: SimHome, clock: ManualClock, hours: float) -> datetime:
    home.do(lambda: clock.advance(hours * 3600))
    return clock.now()


@pytest.mark.enable_socket
def test_after_an_outage_of_ours_the_plugs_fill_their_hours_and_are_asked_once(
    home: SimHome,
) -> None:
    clock = ManualClock(NINE)
    sims = [add(home, clock, number, load=ConstantLoad(number / 3)) for number in (101, 102, 103)]
    now = pass_hours(home, clock, 50.25)
    assert [each.filled for each in fill_hours(now)] == [50, 50, 50]
    for sim, plug in zip(sims, SmartPlug.objects.order_by("device_id"), strict=True):
        energies_wh = [energy_wh for energy_wh, _, _ in rows(plug).values()]
        assert energies_wh == [round(sim.load.power_w(now))] * 50
    calls = [dict(sim.calls) for sim in sims]
    assert calls == [{"handshake1": 1, "handshake2": 1, "request": 2}] * 3
    assert fill_hours(now)[0].missing == 0
    assert [dict(sim.calls) for sim in sims] == calls


@pytest.mark.enable_socket
def test_a_plug_remembers_only_what_it_metered(home: SimHome) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    pass_hours(home, clock, 1)
    home.fault(sim, "unplugged")
    pass_hours(home, clock, 2)
    home.mend(sim)
    now = pass_hours(home, clock, 1.25)
    [filled] = fill_hours(now)
    assert (filled.missing, filled.filled) == (4, 2)
    assert list(rows(SmartPlug.objects.get())) == [NINE, NINE + 3 * HOUR]


@pytest.mark.enable_socket
def test_a_plug_out_of_the_wifi_fills_its_hours_when_it_is_back(home: SimHome) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, "refuse")
    now = pass_hours(home, clock, 3.25)
    [filled] = fill_hours(now)
    assert (filled.filled, "refuses connections" in filled.message) == (0, True)
    requests = sim.calls["request"]
    home.mend(sim)
    [filled] = fill_hours(now)  # a moment later: it is left alone
    assert (filled.filled, sim.calls["request"]) == (0, requests)
    shared_pool().read_now(target_of(SmartPlug.objects.get()), wait_s=5, at_once=True)
    assert fill_hours(now)[0].filled == 3


@pytest.mark.enable_socket
@pytest.mark.parametrize("code", [-1002, -1008, -1001, -1501])
def test_a_refusal_costs_neither_the_session_nor_the_plugs_good_name(
    home: SimHome, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, "no_memory", code=code)
    now = pass_hours(home, clock, 3.25)
    assert "does not tell past hours" in fill_hours(now)[0].message
    seen = shared_pool().read_now(target_of(SmartPlug.objects.get()), wait_s=5)
    assert isinstance(seen, Seen)  # no back-off
    assert sim.calls["handshake1"] == 1
    assert {each.levelname for each in caplog.records if each.name.startswith("energy")} == {"INFO"}
    assert SmartPlug.objects.get().status == PlugStatus.UNKNOWN


@pytest.mark.enable_socket
@pytest.mark.parametrize("model", ["P110-old", "P100"])
def test_plugs_without_that_memory_are_a_refusal_too(home: SimHome, model: str) -> None:
    clock = ManualClock(NINE)
    add(home, clock, model=model)
    now = pass_hours(home, clock, 3.25)
    assert "does not tell past hours" in fill_hours(now)[0].message


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("fault", "parameters"),
    [("clock_unset", {}), ("clock_wrong", {}), ("clock_wrong", {"behind_s": 400})],
    ids=["no time at all", "another year", "some minutes"],
)
def test_a_plug_whose_clock_is_wrong_fills_nothing_until_it_is_right(
    home: SimHome, fault: str, parameters: dict[str, object]
) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock)
    home.fault(sim, fault, **parameters)
    now = pass_hours(home, clock, 3.25)
    assert "clock is wrong" in fill_hours(now)[0].message
    assert rows(SmartPlug.objects.get()) == {}
    home.mend(sim)
    assert fill_hours(now)[0].filled == 3
    assert SmartPlug.objects.get().memory_message == ""


@pytest.mark.enable_socket
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_plug_that_lives_in_another_zone_fills_the_same_hours(home: SimHome, zone: str) -> None:
    clock = ManualClock(NINE)
    sim = add(home, clock, time_zone=ZoneInfo(zone))
    plug_in(home, sim, 60)
    pass_hours(home, clock, 24)
    plug_in(home, sim, 80)
    now = pass_hours(home, clock, 5 * 24 + 0.25)
    assert fill_hours(now)[0].filled == 6 * 24
    known = [energy_wh for energy_wh, _, _ in rows(SmartPlug.objects.get()).values()]
    assert known == [60] * 24 + [80] * 5 * 24


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("start", "left_alone"),
    [
        pytest.param(datetime(2026, 3, 27, 9, tzinfo=UTC), 0, id="summer time begins"),
        pytest.param(datetime(2026, 10, 23, 9, tzinfo=UTC), 2, id="summer time ends"),
    ],
)
def test_in_a_week_with_a_change_of_the_clock_each_hour_is_in_its_place(
    home: SimHome, start: datetime, left_alone: int
) -> None:
    clock = ManualClock(start)
    sim = add(home, clock)
    for step in range(96):  # each hour another power
        plug_in(home, sim, 100 + step)
        pass_hours(home, clock, 1)
    now = pass_hours(home, clock, 0.25)
    assert fill_hours(now)[0].filled == 96 - left_alone
    for hour, (energy_wh, _, _) in rows(SmartPlug.objects.get()).items():
        assert energy_wh == 100 + (hour - start) // HOUR


@pytest.mark.enable_socket
def test_a_hanging_plug_does_not_keep_the_others_from_filling(home: SimHome, settings: Any) -> None:
    settings.ENERGY_PLUG_TIMEOUT_SECONDS = 1
    clock = ManualClock(NINE)
    hanging, _good = add(home, clock, 101), add(home, clock, 102)
    home.fault(hanging, "hang")
    now = pass_hours(home, clock, 2.25)
    assert [each.filled for each in fill_hours(now)] == [0, 2]
