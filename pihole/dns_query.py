"""Adapter for real DNS questions to Pi-hole: what do the clients see?"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
from django.utils.translation import gettext_noop

from balupi_site.lib.deadline_http import resolve

#: Pi-hole answers its own records in under a millisecond; UDP may lose a packet.
_ASK_S = 0.5
#: A switch is seen by DNS at most some 50 ms after the request (Pi-hole notes, section 2); Pi-hole
#: refuses a client's 1001st question within a minute.
_POLL_S = 0.05


class AnswerKind(StrEnum):
    """How a question ended."""

    ADDRESSES = "addresses"
    EMPTY = "empty"  # the name is known, but not with an IPv4 address
    NXDOMAIN = "nxdomain"
    REFUSED = "refused"
    FAILED = "failed"  # SERVFAIL and the like
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class DnsAnswer:
    """The answer to an A question; ``addresses`` sorted, each once."""

    kind: AnswerKind
    addresses: tuple[str, ...] = ()


_WORDS = {
    AnswerKind.EMPTY: gettext_noop("no IPv4 address"),
    AnswerKind.NXDOMAIN: gettext_noop("that there is no such name"),
    AnswerKind.REFUSED: gettext_noop("that it refuses to say"),
    AnswerKind.FAILED: gettext_noop("that it failed"),
    AnswerKind.TIMEOUT: gettext_noop("nothing"),
}
_KINDS = {dns.rcode.NXDOMAIN: AnswerKind.NXDOMAIN, dns.rcode.REFUSED: AnswerKind.REFUSED}


def ask(name: str, server: tuple[str, int], *, within_s: float) -> DnsAnswer:
    """Ask a DNS server for the IPv4 addresses of a name, over UDP.

    Args:
        name: a host name.
        server: host (a name or an address) and port.
        within_s: deadline; the question is repeated within it, as UDP may lose it.
    """
    ends_s = time.monotonic() + within_s
    question = dns.message.make_query(name, dns.rdatatype.A)
    try:
        found = resolve(*server, within_s=within_s)
    except OSError:
        return DnsAnswer(AnswerKind.TIMEOUT)
    # "localhost" is ::1 first, where Pi-hole need not listen; the records are IPv4 as well.
    _, address = min(found, key=lambda one: one[0] is not socket.AF_INET)
    while (left_s := ends_s - time.monotonic()) > 0:
        try:
            reply = dns.query.udp(
                question, address[0], min(_ASK_S, left_s), address[1], ignore_errors=True
            )
        except dns.exception.Timeout:
            continue
        except (dns.exception.DNSException, OSError):
            time.sleep(min(_POLL_S, left_s))  # no route: fails at once
            continue
        return _answer(reply)
    return DnsAnswer(AnswerKind.TIMEOUT)


def ask_until(
    name: str,
    expected: str,
    server: tuple[str, int],
    *,
    within_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> DnsAnswer:
    """Ask until the answer is exactly ``expected``; return the last answer, whatever it is."""
    ends_s = time.monotonic() + within_s
    while True:
        answer = ask(name, server, within_s=max(_POLL_S, ends_s - time.monotonic()))
        if answer.addresses == (expected,) or time.monotonic() >= ends_s - _POLL_S:
            return answer
        sleep(_POLL_S)


def in_words(kind: str, addresses: Sequence[str]) -> str:
    """Return what a server answers, to follow "it answers"; a kept sentence (``lib/kept.py``)."""
    return ", ".join(addresses) or _WORDS.get(AnswerKind(kind), kind)


def _answer(reply: dns.message.Message) -> DnsAnswer:
    """Return what a reply says; a CNAME's target counts as the name's address."""
    if reply.rcode() != dns.rcode.NOERROR:
        return DnsAnswer(_KINDS.get(reply.rcode(), AnswerKind.FAILED))
    found = {
        record.to_text()
        for records in reply.answer
        if records.rdtype == dns.rdatatype.A
        for record in records
    }
    kind = AnswerKind.ADDRESSES if found else AnswerKind.EMPTY
    return DnsAnswer(kind, tuple(sorted(found)))
