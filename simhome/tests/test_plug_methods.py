"""What a plug answers once its encryption is off: state, history, and errors."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simhome.clock import ManualClock
from simhome.loads import ConstantLoad
from simhome.plug_device import PlugDevice
from simhome.plug_methods import answer

NOON = datetime(2026, 1, 15, 11, 0, tzinfo=UTC)  # 12:00 in Berlin
MIDNIGHT_S = int(NOON.timestamp()) - 12 * 3600
DAY_S = 86400
HOUR = timedelta(hours=1)


def make_device(
    clock: ManualClock, *, model: str = "P110", watts: float = 60.0, zone: str = "Europe/Berlin"
) -> PlugDevice:
    return PlugDevice(
        alias="Küche",
        device_id="80" * 20,
        mac="02005e000065",
        host="127.9.9.101",
        load=ConstantLoad(watts),
        clock=clock,
        model=model,
        time_zone=ZoneInfo(zone),
    )


def ask(device: PlugDevice, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the result of one method, which must succeed."""
    reply = answer(device, {"method": method, "params": params or {}}, failing={})
    assert reply["error_code"] == 0
    result: dict[str, Any] = reply.get("result", {})
    return result


def error_of(device: PlugDevice, request: object) -> int:
    code: int = answer(device, request, failing={})["error_code"]
    return code


def span(start_s: int, end_s: int, interval: int) -> dict[str, int]:
    return {"start_timestamp": start_s, "end_timestamp": end_s, "interval": interval}


def test_it_tells_who_it_is() -> None:
    info = ask(make_device(ManualClock(NOON)), "get_device_info")
    assert base64.b64decode(info["nickname"]).decode() == "Küche"
    assert info["mac"] == "02-00-5E-00-00-65"
    assert (info["model"], info["type"]) == ("P110", "SMART.TAPOPLUG")
    assert (info["region"], info["time_diff"]) == ("Europe/Berlin", 60)


def test_the_offset_it_tells_knows_no_summer_time() -> None:
    clock = ManualClock(datetime(2025, 2, 10, 23, 31, tzinfo=UTC))
    device = make_device(clock, zone="Pacific/Auckland")
    assert ask(device, "get_device_time") == {
        "region": "Pacific/Auckland",
        "time_diff": 720,
        "timestamp": 1739230260,
    }
    assert ask(device, "get_energy_usage")["local_time"] == "2025-02-11 12:31:00"


def test_it_counts_how_long_it_is_on() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(90.9)
    assert ask(device, "get_device_info")["on_time"] == 90
    ask(device, "set_device_info", {"device_on": False})
    assert ask(device, "get_device_info")["on_time"] == 0
    clock.advance(60)
    ask(device, "set_device_info", {"device_on": True})
    clock.advance(5)
    assert ask(device, "get_device_info")["on_time"] == 5


def test_switching_to_the_state_it_is_in_tells_nobody() -> None:
    device = make_device(ManualClock(NOON))
    told: list[bool] = []
    device.on_relay = told.append
    ask(device, "set_device_info", {"device_on": True})
    assert told == []
    ask(device, "set_device_info", {"device_on": False})
    assert told == [False]


def test_it_can_be_renamed() -> None:
    device = make_device(ManualClock(NOON))
    ask(device, "set_device_info", {"nickname": base64.b64encode(b"Desk").decode()})
    assert device.alias == "Desk"
    assert device.relay_on


def test_momentary_values_fit_each_other() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock, watts=43.21)
    clock.advance(1800)
    emeter = ask(device, "get_emeter_data")
    usage = ask(device, "get_energy_usage")
    assert emeter["power_mw"] == usage["current_power"] == 43_210
    apparent_mw = emeter["voltage_mv"] * emeter["current_ma"] / 1000
    assert apparent_mw == pytest.approx(43_210, rel=0.005)
    assert ask(device, "get_current_power") == {"current_power": 43}
    assert emeter["energy_wh"] == 21
    assert usage["today_energy"] == 22  # 21.605 Wh
    assert usage["today_runtime"] == 30


def test_a_plug_that_is_off_shows_voltage_and_nothing_else() -> None:
    device = make_device(ManualClock(NOON))
    device.relay_on = False
    emeter = ask(device, "get_emeter_data")
    assert (emeter["power_mw"], emeter["current_ma"]) == (0, 0)
    assert emeter["voltage_mv"] == pytest.approx(230_000, abs=5_000)
    assert ask(device, "get_energy_usage")["current_power"] == 0


