"""Magic packets: what one is, and the sockets that hear them."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

SYNC_BYTES = b"\xff" * 6
MAC_REPETITIONS = 16


def mac_bytes(mac: str) -> bytes:
    """Return the 6 bytes of a MAC address written with colons, dashes or nothing between.

    Raises:
        ValueError: if it is not a MAC address.
    """
    digits = mac.replace(":", "").replace("-", "")
    try:
        raw = bytes.fromhex(digits)
    except ValueError as error:
        raise ValueError(f"not a MAC address: {mac!r}") from error
    if len(raw) != len(SYNC_BYTES):
        raise ValueError(f"not a MAC address: {mac!r}")
    return raw


def is_magic_packet(payload: bytes, mac: bytes) -> bool:
    """Tell whether a payload is the 102-byte magic packet for a MAC address.

    AMD's white paper of 1995 defines it: six bytes FF, then the address sixteen times. The
    SecureOn variants with 4 or 6 bytes of password behind are not for a card without a password.
    """
    return payload == SYNC_BYTES + mac * MAC_REPETITIONS


class MagicPacketListener:
    """Hears datagrams on several addresses and tells of those that are for its MAC address."""

    def __init__(self, *, mac: str, hosts: Iterable[str], port: int) -> None:
        self._mac = mac_bytes(mac)
        self._addresses = [(host, port) for host in hosts]
        self._transports: list[asyncio.DatagramTransport] = []
        self.on_packet: Callable[[], object] = lambda: None
        self.heard: Counter[str] = Counter()
        self.ignored = 0

    async def start(self) -> None:
        """Open the sockets.

        Raises:
            OSError: an address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        for host, port in self._addresses:
            # Several homes may share the broadcast address; each of them then hears the packet.
            transport, _ = await loop.create_datagram_endpoint(
                partial(_Ear, self, host), sock=_reusable_udp_socket(host, port)
            )
            self._transports.append(transport)

    def stop(self) -> None:
        """Close the sockets."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def hear(self, payload: bytes, host: str) -> None:
        """Take a datagram that came in for ``host``."""
        if is_magic_packet(payload, self._mac):
            self.heard[host] += 1
            self.on_packet()
        else:
            self.ignored += 1

    def describe(self) -> dict[str, object]:
        """Return how many packets came in, by the address they were for, ready for JSON."""
        return {"heard": dict(self.heard), "ignored": self.ignored}


class _Ear(asyncio.DatagramProtocol):
    """One of the listener's sockets."""

    def __init__(self, listener: MagicPacketListener, host: str) -> None:
        self._listener = listener
        self._host = host

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self._listener.hear(data, self._host)


def _reusable_udp_socket(host: str, port: int) -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.setblocking(False)
        udp.bind((host, port))
    except OSError as error:
        udp.close()
        raise OSError(error.errno, f"UDP {host}:{port}: {error.strerror}") from error
    return udp
