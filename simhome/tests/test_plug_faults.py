"""Each fault of a simulated plug shows to the real python-kasa as that of a real plug."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simhome.clock import ManualClock
from simhome.klap import SESSION_S
from simhome.loads import ConstantLoad
from simhome.plug import SimPlug, swap_hosts
from simhome.tests.plug_helpers import NOON, config_for, make_plug, on_network, protocol_to, run

pytestmark = pytest.mark.enable_socket

ENERGY: dict[str, Any] = {"get_energy_usage": None, "get_emeter_data": None}
TODAY = {"start_timestamp": 1768431600, "end_timestamp": 1768517999, "interval": 60}


def kasa_error(name: str) -> type[Exception]:
    """Return one of python-kasa's exceptions; imported late, as tests collect without it."""
    from kasa import exceptions

    error: type[Exception] = getattr(exceptions, name)
    return error


@pytest.mark.parametrize(
    ("fault", "parameters", "error", "message"),
    [
        pytest.param("refuse", {}, "_ConnectionError", "Device connection error", id="refuse"),
        pytest.param(
            "port_closed_until_probe",
            {},
            "_ConnectionError",
            "Device connection error",
            id="closed port",
        ),
        pytest.param("hang", {}, "TimeoutError", "timed out", id="hang"),
        pytest.param("silent", {}, "TimeoutError", "timed out", id="silent"),
        pytest.param(
            "forbidden_handshake",
            {},
            "KasaException",
            "responded with 403 to handshake1",
            id="third-party access off",
        ),
        pytest.param("tpap", {}, "KasaException", "responded with 403 to handshake1", id="TPAP"),
        pytest.param(
            "forbidden_request", {}, "_RetryableError", "after handshake", id="403 on requests"
        ),
        pytest.param("http_500", {}, "KasaException", "responded with 500", id="HTTP 500"),
        pytest.param(
            "garbage",
            {"kind": "undecryptable"},
            "KasaException",
            "Error trying to decrypt",
            id="undecryptable",
        ),
        pytest.param("missing_emeter", {}, "DeviceError", "-1002", id="no emeter data"),
        pytest.param("slow", {"seconds": 30}, "TimeoutError", "timed out", id="too slow"),
        pytest.param("unplugged", {}, "TimeoutError", "timed out", id="unplugged"),
        pytest.param("login_mismatch", {}, "AuthenticationError", "challenge", id="login"),
    ],
)
def test_a_fault_shows_as_the_error_of_a_real_plug_and_goes_when_cleared(
    block: str, fault: str, parameters: dict[str, Any], error: str, message: str
) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            plug.set_fault(fault, **parameters)
            assert plug.describe()["faults"] == {fault: parameters}
            async with protocol_to(plug, timeout_s=0.3) as protocol:
                with pytest.raises(kasa_error(error), match=message) as raised:
                    await protocol.query("get_emeter_data", retry_count=0)
                assert type(raised.value) is kasa_error(error)
            plug.clear_faults()
            await assert_well(plug)

    run(scenario)


def test_a_silent_plug_takes_no_connection_while_a_hanging_one_does(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            plug.set_fault("silent")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.open_connection(plug.host, plug.port), 0.3)
            plug.clear_faults()
            plug.set_fault("hang")
            _, writer = await asyncio.open_connection(plug.host, plug.port)
            writer.close()
            await writer.wait_closed()

    run(scenario)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param("not_json", ValueError, id="no JSON"),
        pytest.param("json_list", AttributeError, id="a list"),
        pytest.param("no_result", KeyError, id="no result"),
    ],
)
def test_garbage_inside_good_encryption_leaks_out_as_plain_errors(
    block: str, kind: str, error: type[Exception]
) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            plug.set_fault("garbage", kind=kind)
            with pytest.raises(error) as raised:
                await protocol.query(ENERGY, retry_count=0)
            assert not isinstance(raised.value, kasa_error("KasaException"))
            plug.clear_faults()
            await assert_well(plug)

    run(scenario)


