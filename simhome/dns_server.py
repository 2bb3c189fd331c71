"""A small DNS server over UDP and TCP that answers from a zone, as Pi-hole's resolver does."""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass

from simhome.clock import Clock
from simhome.dns_zone import Answer, Outcome, Zone

logger = logging.getLogger(__name__)

_PLAIN_UDP_BYTES = 512
_TCP_BYTES = 0xFFFF
_TCP_IDLE_SECONDS = 5.0
_HEADER_BYTES = 12


@dataclass(frozen=True)
class RateLimit:
    """At most ``count`` questions per client in ``interval_seconds``; 0 means no limit.

    Pi-hole's own default is 1000 in 60 s; the next one was REFUSED (measurement dns_rate_limit).
    The recorded configuration has it off, and so have we.
    """

    count: int = 0
    interval_seconds: int = 60


OnQuery = Callable[[str, str, Outcome], None]


class DnsServer:
    """Answers on one address and port, UDP and TCP.

    Attributes:
        on_query: hears the name, the type and the outcome of each question; None: nobody does.
        zone: what is answered; assign a new one to change all records at once.
        rate_limit: how many questions a client may ask.
        is_dropping: while True no question is answered; the port stays open.
        queries: questions received, those not answered included.
    """

    def __init__(
        self, *, host: str, port: int, clock: Clock, on_query: OnQuery | None = None
    ) -> None:
        """Prepare; ``on_query`` hears the name, the type and the outcome of each question."""
        self.host = host
        self.port = port
        self.zone = Zone()
        self.rate_limit = RateLimit()
        self.is_dropping = False
        self.queries = 0
        self._clock = clock
        self.on_query = on_query
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._streams: set[asyncio.StreamWriter] = set()
        self._window_started = 0.0
        self._asked: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether the ports are bound."""
        return self._udp is not None

    async def start(self) -> None:
        """Bind both ports; a second call does nothing."""
        if self._udp is not None:
            return
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _UdpQuestions(self), local_addr=(self.host, self.port)
        )
        try:
            self._tcp = await asyncio.start_server(self._serve_stream, self.host, self.port)
        except OSError:
            self._udp.close()
            self._udp = None
            raise

    async def stop(self) -> None:
        """Close both ports and all streams; a second call does nothing."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None
        for writer in self._streams:
            writer.transport.abort()
        await asyncio.sleep(0)  # the loop closes the sockets on its next turn

    def respond(self, wire: bytes, client: str, *, by_udp: bool) -> bytes | None:
        """Return the answer to a packet from ``client``, an address; None where there is none.

        Packets that are no DNS at all are dropped; a header with rubbish behind it gets FORMERR.
        By UDP what the client cannot take is cut off and marked so.
        """
        self.queries += 1
        if self.is_dropping:
            return None
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _format_error(wire)
        if query.flags & dns.flags.QR:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
        elif self._is_too_much(client):
            response.set_rcode(dns.rcode.REFUSED)
        elif not self._fill(query, response):
            return None
        limit = max(_PLAIN_UDP_BYTES, query.payload) if by_udp else _TCP_BYTES
        return response.to_wire(max_size=limit, prefer_truncation=True)

    def _fill(self, query: dns.message.Message, response: dns.message.Message) -> bool:
        """Put the zone's answer into ``response``; False where nothing is to be sent."""
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        answer = self.zone.answer(name, question.rdtype)
        if self.on_query is not None:
            self.on_query(name, dns.rdatatype.to_text(question.rdtype), answer.outcome)
        if answer.rcode is None:
            return False
        _write(answer, response, has_edns=query.edns >= 0)
        return True

    def _is_too_much(self, client: str) -> bool:
        if not self.rate_limit.count:
            return False
        now = self._clock.monotonic()
        if now - self._window_started >= self.rate_limit.interval_seconds:
            self._window_started = now
            self._asked.clear()
        self._asked[client] = self._asked.get(client, 0) + 1
        return self._asked[client] > self.rate_limit.count

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer questions on one TCP connection until it is idle or closed."""
        self._streams.add(writer)
        client = writer.get_extra_info("peername")[0]
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                while True:
                    async with asyncio.timeout(_TCP_IDLE_SECONDS):
                        (length,) = struct.unpack("!H", await reader.readexactly(2))
                        wire = await reader.readexactly(length)
                    if (answer := self.respond(wire, client, by_udp=False)) is not None:
                        writer.write(struct.pack("!H", len(answer)) + answer)
                        await writer.drain()
        finally:
            self._streams.discard(writer)
            writer.close()


class _UdpQuestions(asyncio.DatagramProtocol):
    """Hands datagrams to the server."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.respond(data, addr[0], by_udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _write(answer: Answer, response: dns.message.Message, *, has_edns: bool) -> None:
    if answer.rcode is not None:
        response.set_rcode(answer.rcode)
    if answer.authoritative:
        response.flags |= dns.flags.AA
    response.answer.extend(answer.rrsets)
    response.authority.extend(answer.authority)
    if has_edns and answer.extended_error is not None:
        code = dns.edns.EDECode(answer.extended_error)
        response.use_edns(0, options=[dns.edns.EDEOption(code)])


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < _HEADER_BYTES:
        return None
    (flags,) = struct.unpack("!H", wire[2:4])
    if flags & dns.flags.QR:
        return None
    flags = flags & 0x7910 | dns.flags.QR | dns.flags.RA | dns.rcode.FORMERR
    return wire[:2] + struct.pack("!HHHHH", flags, 0, 0, 0, 0)
