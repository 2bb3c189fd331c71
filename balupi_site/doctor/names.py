"""Checks of the NAS's names: what Pi-hole answers, what this Pi believes, and who else announces them."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.rdatatype
import psutil
from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.doctor.findings import Verdict, fail, ok, skipped, warn
from balupi_site.doctor.known import Known
from balupi_site.lib.deadline_http import resolve
from balupi_site.lib.kept import retold
from pihole import dns_query

#: RFC 6762, section 3; a question from another port than 5353 is answered to that port (section 6.7).
MDNS_GROUP = ("224.0.0.251", 5353)
_MDNS_S, _DNS_S, _RESOLVER_S = 1.5, 2.0, 2.5
DEADLINE_S = 10.0
_LOCAL = ".local"
_MOST_BYTES = 9000  # RFC 6762, section 17


def pi_address(_known: Known) -> Verdict:
    """Tell whether the address the names lead to while the NAS sleeps is this Pi's."""
    facts = {"address": settings.PI_IP}
    if not settings.PI_IP or not settings.NAS_IP:
        return fail(
            _("The addresses that the names are switched between are not set."),
            _("Set BALUPI_PI_IP and BALUPI_NAS_IP."),
        )
    own = {
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET
    }
    if settings.PI_IP in own or ip_address(settings.PI_IP).is_loopback:
        return ok(_("%(address)s is this Pi's.") % facts)
    return fail(
        _("No network interface of this Pi has the address %(address)s.") % facts,
        _("Give the Pi that address in your router, or set BALUPI_PI_IP to the one it has."),
    )


def answers(known: Known) -> list[Verdict]:
    """Tell for each name what Pi-hole answers, and what should be."""
    ends_s = time.monotonic() + DEADLINE_S - 1
    each_s = min(_DNS_S, (ends_s - time.monotonic()) / len(settings.DNS_NAMES))
    return [_answer(name, known.wanted_address, each_s) for name in settings.DNS_NAMES]


def _answer(name: str, wanted: str | None, within_s: float) -> Verdict:
    found = dns_query.ask(name, settings.PIHOLE_DNS, within_s=within_s)
    words = retold(dns_query.in_words(found.kind, found.addresses))
    facts = {"answer": words, "wanted": wanted}
    where = {"about": name, "title": name}
    if found.kind is dns_query.AnswerKind.TIMEOUT:
        return skipped(_("Pi-hole does not answer, see there."), **where)
    if wanted is None:
        return skipped(_("Pi-hole answers %(answer)s; nothing is wanted yet.") % facts, **where)
    if found.addresses == (wanted,):
        return ok(_("Pi-hole answers %(answer)s, as it should.") % facts, **where)
    return fail(
        _("Pi-hole answers %(answer)s; it should be %(wanted)s.") % facts,
        _("Run 'sudo balupi switch_dns status': it puts the name right, or says what hinders it."),
        **where,
    )


def resolver(known: Known) -> Verdict:
    """Tell whether this Pi itself believes what Pi-hole says; asked in a real home only."""
    if not settings.IS_PROD:
        return skipped(_("Left out in a simulated home: it would ask a real DNS server."))
    wanted, name = known.wanted_address, settings.DNS_NAMES[-1]
    facts = {"name": name, "wanted": wanted}
    try:
        addresses = resolve(name, 80, within_s=_RESOLVER_S)
    except OSError:
        return warn(
            _("This Pi's own resolver does not know %(name)s.") % facts,
            _("Let the Pi ask its own Pi-hole: name server 127.0.0.1 in its network settings."),
        )
    found = sorted({str(where[0]) for family, where in addresses if family is socket.AF_INET})
    facts["found"] = ", ".join(found)
    if wanted and found != [wanted]:
        return warn(
            _("This Pi's own resolver answers %(found)s for %(name)s, not %(wanted)s.") % facts,
            _("Let the Pi ask its own Pi-hole: name server 127.0.0.1 in its network settings."),
        )
    return ok(_("This Pi's own resolver answers %(found)s for %(name)s.") % facts)


def announced(_known: Known) -> Verdict:
    """Tell who else in the house announces a name of ours; asked in a real home only."""
    names = [name for name in settings.DNS_NAMES if name.endswith(_LOCAL)]
    if not names:
        return ok(_("No name ends in .local, so nobody can announce it past Pi-hole."))
    if not settings.IS_PROD:
        return skipped(_("Left out in a simulated home: it would ask the real network."))
    for name in names:
        try:
            found = who_announces(name, settings.PI_IP, MDNS_GROUP, within_s=_MDNS_S)
        except OSError:  # not our address, or no network: which other checks say
            return skipped(
                _("The network cannot be asked from %(address)s.") % {"address": settings.PI_IP}
            )
        if found:
            facts = {"name": name, "machines": ", ".join(found)}
            return fail(
                _("%(name)s is announced past Pi-hole (mDNS) by %(machines)s.") % facts,
                _("Add a name of Pi-hole's own domain, such as baluhost.lan, to BALUPI_DNS_NAMES."),
            )
    if len(names) == len(settings.DNS_NAMES):
        return warn(
            _("Nobody announces them, but many devices never ask a Pi-hole for .local names."),
            _("Add a name of Pi-hole's own domain, such as baluhost.lan, to BALUPI_DNS_NAMES."),
        )
    return ok(_("Nobody in the house announces a .local name of ours."))


def who_announces(
    name: str, interface: str, group: tuple[str, int], *, within_s: float
) -> list[str]:
    """Ask once by multicast DNS and return the addresses of those who answer for a name, sorted.

    Args:
        name: a host name.
        interface: our address in the network that is asked; nothing leaves by another one.
        group: where the question goes.
        within_s: how long answers are collected.

    Raises:
        OSError: the network does not take the question.
    """
    question = dns.message.make_query(name, dns.rdatatype.A, id=0)
    question.flags &= ~dns.flags.RD
    ends_s = time.monotonic() + within_s
    found: set[str] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        asker.bind((interface, 0))
        asker.sendto(question.to_wire(), group)
        while (left_s := ends_s - time.monotonic()) > 0:
            asker.settimeout(left_s)
            try:
                packet, (sender, _port) = asker.recvfrom(_MOST_BYTES)
            except TimeoutError:
                break
            if _is_answer(packet, name):
                found.add(sender)
    return sorted(found - {interface})


def _is_answer(packet: bytes, name: str) -> bool:
    try:
        reply = dns.message.from_wire(packet, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return False
    wanted = dns.name.from_text(name)
    return any(each.name == wanted and each.rdtype == dns.rdatatype.A for each in reply.answer)
