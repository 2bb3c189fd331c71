"""A simulated Pi-hole to test, and the two ways to talk to it: plain HTTP and plain DNS."""

import asyncio
import http.client
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from simhome.clock import Clock, ManualClock
from simhome.dns_zone import Upstream
from simhome.pihole import SimPihole
from simhome.pihole_household import Household
from simhome.pihole_timing import Timing

PASSWORD = "dummy-admin-pw"
HTTP_PORT = 8089
DNS_PORT = 5453
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
# No waiting where time is not the subject; a restart still needs a moment to be one.
FAST = Timing(
    password_check_seconds=0,
    rate_limit_seconds=0,
    config_write_seconds=0,
    dns_lag_seconds=0,
    restart_delay_seconds=0.01,
    restart_seconds=0.02,
    crash_seconds=0.05,
)


def free_block() -> str:
    chosen = random.SystemRandom()
    return f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}"


def make_pihole(
    *,
    clock: Clock | None = None,
    password: str = PASSWORD,
    hosts: tuple[str, ...] = (),
    upstream: Upstream = Upstream.NXDOMAIN,
    timing: Timing = FAST,
    state_file: Path | None = None,
    household: Household | None = None,
) -> SimPihole:
    host = f"{free_block()}.2"
    return SimPihole(
        host=host,
        port=HTTP_PORT,
        dns_host=host,
        dns_port=DNS_PORT,
        password=password,
        clock=clock or ManualClock(NOON),
        state_file=state_file,
        hosts=list(hosts),
        upstream=upstream,
        household=household,
        timing=timing,
    )


@asynccontextmanager
async def running(pihole: SimPihole) -> AsyncIterator[SimPihole]:
    await pihole.start()
    try:
        yield pihole
    finally:
        await pihole.stop()


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body) if self.body else None

    def field(self, path: str) -> object:
        """Return a member of the JSON body by dotted path."""
        node = self.json
        for part in path.split("."):
            assert isinstance(node, dict)
            node = node[part]
        return node


def exchange(
    pihole: SimPihole,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    deadline_seconds: float = 5.0,
) -> Answered:
    """Send one request byte for byte as the recorder did: http.client, nothing added by a library.

    The Host header is the recorder's unless ``headers`` has another.
    """
    address = str(pihole.describe()["dns"]).rpartition(":")[0]
    connection = http.client.HTTPConnection(address, HTTP_PORT, timeout=deadline_seconds)
    sent = {"Host": "127.0.0.1:8089", "Accept-Encoding": "identity"} | (headers or {})
    if body is not None or method in {"POST", "PUT", "PATCH"}:
        sent["Content-Length"] = str(len(body or b""))
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, answered, response.read())
    finally:
        connection.close()


async def ask(
    pihole: SimPihole,
    method: str,
    path: str,
    payload: object = None,
    *,
    sid: str | None = None,
    headers: dict[str, str] | None = None,
    deadline_seconds: float = 5.0,
) -> Answered:
    body = None if payload is None else json.dumps(payload).encode()
    sent = dict(headers or {}) | ({"X-FTL-SID": sid} if sid else {})
    return await asyncio.to_thread(exchange, pihole, method, path, sent, body, deadline_seconds)


async def login(pihole: SimPihole, password: str = PASSWORD) -> str:
    answered = await ask(pihole, "POST", "/api/auth", {"password": password})
    sid = answered.field("session.sid")
    assert isinstance(sid, str)
    return sid


@dataclass(frozen=True)
class Looked:
    rcode: str
    answers: list[tuple[str, str, int]]
    authoritative: bool
    authority: list[str]

    @property
    def addresses(self) -> list[str]:
        return [value for _, value, _ in self.answers]


async def lookup(
    pihole: SimPihole,
    name: str,
    kind: str = "A",
    *,
    tcp: bool = False,
    deadline_seconds: float = 2.0,
) -> Looked:
    """Ask one question; raises dns.exception.Timeout if no answer comes."""
    query = dns.message.make_query(name, kind)
    host, _, port = str(pihole.describe()["dns"]).rpartition(":")
    send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    response = await send(query, host, port=int(port), timeout=deadline_seconds)
    answers = [
        (dns.rdatatype.to_text(rrset.rdtype), rdata.to_text(), rrset.ttl)
        for rrset in response.answer
        for rdata in rrset
    ]
    return Looked(
        rcode=dns.rcode.to_text(response.rcode()),
        answers=answers,
        authoritative=bool(response.flags & dns.flags.AA),
        authority=[rrset.to_text() for rrset in response.authority],
    )


async def until(condition: Callable[[], bool], deadline_seconds: float = 3.0) -> None:
    """Wait for a condition; AssertionError if it does not come true in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_seconds
    while not condition():
        assert loop.time() < end, "waited in vain"
        await asyncio.sleep(0.002)
