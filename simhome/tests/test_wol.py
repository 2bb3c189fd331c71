"""Magic packets: the format, and the addresses where one is heard."""

import asyncio
import random
import socket

import pytest
from wakeonlan import create_magic_packet

from simhome.wol import MagicPacketListener, is_magic_packet, mac_bytes

MAC = "02:aa:bb:cc:dd:ee"
PACKET = b"\xff" * 6 + bytes.fromhex("02aabbccddee") * 16
PORT = random.SystemRandom().randrange(20100, 32000)  # the broadcast address is everybody's


@pytest.mark.parametrize(
    ("payload", "is_one"),
    [
        pytest.param(PACKET, True, id="102 bytes for this address"),
        pytest.param(PACKET + b"\x01\x02\x03\x04", False, id="SecureOn with 4 bytes"),
        pytest.param(PACKET + b"\x01\x02\x03\x04\x05\x06", False, id="SecureOn with 6 bytes"),
        pytest.param(PACKET[:-6], False, id="15 repetitions"),
        pytest.param(PACKET[6:], False, id="no sync bytes"),
        pytest.param(PACKET.replace(b"\xee", b"\xef"), False, id="another address"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_only_the_exact_packet_counts(payload: bytes, is_one: bool) -> None:
    assert is_magic_packet(payload, mac_bytes(MAC)) is is_one


def test_the_wakeonlan_package_makes_such_packets() -> None:
    assert is_magic_packet(create_magic_packet(MAC), mac_bytes(MAC))


@pytest.mark.parametrize("mac", ["02:AA:BB:CC:DD:EE", "02-aa-bb-cc-dd-ee", "02aabbccddee"])
def test_an_address_may_be_written_in_several_ways(mac: str) -> None:
    assert mac_bytes(mac) == bytes.fromhex("02aabbccddee")


@pytest.mark.parametrize("mac", ["", "02:aa", "02:aa:bb:cc:dd:ee:ff", "no address"])
def test_what_is_no_address_is_refused(mac: str) -> None:
    with pytest.raises(ValueError, match="not a MAC address"):
        mac_bytes(mac)


@pytest.mark.enable_socket
def test_it_hears_broadcast_directed_broadcast_and_its_own_address(block: str) -> None:
    hosts = ("127.255.255.255", f"{block}.255", f"{block}.53")

    async def scenario() -> dict[str, object]:
        listener = MagicPacketListener(mac=MAC, hosts=hosts, port=PORT)
        woken = asyncio.Semaphore(0)
        listener.on_packet = woken.release
        await listener.start()
        try:
            for host in hosts:
                send(b"something else", host)
                send(PACKET, host)
                await asyncio.wait_for(woken.acquire(), 5)
        finally:
            listener.stop()
        return listener.describe()

    assert asyncio.run(scenario()) == {"heard": dict.fromkeys(hosts, 1), "ignored": 3}


@pytest.mark.enable_socket
def test_two_homes_share_the_broadcast_address(block: str) -> None:
    async def scenario() -> None:
        woken = asyncio.Semaphore(0)
        listeners = [
            MagicPacketListener(mac=MAC, hosts=("127.255.255.255", f"{block}.{n}"), port=PORT)
            for n in (53, 54)
        ]
        try:
            for listener in listeners:
                listener.on_packet = woken.release
                await listener.start()
            send(PACKET, "127.255.255.255")
            await asyncio.wait_for(woken.acquire(), 5)
            await asyncio.wait_for(woken.acquire(), 5)
        finally:
            for listener in listeners:
                listener.stop()

    asyncio.run(scenario())


def send(payload: bytes, host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.sendto(payload, (host, PORT))
