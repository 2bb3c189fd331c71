"""Real DNS questions to servers that answer, lie, stay silent or come round."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pihole.dns_query import AnswerKind, DnsAnswer, ask, ask_until, in_words

pytestmark = pytest.mark.enable_socket

NAME = "baluhost.local"
#: Makes the answer to the n-th question (from 1); None: says nothing.
Answerer = Callable[[dns.message.Message, int], "dns.message.Message | bytes | None"]


@contextmanager
def dns_server(answer: Answerer) -> Iterator[tuple[str, int]]:
    """Run a name server on loopback; gives its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            count = 0
            while not over.is_set():
                with suppress(TimeoutError):
                    wire, client = bound.recvfrom(4096)
                    count += 1
                    said = answer(dns.message.from_wire(wire), count)
                    if said is not None:
                        raw = said if isinstance(said, bytes) else said.to_wire()
                        bound.sendto(raw, client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield bound.getsockname()
        over.set()
        thread.join()


def _records(*addresses: str, rcode: int = dns.rcode.NOERROR, alias: str = "") -> Answerer:
    def answer(query: dns.message.Message, _count: int) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        name = f"{NAME}."
        if alias:
            reply.answer.append(dns.rrset.from_text(name, 0, "IN", "CNAME", f"{alias}."))
            name = f"{alias}."
        if addresses:
            reply.answer.append(dns.rrset.from_text(name, 0, "IN", "A", *addresses))
        return reply

    return answer


@pytest.mark.parametrize(
    ("answerer", "expected"),
    [
        pytest.param(
            _records("10.0.0.2"), DnsAnswer(AnswerKind.ADDRESSES, ("10.0.0.2",)), id="one"
        ),
        pytest.param(
            _records("10.0.0.2", "10.0.0.1"),
            DnsAnswer(AnswerKind.ADDRESSES, ("10.0.0.1", "10.0.0.2")),
            id="two, in any order",
        ),
        pytest.param(
            _records("10.0.0.2", alias="nas.lan"),
            DnsAnswer(AnswerKind.ADDRESSES, ("10.0.0.2",)),
            id="through an alias",
        ),
        pytest.param(_records(), DnsAnswer(AnswerKind.EMPTY), id="no address"),
        pytest.param(
            _records(rcode=dns.rcode.NXDOMAIN), DnsAnswer(AnswerKind.NXDOMAIN), id="NXDOMAIN"
        ),
        pytest.param(
            _records(rcode=dns.rcode.REFUSED), DnsAnswer(AnswerKind.REFUSED), id="REFUSED"
        ),
        pytest.param(
            _records(rcode=dns.rcode.SERVFAIL), DnsAnswer(AnswerKind.FAILED), id="SERVFAIL"
        ),
    ],
)
def test_each_kind_of_answer_is_told_apart(answerer: Answerer, expected: DnsAnswer) -> None:
    with dns_server(answerer) as server:
        assert ask(NAME, server, within_s=2.0) == expected


@pytest.mark.parametrize(
    "answerer",
    [
        pytest.param(lambda _query, _count: None, id="silence"),
        pytest.param(lambda _query, _count: b"\x00rubbish", id="rubbish"),
        pytest.param(
            lambda _query, _count: dns.message.make_response(dns.message.make_query("x.lan", "A")),
            id="an answer to another question",
        ),
    ],
)
def test_no_answer_ends_at_the_deadline(answerer: Answerer) -> None:
    with dns_server(answerer) as server:
        started_s = time.monotonic()
        assert ask(NAME, server, within_s=0.2) == DnsAnswer(AnswerKind.TIMEOUT)
        assert time.monotonic() - started_s < 1.0


def test_a_lost_question_is_asked_again() -> None:
    right = _records("10.0.0.2")
    with dns_server(lambda query, count: right(query, count) if count > 1 else None) as server:
        assert ask(NAME, server, within_s=2.0).addresses == ("10.0.0.2",)


def test_nobody_at_the_address_is_a_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        server = bound.getsockname()
    assert ask(NAME, server, within_s=0.2) == DnsAnswer(AnswerKind.TIMEOUT)


def test_the_server_may_be_a_name_and_is_asked_over_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(_host: str, port: int, **_kwargs: object) -> list[Any]:
        addresses = ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))
        return [(family, 0, 0, "", (address, port)) for family, address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with dns_server(_records("10.0.0.2")) as (_, port):
        assert ask(NAME, ("localhost", port), within_s=2.0).addresses == ("10.0.0.2",)


def test_a_server_whose_name_nobody_knows_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert ask(NAME, ("pi.hole", 53), within_s=0.2) == DnsAnswer(AnswerKind.TIMEOUT)


def test_it_polls_until_the_answer_is_exactly_the_expected_one() -> None:
    sequence = [(), ("10.0.0.1",), ("10.0.0.1", "10.0.0.2"), ("10.0.0.2",)]
    slept_s: list[float] = []

    def answer(query: dns.message.Message, count: int) -> Any:
        return _records(*sequence[count - 1])(query, count)

    with dns_server(answer) as server:
        found = ask_until(NAME, "10.0.0.2", server, within_s=5.0, sleep=slept_s.append)
    assert found.addresses == ("10.0.0.2",)
    assert slept_s == [0.05, 0.05, 0.05]


def test_polling_gives_up_at_the_deadline_with_the_last_answer() -> None:
    with dns_server(_records("10.0.0.1")) as server:
        started_s = time.monotonic()
        found = ask_until(NAME, "10.0.0.2", server, within_s=0.3)
        assert time.monotonic() - started_s < 1.0
    assert found.addresses == ("10.0.0.1",)


@pytest.mark.parametrize("kind", sorted(AnswerKind))
def test_every_answer_has_words(kind: AnswerKind) -> None:
    addresses = ("10.0.0.1", "10.0.0.2") if kind is AnswerKind.ADDRESSES else ()
    words = in_words(kind.value, addresses)
    assert words != kind.value
    assert (words == "10.0.0.1, 10.0.0.2") is bool(addresses)
