"""Discovery over UDP 20002: the probe, the plug's answer, and the household's listening address.

All protocol facts: Tapo notes, section 4.2.
"""

import asyncio
import json
import logging
import socket
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from simhome.loopback import require_loopback

logger = logging.getLogger(__name__)

DISCOVERY_PORT = 20002

_HEADER = struct.Struct(">BBHHBBII")
_VERSION, _TYPE, _PROBE, _FLAGS = 2, 0, 1, 0x11
_UNSIGNED_CRC = 0x5A6B7C8D
_CRC_OFFSET = 12
_DATAGRAM_BYTES = 4096
# Real plugs do not answer all in the same instant. A burst of some hundred answers would overflow
# the asking socket's buffer (208 KiB by default), which holds about 170 of them.
_ANSWERS_PER_BURST = 32
_BURST_EVERY_S = 0.01

Address = tuple[str, int]


def packet(payload: bytes, *, serial: int = 0) -> bytes:
    """Return ``payload`` behind the 16-byte header of a probe or of the answer to one."""

    def header(crc: int) -> bytes:
        return _HEADER.pack(_VERSION, _TYPE, _PROBE, len(payload), _FLAGS, 0, serial, crc)

    return header(zlib.crc32(header(_UNSIGNED_CRC) + payload)) + payload


def is_probe(datagram: bytes) -> bool:
    """Return whether a datagram is a discovery probe with the right checksum."""
    if len(datagram) < _HEADER.size:
        return False
    version, kind, opcode, length, _, _, _, crc = _HEADER.unpack_from(datagram)
    unsigned = bytearray(datagram)
    unsigned[_CRC_OFFSET : _HEADER.size] = _UNSIGNED_CRC.to_bytes(4)
    return (
        (version, kind, opcode) == (_VERSION, _TYPE, _PROBE)
        and length == len(datagram) - _HEADER.size
        and crc == zlib.crc32(unsigned)
    )


def announcement(result: Mapping[str, object]) -> bytes:
    """Return the datagram with which a plug answers a probe."""
    return packet(json.dumps({"error_code": 0, "result": result}).encode())


class ProbePort:
    """A UDP socket on port 20002 of one loopback address that hears probes.

    It is opened and closed at once, without waiting, but only inside a running event loop.
    """

    def __init__(self, on_probe: Callable[[Address], None]) -> None:
        """Call ``on_probe`` with the asking address for each probe that arrives."""
        self._on_probe = on_probe
        self._socket: socket.socket | None = None

    def open(self, host: str) -> None:
        """Listen on ``host``.

        Raises:
            OSError: if the address is taken.
            ValueError: if ``host`` is not a loopback address.
        """
        require_loopback(host)
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.bind((host, DISCOVERY_PORT))
        except OSError:
            bound.close()
            raise
        self._socket = bound
        asyncio.get_running_loop().add_reader(bound, self._receive)

    def close(self) -> None:
        """Stop listening; a second call does nothing."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def send(self, datagram: bytes, to: Address) -> None:
        """Send one datagram; where it cannot be sent it is lost, as on a network."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(datagram, to)
        except OSError as error:
            logger.debug("Lost a datagram to %s: %s", to, error)

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            datagram, sender = self._socket.recvfrom(_DATAGRAM_BYTES)
        except OSError as error:  # nothing there after all, or an ICMP error of an earlier answer
            logger.debug("Nothing received: %s", error)
            return
        if is_probe(datagram):
            self._on_probe(sender)


class Probed(Protocol):
    """What hears the probes sent to the household's address."""

    def probe(self, sender: Address) -> None:
        """Answer ``sender`` from its own address, if it answers at all."""
        ...


class DiscoveryListener:
    """The address that stands for a broadcast in one household: all its plugs hear it."""

    def __init__(self, *, host: str, plugs: Sequence[Probed]) -> None:
        """Pass probes to ``host`` on to ``plugs``, which may grow and shrink meanwhile."""
        self._host = host
        self._plugs = plugs
        self._port = ProbePort(self._spread)

    async def start(self) -> None:
        """Listen; OSError if the address is taken."""
        self._port.open(self._host)

    async def stop(self) -> None:
        """Stop listening."""
        self._port.close()

    def _spread(self, sender: Address) -> None:
        loop = asyncio.get_running_loop()
        for index, plug in enumerate(self._plugs):
            loop.call_later(index // _ANSWERS_PER_BURST * _BURST_EVERY_S, plug.probe, sender)
