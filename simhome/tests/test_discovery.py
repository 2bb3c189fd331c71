"""Plugs are found by the real python-kasa, and only in their own household."""

import zlib
from typing import Any

import pytest

from simhome.discovery import DiscoveryListener, is_probe, packet
from simhome.plug import SimPlug
from simhome.tests.plug_helpers import (
    PASSWORD,
    USERNAME,
    make_plug,
    on_network,
    protocol_to,
    run,
)

pytestmark = pytest.mark.enable_socket


class Household:
    """Plugs and their listening address, started and stopped together."""

    def __init__(self, block: str, plugs: list[SimPlug]) -> None:
        self.target = f"{block}.255"
        self._listener = DiscoveryListener(host=self.target, plugs=plugs)
        self._plugs = plugs

    async def __aenter__(self) -> None:
        for plug in self._plugs:
            await plug.start()
        await self._listener.start()

    async def __aexit__(self, *exc: object) -> None:
        await self._listener.stop()
        for plug in self._plugs:
            await plug.stop()


async def discover(target: str, *, timeout_s: float = 0.3, **options: Any) -> dict[str, Any]:
    """Ask once and return the devices by address."""
    from kasa import Discover

    return await Discover.discover(
        target=target,
        discovery_timeout=timeout_s,  # type: ignore[arg-type]  # parts of a second work too
        discovery_packets=1,
        username=USERNAME,
        password=PASSWORD,
        **options,
    )


async def discover_single(host: str) -> Any:
    """Ask one address; it is asked again until it answers, up to 2 s."""
    from kasa import Discover

    device = await Discover.discover_single(
        host, discovery_timeout=2, username=USERNAME, password=PASSWORD
    )
    assert device is not None
    return device


async def discover_exactly(plugs: list[SimPlug], target: str) -> dict[str, Any]:
    """Ask until just these plugs answer; a busy machine may need more than one try."""
    while True:
        found = await discover(target)
        if found.keys() == {plug.host for plug in plugs}:
            return found
        await close_all(found)


def test_all_plugs_of_a_household_are_found_and_can_be_read(block: str) -> None:
    async def scenario() -> None:
        plugs = [make_plug(block, number) for number in (101, 102, 103)]
        household = Household(block, plugs)
        async with household:
            found = await discover_exactly(plugs, household.target)
            for plug in plugs:
                device = found[plug.host]
                assert device.mac.replace(":", "-") == plug.mac
                assert device.model == "P110"
                assert device.config.connection_type.http_port == plug.port
                await device.update()
                assert device.device_id == plug.device_id
                await device.disconnect()

    run(scenario)


def test_two_households_do_not_see_each_other(block: str) -> None:
    first, second, third = block.split(".")
    neighbour = f"{first}.{second}.{(int(third) + 1) % 256}"

    async def scenario() -> None:
        plug, stranger = make_plug(block), make_plug(neighbour)
        here, there = Household(block, [plug]), Household(neighbour, [stranger])
        async with here, there:
            await close_all(await discover_exactly([plug], here.target))
            await close_all(await discover_exactly([stranger], there.target))

    run(scenario)


def test_a_plug_is_found_by_its_own_address(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            device = await discover_single(plug.host)
            await device.update()
            assert device.alias == plug.alias
            await device.disconnect()

    run(scenario)


def test_a_plug_that_joins_later_is_found_too(block: str) -> None:
    async def scenario() -> None:
        plugs: list[SimPlug] = []
        household = Household(block, plugs)
        async with household:
            assert await discover(household.target) == {}
            newcomer = make_plug(block)
            plugs.append(newcomer)
            await newcomer.start()
            await close_all(await discover_exactly([newcomer], household.target))

    run(scenario)


def test_an_unplugged_plug_answers_no_probe_until_it_has_power_again(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        household = Household(block, [plug])
        async with household:
            plug.set_fault("silent")
            assert await discover(household.target) == {}
            plug.clear_faults()
            await close_all(await discover_exactly([plug], household.target))

    run(scenario)


def test_a_plug_with_the_newer_protocol_is_unsupported_and_hides_no_other(block: str) -> None:
    async def scenario() -> None:
        from kasa import UnsupportedDeviceError

        plug, other = make_plug(block), make_plug(block, 102)
        plug.set_fault("tpap")
        household = Household(block, [plug, other])
        unsupported: list[UnsupportedDeviceError] = []

        async def note(error: UnsupportedDeviceError) -> None:
            unsupported.append(error)

        async with household:
            found = await discover(household.target, timeout_s=1, on_unsupported=note)
            assert found.keys() == {other.host}
            assert [error.host for error in unsupported] == [plug.host]
            with pytest.raises(UnsupportedDeviceError):
                await discover_single(plug.host)
            await close_all(found)

    run(scenario)


@pytest.mark.parametrize("by_broadcast", [False, True], ids=["own address", "household's"])
def test_a_probe_opens_the_port_that_was_closed_after_a_loss_of_power(
    block: str,
    by_broadcast: bool,
) -> None:
    async def scenario() -> None:
        from kasa.exceptions import _ConnectionError

        plug = make_plug(block)
        plug.set_fault("port_closed_until_probe")
        household = Household(block, [plug])
        async with household:
            async with protocol_to(plug) as protocol:
                with pytest.raises(_ConnectionError):
                    await protocol.query("get_emeter_data", retry_count=0)
            if by_broadcast:
                await close_all(await discover(household.target, timeout_s=1))
            else:
                device = await discover_single(plug.host)
                await device.disconnect()
            assert plug.faults == {}
            async with protocol_to(plug) as protocol:
                await protocol.query("get_emeter_data", retry_count=0)

    run(scenario)


def test_eighty_plugs_are_all_found_by_one_probe(block: str) -> None:
    # They answer at once; what more send may find a socket's usual buffer of 208 KiB full.
    async def scenario() -> None:
        plugs = [make_plug(block, number) for number in range(1, 81)]
        household = Household(block, plugs)
        async with household:
            found = await discover(household.target, timeout_s=6)
            assert found.keys() == {plug.host for plug in plugs}
            await close_all(found)

    run(scenario)


PROBE = packet(b'{"params":{"rsa_key":""}}', serial=0x01020304)


def with_right_checksum(datagram: bytes) -> bytes:
    unsigned = datagram[:12] + bytes.fromhex("5a6b7c8d") + datagram[16:]
    return unsigned[:12] + zlib.crc32(unsigned).to_bytes(4) + unsigned[16:]


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        pytest.param(PROBE, True, id="a probe"),
        pytest.param(packet(b""), True, id="a probe without payload"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(PROBE[:15], False, id="half a header"),
        pytest.param(PROBE[:-1], False, id="cut off"),
        pytest.param(PROBE[:-1] + b"!", False, id="wrong checksum"),
        pytest.param(with_right_checksum(PROBE), True, id="the checksum is made as it should"),
        pytest.param(with_right_checksum(PROBE + b"!"), False, id="longer than it says"),
        pytest.param(with_right_checksum(b"\x01" + PROBE[1:]), False, id="another version"),
    ],
)
def test_only_a_whole_probe_is_taken_for_one(datagram: bytes, expected: bool) -> None:
    assert is_probe(datagram) is expected


def test_the_probe_of_python_kasa_without_payload_is_one() -> None:
    from kasa import Discover

    assert is_probe(Discover.DISCOVERY_QUERY_2)


async def close_all(found: dict[str, Any]) -> None:
    for device in found.values():
        await device.disconnect()
