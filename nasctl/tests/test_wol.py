"""Magic packets: what they are, where they go, and that they hold nobody up."""

from __future__ import annotations

import socket
import time
from typing import Any, NamedTuple

import pytest

from balupi_site.lib.errors import TransientError
from nasctl import wol

MAC = "02:00:00:00:00:53"
PACKET = b"\xff" * 6 + bytes.fromhex("020000000053") * 16


class Address(NamedTuple):
    family: int
    address: str
    netmask: str | None


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    interfaces = {
        "lo": [Address(socket.AF_INET, "127.0.0.1", "255.0.0.0")],
        "eth0": [
            Address(socket.AF_INET6, "fe80::1", "ffff::"),
            Address(socket.AF_INET, "192.168.178.2", "255.255.255.0"),
        ],
        "tun0": [Address(socket.AF_INET, "10.8.0.2", None)],
    }
    monkeypatch.setattr("nasctl.wol.psutil.net_if_addrs", lambda: interfaces)


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(
    ("broadcast", "nas_ip", "expected"),
    [
        pytest.param(
            "255.255.255.255",
            "192.168.178.53",
            ["255.255.255.255", "192.168.178.255", "192.168.178.53"],
            id="broadcast, directed broadcast, address",
        ),
        pytest.param(
            "255.255.255.255",
            "192.168.7.53",
            ["255.255.255.255", "192.168.7.53"],
            id="a NAS in another network",
        ),
        pytest.param(
            "127.255.255.255",
            "127.66.0.53",
            ["127.255.255.255", "127.66.0.53"],
            id="the simulated home, without repeats",
        ),
    ],
)
def test_packets_go_wherever_they_may_be_heard(
    broadcast: str, nas_ip: str, expected: list[str]
) -> None:
    assert wol.addresses(broadcast, nas_ip) == expected


@pytest.mark.enable_socket
def test_three_bursts_arrive_within_the_first_second() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        port = ear.getsockname()[1]
        started_s = time.monotonic()
        took = wol.send_magic_packets(
            MAC, broadcast="127.255.255.255", nas_ip="127.0.0.1", port=port
        )
        assert time.monotonic() - started_s < 0.3
        assert [ear.recv(200) for _burst in range(3)] == [PACKET] * 3
    assert "127.0.0.1" in took


def test_one_address_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def wake(_mac: str, *, host: str, port: int) -> None:
        if host.startswith("255"):
            raise OSError(101, "Network is unreachable")
        sent.append(host)

    monkeypatch.setattr(wol, "wake", wake)
    monkeypatch.setattr(wol, "_PAUSE_S", 0.0)
    took = wol.send_magic_packets(MAC, broadcast="255.255.255.255", nas_ip="127.0.0.1", port=9)
    assert "255.255.255.255" not in took
    assert sent.count("127.0.0.1") == 3


def test_no_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def wake(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(wol, "wake", wake)
    monkeypatch.setattr(wol, "_PAUSE_S", 0.0)
    with pytest.raises(TransientError, match="could not be sent"):
        wol.send_magic_packets(MAC, broadcast="127.255.255.255", nas_ip="127.0.0.1", port=9)
