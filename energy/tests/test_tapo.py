"""The adapter with the real python-kasa, against simulated plugs that speak KLAP."""

from __future__ import annotations

import asyncio
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


DAY = {"start_s": 1768431600, "end_s": 1768517999}  # 15 January 2026 in Berlin


def test_it_reads_what_the_plug_remembers(home: SimHome) -> None:
    plug = home.add(101)

    async def remember(session: PlugSession) -> Any:
        return await session.energy_data(**DAY)

    answer = with_session(plug, remember)
    assert len(answer["data"]) == 24
    assert plug.calls["request"] == 1


@pytest.mark.parametrize("code", [-1002, -1003, -1008, -1001, -1501, -4711])
def test_a_refusal_to_tell_what_it_remembers_is_a_code_and_leaves_the_session(
    home: SimHome, code: int
) -> None:
    plug = home.add(101)
    home.fault(plug, "no_memory", code=code)

    async def remember_and_read(session: PlugSession) -> Any:
        refusal = await session.energy_data(**DAY)
        await session.read()
        return refusal

    answer = with_session(plug, remember_and_read)
    assert answer == (code if code != -4711 else -100_000)  # python-kasa's own for unknown ones
    assert plug.calls["handshake1"] == 1


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
