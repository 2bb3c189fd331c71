"""The real python-kasa takes a simulated plug for a real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from simhome.clock import ManualClock
from simhome.loads import ConstantLoad, mains_voltage_v
from simhome.tests.plug_helpers import (
    NOON,
    PASSWORD,
    USERNAME,
    config_for,
    make_plug,
    on_network,
    protocol_to,
    run,
)

pytestmark = pytest.mark.enable_socket

LEAN_QUERY: dict[str, Any] = {
    "get_device_info": None,
    "get_energy_usage": None,
    "get_emeter_data": None,
}

DUMPS = Path(__file__).parents[2] / "../shared/tapo/fixtures"

# Tapo notes, section 2: all that Device.connect and update ask for, component_nego aside
ASKED_BY_KASA = (
    "get_device_info",
    "get_connect_cloud_state",
    "get_device_time",
    "get_auto_off_config",
    "get_device_usage",
    "get_energy_usage",
    "get_current_power",
    "get_emeter_data",
    "get_emeter_vgain_igain",
    "get_auto_update_info",
    "get_led_info",
    "get_protection_power",
    "get_max_power",
)


def test_it_connects_and_reads_identity_and_state(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device

        plug = make_plug(block)
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            seen = (device.alias, device.mac, device.model, device.device_id, device.is_on)
            firmware = device.device_info.firmware_version
            assert device.time == NOON
            await device.disconnect()
        assert seen == ("Plug 101", "02:00:5E:00:00:65", "P110", plug.device_id, True)
        assert firmware == "1.3.2"

    run(scenario)


def test_its_energy_module_shows_the_load(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device, Module

        clock = ManualClock(NOON)
        plug = make_plug(block, load=ConstantLoad(34.5678), clock=clock)
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            clock.advance(2 * 3600)
            await device.update()
            energy = device.modules[Module.Energy]
            assert energy.current_consumption == pytest.approx(34.568)
            assert energy.voltage == pytest.approx(mains_voltage_v(clock.now()))
            assert energy.voltage is not None
            assert energy.current == pytest.approx(34.5678 / energy.voltage, abs=0.0005)
            assert energy.consumption_today == pytest.approx(0.069)
            assert energy.consumption_this_month == pytest.approx(0.069)
            await device.disconnect()

    run(scenario)


def test_each_update_takes_the_posts_that_a_real_plug_of_its_generation_takes(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device

        plug = make_plug(block)
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            connecting = plug.calls.total()
            await device.update()
            updating = plug.calls.total() - connecting
            await device.disconnect()
        assert (connecting, updating) == (5, 2)  # Tapo notes, section 2

    run(scenario)


def test_it_switches_and_the_load_loses_its_mains(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device, Module

        plug = make_plug(block)
        told: list[bool] = []
        plug.on_relay = told.append
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            energy = device.modules[Module.Energy]
            seen = []
            for switch in (device.turn_off, device.turn_on):
                await switch()
                await device.update()
                seen.append((device.is_on, energy.current_consumption))
                assert energy.voltage == pytest.approx(230, abs=5)
            await device.disconnect()
        assert seen == [(False, 0.0), (True, 60.0)]
        assert told == [False, True]

    run(scenario)


def test_the_lean_query_costs_three_posts_and_then_one(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            first = await protocol.query(LEAN_QUERY, retry_count=0)
            assert plug.calls == {"handshake1": 1, "handshake2": 1, "request": 1}
            await protocol.query(LEAN_QUERY, retry_count=0)
            assert plug.calls == {"handshake1": 1, "handshake2": 1, "request": 2}
        assert first["get_emeter_data"]["power_mw"] == 60_000
        assert first["get_energy_usage"]["current_power"] == 60_000

    run(scenario)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param(USERNAME, "Wrong horse 7", id="another password"),
        pytest.param(USERNAME, PASSWORD.lower(), id="password in other case"),
        pytest.param(USERNAME.lower(), PASSWORD, id="e-mail in other case"),
    ],
)
def test_it_refuses_an_account_that_is_not_its_owners(
    block: str, username: str, password: str
) -> None:
    async def scenario() -> None:
        from kasa import AuthenticationError, Device

        plug = make_plug(block)
        async with on_network(plug):
            with pytest.raises(AuthenticationError):
                await Device.connect(config=config_for(plug, username=username, password=password))
        assert plug.calls == {"handshake1": 1}

    run(scenario)


@pytest.mark.parametrize("with_hash", [False, True], ids=["password", "hash of the credentials"])
def test_it_is_reached_again_by_a_kept_configuration(block: str, with_hash: bool) -> None:
    async def scenario() -> None:
        from kasa import Device, DeviceConfig

        plug = make_plug(block)
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            kept = device.config.to_dict_control_credentials(
                credentials_hash=device.credentials_hash if with_hash else None
            )
            await device.disconnect()
            assert ("credentials_hash" in kept) is with_hash
            again = await Device.connect(
                config=DeviceConfig.from_dict(json.loads(json.dumps(kept)))
            )
            assert again.device_id == plug.device_id
            await again.disconnect()

    run(scenario)


def test_a_plug_without_a_meter_has_no_energy_module(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device, Module

        plug = make_plug(block, model="P100")
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            assert device.model == "P100"
            assert device.modules.get(Module.Energy) is None
            await device.disconnect()

    run(scenario)


def test_a_plug_with_old_firmware_has_power_but_no_voltage(block: str) -> None:
    async def scenario() -> None:
        from kasa import Device, Module

        plug = make_plug(block, model="P110-old")
        async with on_network(plug):
            device = await Device.connect(config=config_for(plug))
            energy = device.modules[Module.Energy]
            assert energy.current_consumption == 60.0
            assert energy.voltage is None
            assert energy.data["past7d"][-1] == [0] * 24
            await device.disconnect()

    run(scenario)


def test_its_hourly_memory_can_be_asked_for(block: str) -> None:
    async def scenario() -> None:
        clock = ManualClock(NOON)
        plug = make_plug(block, load=ConstantLoad(120.0), clock=clock)
        async with on_network(plug), protocol_to(plug) as protocol:
            clock.advance(2 * 3600 + 900)
            midnight_s = int(NOON.timestamp()) - 12 * 3600
            span = {"start_timestamp": midnight_s, "end_timestamp": midnight_s + 86399}
            reply = await protocol.query({"get_energy_data": {**span, "interval": 60}})
            assert reply["get_energy_data"] == {
                **span,
                "interval": 60,
                "local_time": "2026-01-15 14:15:00",
                "data": [0] * 12 + [120, 120, 30] + [0] * 9,
            }

    run(scenario)


def test_a_method_that_plugs_do_not_have_is_an_error(block: str) -> None:
    async def scenario() -> None:
        from kasa import DeviceError

        plug = make_plug(block)
        async with on_network(plug), protocol_to(plug) as protocol:
            with pytest.raises(DeviceError) as unknown:
                await protocol.query("get_the_weather", retry_count=0)
            with pytest.raises(DeviceError) as bad:
                await protocol.query({"set_device_info": {"device_on": 1}}, retry_count=0)
        assert unknown.value.error_code == -1002
        assert bad.value.error_code == -1008
        assert plug.relay_on

    run(scenario)


@pytest.mark.parametrize(
    ("model", "dump_name", "methods"),
    [
        pytest.param("P110", "P110(AU)_1.0_1.3.1", ASKED_BY_KASA, id="P110"),
        pytest.param(
            "P110-old",
            "P110(EU)_1.0_1.0.7",
            ("get_device_info", "get_device_time", "get_device_usage", "get_energy_usage"),
            id="P110 with old firmware",
        ),
        pytest.param(
            "P100", "P100(US)_1.0.0_1.4.0", ("get_device_time", "get_device_usage"), id="P100"
        ),
    ],
)
def test_its_answers_have_the_keys_of_a_real_plugs(
    block: str, model: str, dump_name: str, methods: tuple[str, ...]
) -> None:
    dump_path = DUMPS / f"{dump_name}.json"
    if not dump_path.exists():
        pytest.skip("no device dumps on this machine")
    dump = json.loads(dump_path.read_text())

    async def scenario() -> None:
        plug = make_plug(block, model=model)
        async with on_network(plug), protocol_to(plug) as protocol:
            for method in methods:
                answer = (await protocol.query(method, retry_count=0))[method]
                assert _keys(answer) == _keys(dump[method]), method
            components = (await protocol.query("component_nego"))["component_nego"]
        real = {(c["id"], c["ver_code"]) for c in dump["component_nego"]["component_list"]}
        assert {(c["id"], c["ver_code"]) for c in components["component_list"]} <= real
        if model == "P110":
            assert _keys(plug._announced()) == _keys(dump["discovery_result"]["result"])

    run(scenario)


def _keys(value: object) -> object:
    """Return the shape of an answer: keys and types, all the way down."""
    if isinstance(value, dict):
        return {key: _keys(inner) for key, inner in value.items()}
    return type(value).__name__
