"""What all tests of the simulated home share."""

import random
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest


@pytest.fixture
def block() -> str:
    """Return the first three numbers of a loopback network that nobody else is likely to use."""
    chosen = random.SystemRandom()
    return f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}"


@pytest.fixture(autouse=True)
def _only_loopback_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that binds an address that other machines could reach.

    A client's UDP socket on any port of any address, as python-kasa's, is no such thing.
    """
    real_bind = socket.socket.bind
    outside: list[object] = []

    def bind(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            is_client = self.type == socket.SOCK_DGRAM and address[1] == 0
            if not is_client and not ip_address(address[0]).is_loopback:
                outside.append(address)
        real_bind(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    yield
    assert outside == []
