"""One visit to Pi-hole: close the gap between wanted and actual names, and see what clients see.

Knows neither database nor Redis; must run under the lock of all our processes, because two config
writes at once crash Pi-hole (Pi-hole notes, section 2, "Concurrency").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext_noop

from pihole import dns_query, records
from pihole.ftl import Ftl, Statistics
from pihole.problems import PiholeProblem, ProblemCode, problem
from pihole.status import NameLook

#: Tries to store the list when what Pi-hole stored is not what it was sent (notes, section 2).
_MAX_WRITES = 3
#: DNS follows a write within 50 ms on a fast disk (notes, section 2); a Pi's card is slower.
_DNS_S = 2.0


@dataclass
class Findings:
    """What a visit found out; filled step by step, so that a problem leaves the rest."""

    #: Where the names should lead; "" where they are left as they are.
    address: str = ""
    problem: PiholeProblem | None = None
    warnings: list[PiholeProblem] = field(default_factory=list)
    wrote: bool = False
    #: Pi-hole's list leads our names to ``address``.
    is_stored: bool = False
    names: tuple[NameLook, ...] = ()
    statistics: Statistics | None = None


def address_of(target: str) -> str:
    """Return the address a target stands for.

    Raises:
        PiholeProblem: bad_config where an address of the switch is not set.
    """
    addresses = {
        "nas": ("BALUPI_NAS_IP", settings.NAS_IP),
        "pi": ("BALUPI_PI_IP", settings.PI_IP),
    }
    for variable, address in addresses.values():
        if not address:
            raise problem(
                ProblemCode.BAD_CONFIG, variable=variable, reason=gettext_noop("it is not set")
            )
    return str(addresses[target][1])


def visit(
    target: str,
    ftl: Callable[[], Ftl],
    *,
    ends_s: float,
    with_statistics: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Findings:
    """Make the names lead to ``target`` and look at them.

    Args:
        target: "nas", "pi" or "" (leave the names, only look).
        ftl: opens the visit's connection.
        ends_s: when, on the monotonic clock, it must be over.
        with_statistics: ask for Pi-hole's figures too.
        sleep: waits for a number of seconds.
    """
    found = Findings()
    try:
        found.address = address_of(target) if target else ""
        with ftl() as open_ftl:
            open_ftl.open()
            _mend(open_ftl, found)
            if with_statistics:
                found.statistics = _statistics(open_ftl)
    except PiholeProblem as error:
        found.problem = error
    patience_s = _DNS_S if found.is_stored else _DNS_S / 4
    _look(found, within_s=max(0.1, min(patience_s, ends_s - time.monotonic())), sleep=sleep)
    return found


def _mend(ftl: Ftl, found: Findings) -> None:
    """Make Pi-hole's list lead our names to the address; nothing is written where it does."""
    items = ftl.hosts()
    if not ftl.has_password:
        found.warnings.append(problem(ProblemCode.NO_PASSWORD))
    if names := records.ipv6_names(items, settings.DNS_NAMES):
        found.warnings.append(problem(ProblemCode.IPV6_RECORD, names=", ".join(names)))
    if not found.address:
        return
    for _ in range(_MAX_WRITES):
        wanted = records.wanted_items(items, names=settings.DNS_NAMES, address=found.address)
        if items != wanted:
            items = ftl.set_hosts(wanted)
            found.wrote = True
        if items == wanted:
            found.is_stored = True
            return
        items = ftl.hosts()
    raise problem(ProblemCode.REFUSED, reason=gettext_noop("it says yes and stores something else"))


def _statistics(ftl: Ftl) -> Statistics | None:
    try:
        return ftl.statistics(own_names=settings.DNS_NAMES)
    except PiholeProblem:
        return None  # the names matter; the next visit asks again


def _look(found: Findings, *, within_s: float, sleep: Callable[[float], None]) -> None:
    """Ask for our names as a client would; all of them share the deadline."""
    ends_s = time.monotonic() + within_s
    looks: list[NameLook] = []
    for count, name in zip(range(len(settings.DNS_NAMES), 0, -1), settings.DNS_NAMES, strict=True):
        left_s = max(0.05, (ends_s - time.monotonic()) / count)
        if found.is_stored:
            answer = dns_query.ask_until(
                name, found.address, settings.PIHOLE_DNS, within_s=left_s, sleep=sleep
            )
        else:
            answer = dns_query.ask(name, settings.PIHOLE_DNS, within_s=left_s)
        looks.append(NameLook(name, answer.kind.value, answer.addresses))
    found.names = tuple(looks)
    if found.is_stored and found.problem is None:
        found.problem = _disagreement(looks, found.address)


def _disagreement(looks: Sequence[NameLook], address: str) -> PiholeProblem | None:
    for look in looks:
        if look.addresses != (address,):
            return problem(
                ProblemCode.NOT_CONFIRMED,
                name=look.name,
                address=address,
                server=":".join(map(str, settings.PIHOLE_DNS)),
                answer=dns_query.in_words(look.answer, look.addresses),
            )
    return None
