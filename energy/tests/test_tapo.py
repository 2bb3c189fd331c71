"""The adapter with the real python-kasa, against simulated plugs that speak KLAP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from energy.readings import FailureKind, identity_from, reading_from
from energy.tapo import Announcement, Login, PlugError, PlugSession, _announcement, discover
from energy.tests.conftest import SimHome
from energy.tests.factories import KLAP, NOON, id_of, mac_of
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug
from simhome.tests.plug_helpers import PASSWORD, USERNAME

pytestmark = pytest.mark.enable_socket

LOGIN = Login(USERNAME, PASSWORD)


def with_session(
    plug: SimPlug,
    use: Callable[[PlugSession], Coroutine[Any, Any, Any]],
    *,
    login: Login = LOGIN,
) -> Any:
    """Use one session in a loop of its own, and close it."""

    async def run() -> Any:
        session = PlugSession(host=plug.host, connection=KLAP, login=login)
        try:
            async with asyncio.timeout(10):
                return await use(session)
        finally:
            await session.close()

    return asyncio.run(run())


def read(plug: SimPlug, *, login: Login = LOGIN) -> dict[str, Any]:
    answers: dict[str, Any] = with_session(plug, PlugSession.read, login=login)
    return answers


def refused(plug: SimPlug, *, login: Login = LOGIN) -> PlugError:
    """Return the error of a read that must fail."""
    with pytest.raises(PlugError) as caught:
        read(plug, login=login)
    return caught.value


def test_it_reads_who_the_plug_is_and_what_it_measures(home: SimHome) -> None:
    answers = read(home.add(101, load=ConstantLoad(34.567)))
    identity = identity_from(answers)
    assert (identity.device_id, identity.mac) == (id_of(101), mac_of(101))
    assert (identity.alias, identity.model) == ("Plug 101", "P110")
    reading = reading_from(answers, device_id=identity.device_id, at=NOON)
    assert reading.power_w == 34.567
    assert reading.voltage_v == pytest.approx(230, abs=15)
    assert reading.current_a == pytest.approx(34.567 / 230, abs=0.02)
    assert (reading.today_energy_wh, reading.relay_on) == (0, True)


def test_a_kept_session_costs_one_request_per_read(home: SimHome) -> None:
    plug = home.add()

    async def three_reads(session: PlugSession) -> None:
        for _read in range(3):
            await session.read()

    with_session(plug, three_reads)
    assert dict(plug.calls) == {"handshake1": 1, "handshake2": 1, "request": 3}


def test_it_switches_the_relay(home: SimHome) -> None:
    plug = home.add()

    async def off_and_on(session: PlugSession) -> list[bool]:
        await session.set_relay(on=False)
        was_off = not plug.relay_on
        await session.set_relay(on=True)
        return [was_off, plug.relay_on]

    assert with_session(plug, off_and_on) == [True, True]


@pytest.mark.parametrize(
    "login",
    [
        pytest.param(Login(USERNAME, PASSWORD.lower()), id="password in other case"),
        pytest.param(Login(USERNAME.lower(), PASSWORD), id="e-mail in other case"),
    ],
)
def test_a_refused_login_names_the_settings_and_costs_one_attempt(
    home: SimHome, login: Login
) -> None:
    plug = home.add()
    error = refused(plug, login=login)
    assert error.kind is FailureKind.LOGIN_REFUSED
    assert "BALUPI_TAPO_PASSWORD" in str(error)
    assert "case-sensitive" in str(error)
    assert PASSWORD.lower() not in str(error)
    assert dict(plug.calls) == {"handshake1": 1}


def test_switched_off_third_party_access_names_the_switch_in_the_app(home: SimHome) -> None:
    plug = home.add()
    home.fault(plug, "forbidden_handshake")
    error = refused(plug)
    assert error.kind is FailureKind.NEEDS_SETTING
    assert "Third-Party Compatibility" in str(error)
    assert "403 to handshake1" in str(error)


def test_a_closed_port_is_told_from_other_trouble(home: SimHome) -> None:
    plug = home.add()
    home.fault(plug, "refuse")
    error = refused(plug)
    assert (error.kind, error.is_refused) == (FailureKind.UNREACHABLE, True)


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        pytest.param("http_500", {}, id="HTTP 500"),
        pytest.param("garbage", {"kind": "undecryptable"}, id="undecryptable"),
        pytest.param("garbage", {"kind": "json_list"}, id="a JSON list"),
        pytest.param("garbage", {"kind": "no_result"}, id="no result"),
        pytest.param("garbage", {"kind": "not_json"}, id="no JSON, not even for usage alone"),
        pytest.param("forbidden_request", {}, id="403 on every request"),
    ],
)
def test_nonsense_is_a_failure_whose_text_stays_the_same(
    home: SimHome, fault: str, parameters: dict[str, object]
) -> None:
    plug = home.add()
    home.fault(plug, fault, **parameters)
    first, second = refused(plug), refused(plug)
    assert (first.kind, first.is_refused) == (FailureKind.UNREACHABLE, False)
    assert str(first) == str(second)
    assert len(str(first)) < 300


def test_a_stolen_session_heals_within_the_read(home: SimHome) -> None:
    plug = home.add()

    async def read_after_theft(session: PlugSession) -> dict[str, Any]:
        await session.read()
        await asyncio.to_thread(home.fault, plug, "session_stolen")
        return await session.read()

    assert "get_emeter_data" in with_session(plug, read_after_theft)
    assert plug.calls["handshake1"] == 2


@pytest.mark.parametrize("fault", ["missing_emeter", "clock_unset"])
def test_a_method_that_fails_costs_only_its_own_values(home: SimHome, fault: str) -> None:
    plug = home.add(101, load=ConstantLoad(60))
    home.fault(plug, fault)
    reading = reading_from(read(plug), device_id="D", at=NOON)
    assert reading.power_w == 60
    assert (reading.voltage_v is None) == (fault == "missing_emeter")
    assert (reading.today_energy_wh is None) == (fault == "clock_unset")


def test_whole_watts_are_taken_where_nothing_finer_answers(home: SimHome) -> None:
    plug = home.add(101, load=ConstantLoad(60.4))
    home.fault(plug, "missing_emeter")
    home.fault(plug, "clock_unset")
    assert reading_from(read(plug), device_id="D", at=NOON).power_w == 60


def test_predecessor_29_old_firmware_without_voltage_is_read(home: SimHome) -> None:
    plug = home.add(101, load=ConstantLoad(60), model="P110-old")

    async def two_reads(session: PlugSession) -> list[dict[str, Any]]:
        return [await session.read(), await session.read()]

    first, second = with_session(plug, two_reads)
    for answers in (first, second):
        reading = reading_from(answers, device_id="D", at=NOON)
        assert (reading.power_w, reading.voltage_v, reading.current_a) == (60, None, None)
    assert plug.calls["request"] == 2


def test_a_plug_without_a_meter_has_a_relay_and_no_power(home: SimHome) -> None:
    plug = home.add(model="P100")

    async def two_reads(session: PlugSession) -> list[dict[str, Any]]:
        return [await session.read(), await session.read()]

    for answers in with_session(plug, two_reads):
        reading = reading_from(answers, device_id="D", at=NOON)
        assert (reading.power_w, reading.relay_on) == (None, True)
    assert plug.calls["request"] == 3 + 2  # what it does not know is not asked for again


def test_negative_power_that_breaks_the_answer_is_asked_for_otherwise(
    home: SimHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kasa.protocols import SmartProtocol

    plug = home.add(101, load=ConstantLoad(60))
    real_query = SmartProtocol.query

    async def query(self: SmartProtocol, request: Any, retry_count: int = 3) -> Any:
        if "get_emeter_data" in request:  # python-kasa issue 1758: the plug's JSON is invalid
            raise json.JSONDecodeError("Expecting value", "{power_mw:-}", 1)
        return await real_query(self, request, retry_count)

    monkeypatch.setattr(SmartProtocol, "query", query)
    assert reading_from(read(plug), device_id="D", at=NOON).power_w == 60


def test_a_connection_type_that_is_not_supported_is_an_error_of_ours(home: SimHome) -> None:
    for kind in ("TPAP", "XOR"):
        with pytest.raises(PlugError):
            PlugSession(host="127.0.0.1", connection={**KLAP, "encryption_type": kind}, login=LOGIN)
    with pytest.raises(PlugError):
        PlugSession(host="127.0.0.1", connection={"nonsense": 1}, login=LOGIN)


def search(target: str) -> list[Announcement]:
    return asyncio.run(discover(target, timeout_s=1))


def test_a_search_finds_every_plug_with_how_to_connect(home: SimHome) -> None:
    plugs = [home.add(number) for number in (101, 102, 103)]
    found = sorted(search(f"{home.block}.255"), key=lambda each: each.host)
    assert [(each.host, each.mac) for each in found] == [
        (plug.host, mac_of(number)) for plug, number in zip(plugs, (101, 102, 103), strict=True)
    ]
    assert [dict(each.connection) for each in found] == [KLAP] * 3
    assert {(each.model, each.problem) for each in found} == {("P110", "")}


def test_a_search_tells_why_a_plug_cannot_be_used(home: SimHome) -> None:
    home.fault(home.add(101), "tpap")
    home.add(102)
    bad, good = sorted(search(f"{home.block}.255"), key=lambda each: each.host)
    assert "TPAP" in bad.problem
    assert "Third-Party Compatibility" in bad.problem
    assert (dict(bad.connection), good.problem) == ({}, "")


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        pytest.param({"result": {"mac": "02-00-5E-00-00-65"}}, "Not a smart plug", id="no type"),
        pytest.param(
            {"result": {"mac": "02-00-5E-00-00-65", "device_type": "SMART.TAPOBULB"}},
            "TAPOBULB",
            id="a bulb",
        ),
        pytest.param(
            {"system": {"get_sysinfo": {"mac": "02:00:5E:00:00:65", "model": "HS110(EU)"}}},
            "older Kasa",
            id="an older plug",
        ),
        pytest.param([], None, id="a list"),
        pytest.param({"system": 5}, None, id="numbers"),
        pytest.param({"result": {"mac": "\0"}}, None, id="no MAC"),
    ],
)
def test_whatever_answers_a_probe_is_told_or_passed_over(
    response: object, problem: str | None
) -> None:
    found = _announcement("127.0.0.9", response, {})
    assert (found is None) == (problem is None)
    if found is not None:
        assert (found.mac, dict(found.connection)) == (mac_of(101), {})
        assert problem is not None
        assert problem in found.problem


def test_one_address_is_asked_alone(home: SimHome) -> None:
    first, _second = home.add(101), home.add(102)
    assert [each.host for each in search(first.host)] == [first.host]


def test_nobody_answers_where_nobody_is(home: SimHome) -> None:
    assert search(f"{home.block}.99") == []


def test_the_web_process_never_imports_kasa() -> None:
    program = (
        "import os, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'balupi_site.settings'\n"
        "django.setup()\n"
        "import energy.admin, energy.api.urls, energy.tasks, energy.checks\n"
        "sys.exit('kasa' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", program], cwd=root, check=False, timeout=60
    )
    assert done.returncode == 0
