"""The resolver of the simulated Pi-hole: what it answers, and when it changes its mind."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from simhome.clock import ManualClock
from simhome.dns_server import DnsServer, RateLimit
from simhome.dns_zone import Upstream, Zone
from simhome.pihole_timing import Timing
from simhome.tests.pihole_helpers import FAST, ask, login, lookup, make_pihole, running, until
from simhome.tests.pihole_replay import RECORDINGS, as_recorded

pytestmark = pytest.mark.enable_socket

MEASURED = json.loads((RECORDINGS / "measurements" / "hosts_dns_answers.json").read_text())
NAME = "baluhost.local"
RECORD = f"10.0.0.1 {NAME}"
# What the measurement calls its questions: the records at that time, the name, the type.
QUESTIONS = [
    pytest.param("A before", (), NAME, "A", id="A before there is a record"),
    pytest.param("AAAA before", (), NAME, "AAAA", id="AAAA before there is a record"),
    pytest.param("A after adding the A record", (RECORD,), NAME, "A", id="A"),
    pytest.param("AAAA after adding the A record", (RECORD,), NAME, "AAAA", id="AAAA"),
    pytest.param("HTTPS after adding the A record", (RECORD,), NAME, "HTTPS", id="HTTPS"),
    pytest.param("TXT after adding the A record", (RECORD,), NAME, "TXT", id="TXT"),
    pytest.param("ANY after adding the A record", (RECORD,), NAME, "ANY", id="ANY"),
    pytest.param("A sub.baluhost.local", (RECORD,), f"sub.{NAME}", "A", id="a name below"),
    pytest.param("A BALUHOST.LOCAL", (RECORD,), NAME.upper(), "A", id="upper case"),
    pytest.param(
        "A baluhost.lan (record in the local domain)",
        ("10.0.0.1 baluhost.lan",),
        "baluhost.lan",
        "A",
        id="A in the own domain",
    ),
    pytest.param(
        "AAAA baluhost.lan",
        ("10.0.0.1 baluhost.lan",),
        "baluhost.lan",
        "AAAA",
        id="AAAA in the own domain",
    ),
    pytest.param("A nosuch.lan", (RECORD,), "nosuch.lan", "A", id="unknown in the own domain"),
    pytest.param(
        "A baluhost (single label)", ("10.0.0.1 baluhost",), "baluhost", "A", id="A of one label"
    ),
    pytest.param(
        "AAAA baluhost", ("10.0.0.1 baluhost",), "baluhost", "AAAA", id="AAAA of one label"
    ),
    pytest.param(
        "A shop.example (exists upstream as 198.51.100.7)",
        ("10.0.0.1 shop.example",),
        "shop.example",
        "A",
        id="a public name",
    ),
]


def server(zone: Zone | None = None, clock: ManualClock | None = None) -> DnsServer:
    """Return a server that is never started: packets are handed to it."""
    clock = clock or ManualClock(datetime(2026, 1, 31, tzinfo=UTC))
    made = DnsServer(host="127.0.0.1", port=0, clock=clock)
    made.zone = zone or Zone()
    return made


def answer(
    resolver: DnsServer, name: str, kind: str = "A", *, by_udp: bool = True
) -> dns.message.Message | None:
    query = dns.message.make_query(name, kind)
    wire = resolver.respond(query.to_wire(), "192.0.2.31", by_udp=by_udp)
    return None if wire is None else dns.message.from_wire(wire)


def addresses(response: dns.message.Message | None) -> list[str]:
    assert response is not None
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


@pytest.mark.parametrize(
    ("block", "upstream"),
    [
        pytest.param(0, Upstream.NXDOMAIN, id="upstream says NXDOMAIN"),
        pytest.param(1, Upstream.REFUSED, id="no upstream"),
        pytest.param(2, Upstream.DEAD, id="dead upstream"),
    ],
)
@pytest.mark.parametrize(("title", "items", "name", "kind"), QUESTIONS)
def test_it_answers_as_measured(
    block: int, upstream: Upstream, title: str, items: tuple[str, ...], name: str, kind: str
) -> None:
    measured = MEASURED[block][title]
    response = answer(server(Zone(items, upstream=upstream)), name, kind)
    got = ["TIMEOUT", [], False] if response is None else as_recorded(response)
    assert got == [measured["rcode"], sorted(measured["answers"], key=str), bool(measured["aa"])]


def test_a_reverse_question_gets_the_name() -> None:
    measured = MEASURED[0]["PTR 1.0.0.10.in-addr.arpa"]
    response = answer(server(Zone((RECORD,))), "1.0.0.10.in-addr.arpa", "PTR")
    assert response is not None
    (rdata,) = response.answer[0]
    assert [12, rdata.to_wire().hex(), response.answer[0].ttl] == measured["answers"][0]


def test_no_such_name_comes_with_the_root_soa_that_clients_may_cache() -> None:
    response = answer(server(), NAME)
    assert response is not None
    measured = MEASURED[0]["dig_after_delete"][1].split()
    assert response.authority[0].to_text().split() == measured


def test_no_upstream_says_so_to_a_client_that_understands() -> None:
    query = dns.message.make_query(NAME, "A", use_edns=0)
    wire = server(Zone(upstream=Upstream.REFUSED)).respond(query.to_wire(), "::1", by_udp=True)
    assert wire is not None
    response = dns.message.from_wire(wire)
    (option,) = response.options
    assert option.to_text().removeprefix("EDE ") in MEASURED[1]["dig_after_delete"][1]


def test_two_addresses_rotate_as_measured() -> None:
    zone = Zone((RECORD, f"10.0.0.2 {NAME}"))
    resolver = server(zone)
    got = [addresses(answer(resolver, NAME)) for _ in range(6)]
    assert got == MEASURED[4]["answers"]


def test_a_duplicate_is_answered_once() -> None:
    answered = Zone((RECORD, RECORD)).answer(NAME, dns.rdatatype.A)
    assert [rrset.to_text() for rrset in answered.rrsets] == [f"{NAME}. 0 IN A 10.0.0.1"]


def test_an_address_in_the_asked_subnet_hides_the_others() -> None:
    zone = Zone((RECORD, f"127.0.0.5 {NAME}"))
    resolver = server(zone)
    assert [addresses(answer(resolver, NAME)) for _ in range(3)] == MEASURED[4]["answers2"]


def test_two_loopback_addresses_are_both_answered() -> None:
    zone = Zone((f"127.0.0.5 {NAME}", f"127.0.0.6 {NAME}"))
    assert sorted(addresses(answer(server(zone), NAME))) == ["127.0.0.5", "127.0.0.6"]


def test_what_udp_cannot_carry_is_cut_and_whole_by_tcp() -> None:
    zone = Zone([f"10.0.{number // 250}.{number % 250} {NAME}" for number in range(300)])
    by_udp, by_tcp = answer(server(zone), NAME), answer(server(zone), NAME, by_udp=False)
    assert by_udp is not None
    assert by_udp.flags & dns.flags.TC
    assert len(addresses(by_tcp)) == 300


def test_beyond_the_rate_limit_a_client_is_refused_until_the_interval_is_over() -> None:
    clock = ManualClock(datetime(2026, 1, 31, tzinfo=UTC))
    resolver = server(Zone((RECORD,)), clock)
    resolver.rate_limit = RateLimit(count=1000, interval_seconds=60)
    codes = []
    for _ in range(1001):
        response = answer(resolver, NAME)
        assert response is not None
        codes.append(response.rcode())
    # measurement dns_rate_limit: query 1001 was the first refused one
    assert codes == [dns.rcode.NOERROR] * 1000 + [dns.rcode.REFUSED]
    clock.advance(60)
    assert addresses(answer(resolver, NAME)) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"hello", None, id="no DNS"),
        pytest.param(b"\x12\x34\x81\x80" + bytes(8) + b"!", None, id="a broken answer"),
        pytest.param(
            b"\x12\x34\x01\x00\x00\x05" + bytes(6), dns.rcode.FORMERR, id="questions announced"
        ),
        pytest.param(b"\x12\x34\x20\x00" + bytes(8), dns.rcode.NOTIMP, id="another operation"),
    ],
)
def test_broken_packets_do_no_harm(wire: bytes, rcode: dns.rcode.Rcode | None) -> None:
    response = server().respond(wire, "192.0.2.31", by_udp=True)
    if rcode is None:
        assert response is None
    else:
        assert response is not None
        assert response[:2] == wire[:2]
        assert dns.message.from_wire(response).rcode() == rcode


def test_an_answer_is_not_answered() -> None:
    reply = dns.message.make_response(dns.message.make_query(NAME, "A"))
    assert server().respond(reply.to_wire(), "192.0.2.31", by_udp=True) is None


def test_it_serves_udp_and_tcp_on_one_port_and_counts() -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            for tcp in (False, True):
                looked = await lookup(pihole, NAME, tcp=tcp)
                assert looked.answers == [("A", "10.0.0.1", 0)]
                assert looked.authoritative
            assert pihole.describe()["dns_queries"] == 2

    asyncio.run(scenario())


def test_one_patch_switches_without_a_gap_and_without_a_double_answer() -> None:
    async def scenario() -> list[list[str]]:
        async with running(make_pihole(hosts=(RECORD,), timing=Timing())) as pihole:
            sid = await login(pihole)
            wanted = {"config": {"dns": {"hosts": [f"10.0.0.2 {NAME}"]}}}
            patch = asyncio.create_task(ask(pihole, "PATCH", "/api/config", wanted, sid=sid))
            seen: list[list[str]] = []
            while not (patch.done() and seen[-1] == ["10.0.0.2"]):
                seen.append((await lookup(pihole, NAME)).addresses)
                assert len(seen) < 10_000
            assert patch.result().status == 200
            return seen

    seen = asyncio.run(scenario())
    assert seen[0] == ["10.0.0.1"]
    assert {tuple(one) for one in seen} == {("10.0.0.1",), ("10.0.0.2",)}


def test_delete_then_put_leaves_the_name_unknown_for_a_moment() -> None:
    async def scenario() -> set[str]:
        async with running(make_pihole(hosts=(RECORD,), timing=Timing())) as pihole:
            sid = await login(pihole)

            async def switch() -> None:
                path = "/api/config/dns/hosts/10.0.0."
                assert (await ask(pihole, "DELETE", f"{path}1%20{NAME}", sid=sid)).status == 204
                assert (await ask(pihole, "PUT", f"{path}2%20{NAME}", sid=sid)).status == 201

            task = asyncio.create_task(switch())
            seen: list[str] = []
            while not (task.done() and seen[-1] == "10.0.0.2"):
                looked = await lookup(pihole, NAME)
                seen.append(looked.addresses[0] if looked.addresses else looked.rcode)
                assert len(seen) < 10_000
            await task
            return set(seen)

    assert asyncio.run(scenario()) == {"10.0.0.1", "NXDOMAIN", "10.0.0.2"}


def test_the_new_address_comes_a_little_after_the_http_answer() -> None:
    lagging = Timing(password_check_seconds=0, config_write_seconds=0, dns_lag_seconds=0.4)

    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,), timing=lagging)) as pihole:
            sid = await login(pihole)
            wanted = {"config": {"dns": {"hosts": [f"10.0.0.2 {NAME}"]}}}
            await ask(pihole, "PATCH", "/api/config", wanted, sid=sid)
            assert pihole.hosts == [f"10.0.0.2 {NAME}"]
            answers = pihole.describe()["answers"]
            assert isinstance(answers, dict)
            assert answers[NAME] == ["10.0.0.1"]
            await until(lambda: pihole.describe()["answers"] != answers)
            assert (await lookup(pihole, NAME)).addresses == ["10.0.0.2"]

    asyncio.run(scenario())


def test_the_rate_limit_of_the_configuration_counts() -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,), timing=FAST)) as pihole:
            sid = await login(pihole)
            limit = {"config": {"dns": {"rateLimit": {"count": 2}}}}
            await ask(pihole, "PATCH", "/api/config", limit, sid=sid)
            codes = [(await lookup(pihole, NAME)).rcode for _ in range(3)]
            assert codes == ["NOERROR", "NOERROR", "REFUSED"]

    asyncio.run(scenario())


def test_a_stopped_server_frees_its_ports() -> None:
    async def scenario() -> None:
        pihole = make_pihole(hosts=(RECORD,))
        for _ in range(2):
            async with running(pihole):
                assert (await lookup(pihole, NAME)).addresses == ["10.0.0.1"]
            with suppress(dns.exception.Timeout, ConnectionRefusedError):
                await lookup(pihole, NAME, deadline_seconds=0.05)
                pytest.fail("somebody still answers")

    asyncio.run(scenario())