def test_its_day_and_month_begin_at_its_own_midnight() -> None:
    clock = ManualClock(datetime(2026, 1, 31, 22, 0, tzinfo=UTC))  # 23:00 in Berlin
    device = make_device(clock)
    clock.advance(2 * 3600)
    usage = ask(device, "get_energy_usage")
    assert (usage["today_energy"], usage["month_energy"]) == (60, 60)
    assert usage["local_time"] == "2026-02-01 01:00:00"
    assert ask(device, "get_device_usage")["power_usage"] == {
        "today": 60,
        "past7": 120,
        "past30": 120,
    }
    assert ask(device, "get_device_usage")["time_usage"] == {
        "today": 60,
        "past7": 120,
        "past30": 120,
    }


def test_it_shows_the_past_it_was_given() -> None:
    device = make_device(ManualClock(NOON))
    device.remember({NOON - i * HOUR: 5.0 for i in range(1, 30 * 24)})
    assert ask(device, "get_energy_usage")["today_energy"] == 60
    assert ask(device, "get_device_usage")["power_usage"]["past7"] == (12 + 6 * 24) * 5
    hourly = ask(device, "get_energy_data", span(MIDNIGHT_S, MIDNIGHT_S + DAY_S - 1, 60))
    assert hourly["data"] == [5] * 12 + [0] * 12


@pytest.mark.parametrize(
    ("start_s", "end_s", "count"),
    [
        pytest.param(MIDNIGHT_S, MIDNIGHT_S + DAY_S - 1, 24, id="a day"),
        pytest.param(MIDNIGHT_S + 40_000, MIDNIGHT_S + DAY_S - 1, 24, id="the hour is ignored"),
        pytest.param(MIDNIGHT_S - 7 * DAY_S, MIDNIGHT_S + DAY_S - 1, 192, id="eight days"),
    ],
)
def test_hourly_energy_begins_at_local_midnight(start_s: int, end_s: int, count: int) -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(1.75 * 3600)
    result = ask(device, "get_energy_data", span(start_s, end_s, 60))
    assert result["data"] == [0] * (count - 12) + [60, 45] + [0] * 10
    assert (result["start_timestamp"], result["end_timestamp"]) == (start_s, end_s)


@pytest.mark.parametrize("days_after_the_first", [0, 14, 89])
def test_daily_energy_is_that_of_the_quarter_whatever_the_day(days_after_the_first: int) -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(3600)
    first_s = MIDNIGHT_S - 14 * DAY_S + days_after_the_first * DAY_S
    result = ask(device, "get_energy_data", span(first_s, first_s, 1440))
    assert result["data"] == [0] * 14 + [60] + [0] * 75


def test_monthly_energy_is_that_of_the_year() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(30 * DAY_S)
    first_s = MIDNIGHT_S - 14 * DAY_S
    result = ask(device, "get_energy_data", span(first_s, first_s, 43200))
    assert result["data"] == [16.5 * 1440, 13.5 * 1440] + [0] * 10


@pytest.mark.parametrize(
    ("start_s", "end_s", "interval", "begin_s", "data"),
    [
        pytest.param(0, 900, 5, 0, [60, 60, 60], id="5 minutes, the end is exclusive"),
        pytest.param(1, 900, 5, 300, [60, 60], id="the start is rounded up"),
        pytest.param(-300, 300, 5, -300, [-1, 60], id="before it knew anything"),
        pytest.param(3300, 4200, 5, 3300, [60, 60, -1], id="what is not over"),
        pytest.param(0, 7200, 60, 0, [60, -1], id="hours"),
        pytest.param(900, 900, 5, 900, [], id="no time"),
    ],
)
def test_mean_power_of_the_past(
    start_s: int, end_s: int, interval: int, begin_s: int, data: list[int]
) -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(3900 + 120)
    noon_s = int(NOON.timestamp())
    result = ask(device, "get_power_data", span(noon_s + start_s, noon_s + end_s, interval))
    assert result["data"] == data
    assert result["start_timestamp"] == noon_s + begin_s


def test_mean_power_ends_with_the_144th_entry() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(DAY_S)
    noon_s = int(NOON.timestamp())
    result = ask(device, "get_power_data", span(noon_s, noon_s + DAY_S, 5))
    assert result["data"] == [60] * 144
    assert result["end_timestamp"] == noon_s + DAY_S / 2


