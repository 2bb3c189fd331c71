"""What a plug's answers mean."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from energy.models import PlugStatus
from energy.readings import (
    FailureKind,
    Identity,
    Reading,
    identity_from,
    is_same_plug,
    power_from,
    reading_from,
)
from energy.tests.factories import NOON, make_reading, make_target

INFO = {
    "device_id": "8022AB",
    "mac": "02-00-5E-00-00-65",
    "nickname": base64.b64encode("Büro".encode()).decode(),
    "model": "P110",
    "fw_ver": "1.3.2",
    "device_on": True,
    "rssi": -47,
}
USAGE = {"current_power": 8962, "today_energy": 46, "local_time": "2026-03-02 13:00:00"}
EMETER = {"power_mw": 12173, "voltage_mv": 238609, "current_ma": 51, "energy_wh": 1469}
WHOLE_W = {"current_power": 9}
# What python-kasa gives for a method that failed: an error code, no object.
FAILED = -1003


@pytest.mark.parametrize(
    ("answers", "expected_w"),
    [
        pytest.param(
            {"get_emeter_data": EMETER, "get_energy_usage": USAGE}, 12.173, id="the meter is best"
        ),
        pytest.param({"get_energy_usage": USAGE}, 8.962, id="usage is in mW"),
        pytest.param({"get_current_power": WHOLE_W}, 9.0, id="current power is in whole W"),
        pytest.param(
            {"get_emeter_data": FAILED, "get_energy_usage": USAGE}, 8.962, id="the meter failed"
        ),
        pytest.param(
            {"get_emeter_data": EMETER, "get_energy_usage": FAILED}, 12.173, id="the clock is unset"
        ),
        pytest.param({"get_emeter_data": {"power_mw": 0}}, 0.0, id="nothing drawn is 0 W"),
        pytest.param({"get_emeter_data": {"power_mw": -5200}}, -5.2, id="a balcony power plant"),
        pytest.param({}, None, id="no answer is not 0 W"),
        pytest.param({"get_emeter_data": {}, "get_energy_usage": None}, None, id="empty answers"),
        pytest.param({"get_emeter_data": {"power_mw": "12"}}, None, id="a text is no number"),
        pytest.param({"get_emeter_data": {"power_mw": True}}, None, id="a truth is no number"),
        pytest.param({"get_emeter_data": {"power_mw": float("nan")}}, None, id="nan is no number"),
    ],
)
def test_the_best_power_figure_is_taken(answers: dict[str, Any], expected_w: float | None) -> None:
    assert power_from(answers) == expected_w


def test_a_full_answer_gives_every_value_in_its_unit() -> None:
    answers = {"get_device_info": INFO, "get_energy_usage": USAGE, "get_emeter_data": EMETER}
    assert reading_from(answers, device_id="8022AB", at=NOON) == Reading(
        device_id="8022AB",
        at=NOON,
        power_w=12.173,
        voltage_v=238.609,
        current_a=0.051,
        today_energy_wh=46,
        relay_on=True,
        rssi=-47,
    )


def test_what_the_plug_did_not_say_is_unknown_not_zero() -> None:
    reading = reading_from({}, device_id="8022AB", at=NOON)
    values = (reading.power_w, reading.voltage_v, reading.current_a, reading.today_energy_wh)
    assert values == (None, None, None, None)
    assert (reading.relay_on, reading.rssi) == (None, None)


def test_texts_fit_the_database() -> None:
    long = {**INFO, "device_id": "A" * 99, "model": "B" * 99, "fw_ver": "C" * 99}
    long["nickname"] = base64.b64encode(b"D" * 99).decode()
    identity = identity_from({"get_device_info": long})
    texts = (identity.device_id, identity.model, identity.firmware_version, identity.alias)
    assert [len(text) for text in texts] == [64, 32, 64, 64]


def test_finer_energy_is_preferred_where_the_plug_has_it() -> None:
    usage = {**USAGE, "today_energy_mwh": 258_771}
    assert (
        reading_from({"get_energy_usage": usage}, device_id="D", at=NOON).today_energy_wh == 258.771
    )


def test_identity_is_normalised() -> None:
    assert identity_from({"get_device_info": INFO}) == Identity(
        "8022AB", "02:00:5e:00:00:65", "Büro", "P110", "1.3.2"
    )


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(FAILED, id="the method failed"),
        pytest.param({}, id="empty"),
        pytest.param({**INFO, "mac": ""}, id="no MAC"),
        pytest.param({**INFO, "mac": "02-00-5E-00-00"}, id="a MAC that is none"),
        pytest.param({**INFO, "device_id": None}, id="no device id"),
    ],
)
def test_a_plug_that_does_not_say_who_it_is_is_not_believed(info: object) -> None:
    with pytest.raises(ValueError, match="who it is"):
        identity_from({"get_device_info": info})


@pytest.mark.parametrize(
    ("nickname", "alias"),
    [
        pytest.param(base64.b64encode(b"Freezer").decode(), "Freezer", id="base64"),
        pytest.param("Freezer!", "Freezer!", id="plain"),
        pytest.param("", "", id="none"),
        pytest.param(
            base64.b64encode(b"a\x00b").decode(), "ab", id="a NUL, which no database takes"
        ),
        pytest.param(base64.b64encode(b"\xff\xfe").decode(), "//4=", id="not UTF-8"),
    ],
)
def test_the_name_of_the_app_is_decoded(nickname: str, alias: str) -> None:
    assert identity_from({"get_device_info": {**INFO, "nickname": nickname}}).alias == alias


@pytest.mark.parametrize(
    ("device_id", "mac", "is_same"),
    [
        pytest.param("8022ab", "02-00-5E-00-00-65", True, id="both, written differently"),
        pytest.param("", "02:00:5e:00:00:65", True, id="new plug, known by MAC"),
        pytest.param("OTHER", "02:00:5e:00:00:65", True, id="same MAC"),
        pytest.param("8022AB", "02:00:5e:00:00:01", True, id="same device id"),
        pytest.param("OTHER", "02:00:5e:00:00:01", False, id="another plug"),
        pytest.param("", "02:00:5e:00:00:01", False, id="no id is no match"),
    ],
)
def test_a_plug_is_known_by_device_id_or_mac(device_id: str, mac: str, *, is_same: bool) -> None:
    target = replace(make_target(), device_id=device_id, mac=mac)
    assert is_same_plug(target, identity_from({"get_device_info": INFO})) is is_same


def test_a_reading_survives_its_line() -> None:
    reading = make_reading(voltage_v=None, relay_on=None)
    assert Reading.from_line(reading.to_line()) == reading


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="no values"),
        pytest.param('{"at": "2026-03-02T12:00:00+00:00", "more": 1}', id="other values"),
        pytest.param(make_reading().to_line().replace("+00:00", ""), id="a time without a zone"),
    ],
)
def test_a_line_of_anything_else_is_no_reading(line: str) -> None:
    assert Reading.from_line(line) is None


def test_every_failure_has_its_status_in_the_database() -> None:
    assert {kind.value for kind in FailureKind} <= set(PlugStatus.values)


@pytest.mark.parametrize(
    "milliwatts",
    [
        pytest.param(4_294_967_295, id="-1 mW read as a number without a sign"),
        pytest.param(-5_000_001, id="more than a plug carries, the other way"),
        pytest.param(10**400, id="hundreds of digits"),
        pytest.param(float("inf"), id="infinite"),
    ],
)
def test_a_power_that_no_plug_carries_is_not_known(milliwatts: float) -> None:
    assert power_from({"get_emeter_data": {"power_mw": milliwatts}}) is None