@pytest.mark.parametrize(
    ("fault", "failed", "code", "good"),
    [
        pytest.param("missing_emeter", "get_emeter_data", -1002, "get_energy_usage", id="emeter"),
        pytest.param("clock_unset", "get_energy_usage", -1003, "get_emeter_data", id="clock"),
        pytest.param("no_memory", "get_energy_data", -1002, "get_emeter_data", id="memory"),
    ],
)
def test_one_method_fails_and_the_others_are_answered(
    block: str, fault: str, failed: str, code: int, good: str
) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            plug.set_fault(fault)
            reply = await protocol.query({**ENERGY, "get_energy_data": TODAY}, retry_count=0)
        assert reply[failed] == code
        assert isinstance(reply[good], dict)

    run(scenario)


def test_a_stolen_session_costs_one_403_and_a_new_login(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kasa.protocols import SmartProtocol

    monkeypatch.setattr(SmartProtocol, "BACKOFF_SECONDS_AFTER_TIMEOUT", 0)

    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            plug.set_fault("session_stolen")
            assert plug.faults == {}
            with pytest.raises(kasa_error("_RetryableError")):
                await protocol.query(ENERGY, retry_count=0)
            await protocol.query(ENERGY, retry_count=0)
            plug.set_fault("session_stolen")
            plug.calls.clear()
            await protocol.query(ENERGY, retry_count=1)
            assert plug.calls == {"handshake1": 1, "handshake2": 1, "request": 2}

    run(scenario)


def test_a_plug_with_a_single_session_drops_the_first_client_for_the_second(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        plug.set_fault("single_session")
        async with on_network(plug), protocol_to(plug) as first, protocol_to(plug) as second:
            await first.query(ENERGY, retry_count=0)
            await second.query(ENERGY, retry_count=0)
            with pytest.raises(kasa_error("_RetryableError")):
                await first.query(ENERGY, retry_count=0)
            plug.clear_faults()
            await first.query(ENERGY, retry_count=0)
            await second.query(ENERGY, retry_count=1)
            assert plug.describe()["sessions"] == 2

    run(scenario)


def test_two_clients_share_a_healthy_plug(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as first, protocol_to(plug) as second:
            await first.query(ENERGY, retry_count=0)
            await second.query(ENERGY, retry_count=0)
            await first.query(ENERGY, retry_count=0)

    run(scenario)


def test_a_session_ends_after_a_day(block: str) -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        plug = make_plug(block, clock=clock)
        async with on_network(plug), protocol_to(plug) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            clock.advance(SESSION_S - 1)
            await protocol.query(ENERGY, retry_count=0)
            clock.advance(1)
            with pytest.raises(kasa_error("_RetryableError")):
                await protocol.query(ENERGY, retry_count=0)

    run(scenario)


@pytest.mark.parametrize("fault", ["hang", "silent", "refuse"])
def test_a_client_with_a_kept_connection_meets_the_fault_too(block: str, fault: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug, timeout_s=0.3) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            plug.set_fault(fault)
            with pytest.raises(kasa_error("KasaException")):
                await protocol.query("get_emeter_data", retry_count=0)

    run(scenario)


@pytest.mark.parametrize("fault", ["hang", "silent"])
def test_who_waits_for_an_answer_is_let_go_when_the_fault_is_cleared(
    block: str, fault: str
) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug, timeout_s=15) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            plug.set_fault(fault)
            asked = plug.calls["request"] + 1
            waiting = asyncio.create_task(protocol.query(ENERGY, retry_count=1))
            await until(lambda: plug.calls["request"] == asked)
            plug.clear_faults()
            assert "get_energy_usage" in await waiting

    run(scenario, deadline_s=10)


def test_a_slow_plug_answers_after_the_seconds_given(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            plug.set_fault("slow", seconds="0.15")
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await protocol.query(ENERGY, retry_count=0)
            assert loop.time() - begun_s >= 0.15

    run(scenario)


def test_a_connection_that_was_used_is_closed_when_it_is_used_again(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            plug.set_fault("hangs_up")
            await protocol.query(ENERGY, retry_count=0)
            with pytest.raises(kasa_error("_ConnectionError")):
                await protocol.query(ENERGY, retry_count=0)
            await protocol.query(ENERGY, retry_count=0)
            await protocol.query(ENERGY, retry_count=1)
            plug.clear_faults()
            await protocol.query(ENERGY, retry_count=0)
            await protocol.query(ENERGY, retry_count=0)
            assert plug.calls["handshake1"] == 1

    run(scenario)


@pytest.mark.parametrize(("power_w", "is_broken"), [(-19.2, True), (19.2, False)])
def test_firmware_that_cannot_write_negative_numbers_breaks_only_emeter_data(
    block: str, power_w: float, *, is_broken: bool
) -> None:
    async def scenario() -> None:
        plug = make_plug(block, load=ConstantLoad(power_w))
        plug.set_fault("negative_power")
        async with on_network(plug), protocol_to(plug) as protocol:
            if is_broken:
                with pytest.raises(ValueError, match=r"minus|value"):
                    await protocol.query(ENERGY, retry_count=0)
            else:
                await protocol.query(ENERGY, retry_count=0)
            reply = await protocol.query("get_energy_usage", retry_count=0)
        assert reply["get_energy_usage"]["current_power"] == power_w * 1000

    run(scenario)


def test_only_get_device_time_is_left_without_an_answer(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        plug.set_fault("no_device_time")
        async with on_network(plug), protocol_to(plug, timeout_s=0.3) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            with pytest.raises(kasa_error("TimeoutError")):
                await protocol.query("get_device_time", retry_count=0)
            plug.clear_faults()
            await protocol.query("get_device_time", retry_count=0)

    run(scenario)


def test_a_wrong_clock_shows_in_the_time_that_the_plug_tells_and_nowhere_else(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        asked = {**ENERGY, "get_energy_data": TODAY}
        async with on_network(plug), protocol_to(plug) as protocol:
            right = await protocol.query(asked, retry_count=0)
            plug.set_fault("clock_wrong", behind_s=3600)
            wrong = await protocol.query(asked, retry_count=0)
        for method in ("get_energy_usage", "get_energy_data"):
            assert right[method].pop("local_time") == "2026-01-15 12:00:00"
            assert wrong[method].pop("local_time") == "2026-01-15 11:00:00"
        assert wrong == right

    run(scenario)


def test_an_unplugged_plug_measures_nothing_and_forgets_its_sessions(block: str) -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        plug = make_plug(block, clock=clock)
        async with on_network(plug), protocol_to(plug) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            clock.advance(3600)
            plug.set_fault("unplugged")
            clock.advance(2 * 3600)
            assert (plug.power_w(), plug.energy_wh()) == (0, 60)
            plug.clear_faults()
            clock.advance(3600)
            assert (plug.power_w(), plug.energy_wh()) == (60, 120)
            asked = {"get_device_info": None, "get_energy_data": TODAY}
            with pytest.raises(kasa_error("KasaException")):
                await protocol.query(asked, retry_count=0)
            reply = await protocol.query(asked, retry_count=1)
        assert reply["get_energy_data"]["data"][12:16] == [60, 0, 0, 60]

    run(scenario)


@pytest.mark.parametrize("fault", ["silent", "hang", "refuse"])
def test_a_plug_that_cannot_be_reached_goes_on_measuring(block: str, fault: str) -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        plug = make_plug(block, clock=clock)
        async with on_network(plug):
            plug.set_fault(fault)
            clock.advance(2 * 3600)
            plug.clear_faults()
            async with protocol_to(plug) as protocol:
                reply = await protocol.query({**ENERGY, "get_energy_data": TODAY}, retry_count=0)
        assert reply["get_energy_data"]["data"][12:15] == [60, 60, 0]

    run(scenario)


def test_the_way_to_connect_that_an_update_took_away_is_refused_with_1003(block: str) -> None:
    from kasa import DeviceConnectionParameters, DeviceEncryptionType, DeviceFamily
    from kasa.device_factory import get_protocol

    async def scenario() -> None:
        plug = make_plug(block)
        config = config_for(plug)
        config.connection_type = DeviceConnectionParameters(
            DeviceFamily.SmartTapoPlug, DeviceEncryptionType.Aes, 2, http_port=plug.port
        )
        protocol = get_protocol(config)
        assert protocol is not None
        async with on_network(plug):
            with pytest.raises(kasa_error("AuthenticationError"), match="1003"):
                await protocol.query("get_device_info", retry_count=0)
            await protocol.close()

    run(scenario)


def test_faults_can_be_set_before_the_start(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        plug.set_fault("refuse")
        async with on_network(plug), protocol_to(plug) as protocol:
            assert plug.describe()["network"] == "refused"
            with pytest.raises(kasa_error("_ConnectionError")):
                await protocol.query("get_emeter_data", retry_count=0)

    run(scenario)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        pytest.param("explode", {}, id="no such fault"),
        pytest.param("hang", {"seconds": 1}, id="no such parameter"),
        pytest.param("slow", {"seconds": "soon"}, id="no number"),
        pytest.param("slow", {"seconds": -1}, id="negative"),
        pytest.param("slow", {"seconds": "inf"}, id="endless"),
        pytest.param("clock_wrong", {"behind_s": "nan"}, id="not a number"),
        pytest.param("no_memory", {"code": "never"}, id="no code"),
        pytest.param("garbage", {"kind": "smelly"}, id="no such kind"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    block: str, name: str, parameters: dict[str, Any]
) -> None:
    plug = make_plug(block)
    with pytest.raises(ValueError, match=r".+"):
        plug.set_fault(name, **parameters)
    assert plug.faults == {}


def test_a_plug_that_moves_is_found_at_its_new_address_only(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        old = config_for(plug)
        async with on_network(plug), protocol_to(plug) as protocol:
            await protocol.query(ENERGY, retry_count=0)
            await plug.move_to(f"{block}.180")
            with pytest.raises(kasa_error("_ConnectionError")):
                await protocol.query("get_emeter_data", retry_count=0)
            await assert_well(plug)
        assert (old.host, plug.host) == (f"{block}.101", f"{block}.180")

    run(scenario)


def test_a_plug_stays_where_it_is_when_the_new_address_is_taken(block: str) -> None:
    async def scenario() -> None:
        plug, other = make_plug(block), make_plug(block, 102)
        async with on_network(plug, other):
            with pytest.raises(OSError, match=r".+"):
                await plug.move_to(other.host)
            assert plug.host == f"{block}.101"
            await assert_well(plug)
            await assert_well(other)

    run(scenario)


def test_plugs_that_swap_addresses_are_found_in_each_others_place(block: str) -> None:
    async def scenario() -> None:
        plug, other = make_plug(block), make_plug(block, 102)
        plug_was_at = plug.host
        async with on_network(plug, other):
            await swap_hosts(plug, other)
            assert other.host == plug_was_at
            await assert_well(plug)
            await assert_well(other)

    run(scenario)


@pytest.mark.parametrize("host", ["192.168.178.20", "0.0.0.0", "localhost", "::1"])
def test_a_plug_never_leaves_the_loopback_network(block: str, host: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        with pytest.raises(ValueError, match="127"):
            await plug.move_to(host)
        assert plug.host == f"{block}.101"

    run(scenario)


async def assert_well(plug: SimPlug) -> None:
    """A new client reads this plug, and no other."""
    async with protocol_to(plug) as protocol:
        reply = await protocol.query({"get_device_info": None, **ENERGY}, retry_count=0)
    assert reply["get_device_info"]["device_id"] == plug.device_id
    assert reply["get_emeter_data"]["power_mw"] == 60_000


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; the scenario's deadline ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - a plug has no event for it
        await asyncio.sleep(0)