@pytest.mark.parametrize(
    ("method", "params"),
    [
        pytest.param("get_energy_data", {}, id="nothing"),
        pytest.param("get_energy_data", span(0, 0, 5), id="energy per 5 minutes"),
        pytest.param("get_energy_data", span(0, 0, 90), id="energy per 90 minutes"),
        pytest.param("get_energy_data", span(DAY_S, 0, 60), id="end before start"),
        pytest.param("get_energy_data", span(0, 8 * DAY_S, 60), id="nine days of hours"),
        pytest.param("get_energy_data", {**span(0, 0, 60), "interval": "60"}, id="text"),
        pytest.param("get_energy_data", span(-1, 0, 60), id="before 1970"),
        pytest.param("get_energy_data", span(2**31, 2**31, 60), id="after 2038"),
        pytest.param("get_power_data", span(0, 0, 1440), id="power per day"),
        pytest.param("set_device_info", {}, id="nothing to set"),
        pytest.param("set_device_info", {"device_on": "yes"}, id="a state that is none"),
        pytest.param("set_device_info", {"device_on": False, "x": 1}, id="an unknown setting"),
        pytest.param("set_device_info", {"nickname": "no base64"}, id="a name not in base64"),
        pytest.param("get_energy_usage", [1], id="a list"),
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(method: str, params: object) -> None:
    device = make_device(ManualClock(NOON))
    assert error_of(device, {"method": method, "params": params}) == -1008
    assert (device.relay_on, device.alias) == (True, "Küche")


@pytest.mark.parametrize(
    ("model", "method"),
    [
        pytest.param("P110", "get_the_weather", id="unknown"),
        pytest.param("P100", "get_energy_usage", id="P100 has no meter"),
        pytest.param("P110-old", "get_emeter_data", id="old firmware has no voltage"),
        pytest.param("P110-old", "get_energy_data", id="old firmware has no history method"),
    ],
)
def test_a_method_it_does_not_have_is_unknown(model: str, method: str) -> None:
    assert error_of(make_device(ManualClock(NOON), model=model), {"method": method}) == -1002


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(None, -1003, id="no JSON"),
        pytest.param([], -1003, id="a list"),
        pytest.param({}, -1002, id="no method"),
        pytest.param({"method": "multipleRequest"}, -1008, id="several of nothing"),
        pytest.param(
            {"method": "multipleRequest", "params": {"requests": [1]}}, -1008, id="numbers"
        ),
    ],
)
def test_a_request_that_is_none_is_an_error(request_: object, code: int) -> None:
    assert error_of(make_device(ManualClock(NOON)), request_) == code


def test_several_methods_are_answered_up_to_the_first_error() -> None:
    device = make_device(ManualClock(NOON))
    methods = ["get_led_info", "get_the_weather", "get_device_time"]
    requests = [{"method": method} for method in methods]
    reply = answer(
        device, {"method": "multipleRequest", "params": {"requests": requests}}, failing={}
    )
    assert reply["error_code"] == 0
    answered = [(each["method"], each["error_code"]) for each in reply["result"]["responses"]]
    assert answered == [("get_led_info", 0), ("get_the_weather", -1002)]


def test_old_firmware_has_its_history_inside_the_usage() -> None:
    device = make_device(ManualClock(NOON), model="P110-old")
    device.remember({NOON - i * HOUR: 5.0 for i in range(1, 25)})
    usage = ask(device, "get_energy_usage")
    assert usage["past24h"] == usage["past7d"][-1] == [5] * 12 + [0] * 12
    assert usage["past7d"][-2] == [0] * 12 + [5] * 12
    assert usage["past30d"][-2:] == [60, 60]
    assert usage["past1y"] == [0] * 11 + [120]


def test_another_load_is_measured_from_when_it_was_plugged_in() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock, watts=60.0)
    clock.advance(3600)
    device.load = ConstantLoad(10.0)
    clock.advance(3600)
    assert device.energy_wh() == pytest.approx(70.0)
    assert device.power_w() == 10.0


def test_what_was_drawn_before_the_relay_is_switched_counts_and_nothing_after() -> None:
    clock = ManualClock(NOON)
    device = make_device(clock)
    clock.advance(3600)
    device.relay_on = False
    clock.advance(3600)
    device.relay_on = True
    clock.advance(1800)
    assert device.energy_wh() == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("model", "mac", "complaint"),
    [
        pytest.param("P999", "02005e000065", "Unknown model", id="model"),
        pytest.param("P110", "02005e0000", "MAC", id="MAC"),
    ],
)
def test_a_plug_that_cannot_be_is_refused(model: str, mac: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PlugDevice(
            alias="x",
            device_id="x",
            mac=mac,
            host="127.9.9.9",
            load=ConstantLoad(1.0),
            clock=ManualClock(NOON),
            model=model,
        )
