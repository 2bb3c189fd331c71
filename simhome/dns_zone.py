"""What the simulated resolver answers: local records, blocked names, and a stub for the rest."""

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset
from dns.rdatatype import RdataType

from simhome.pihole_hosts import Address, records

# dns.domain of the recorded configuration; dnsmasq never asks upstream about it.
OWN_DOMAIN = "lan"
_LOOPBACK = ip_network("127.0.0.0/8")
_RECORD_TTL = 0
_BLOCKED_TTL = 2  # dns.blockTTL; dns_blocking_switch, step 2
_ROOT_SOA = "a.root-servers.net. nstld.verisign-grs.com. 2026112300 1800 900 604800 86400"
_NEGATIVE_TTL = 86400  # measurement hosts_dns_answers, "dig_after_delete"


class Upstream(enum.StrEnum):
    """What stands behind the resolver (measurement hosts_dns_answers has all three)."""

    NXDOMAIN = "nxdomain"
    REFUSED = "refused"
    DEAD = "dead"


class Outcome(enum.Enum):
    """Where an answer came from, in the words of the statistics."""

    LOCAL = "cached"
    BLOCKED = "blocked"
    FORWARDED = "forwarded"


@dataclass(frozen=True)
class Answer:
    """One answer; ``rcode`` None means that no answer is sent at all."""

    rcode: dns.rcode.Rcode | None
    outcome: Outcome
    rrsets: tuple[dns.rrset.RRset, ...] = ()
    authority: tuple[dns.rrset.RRset, ...] = ()
    authoritative: bool = False
    extended_error: int | None = None


@dataclass
class Zone:
    """Local records as dnsmasq reads them from custom.list; replaced as a whole on each change.

    Args of the constructor:
        items: dns.hosts; duplicates count once (hosts_basic, step 4).
        cnames: dns.cnameRecords, "alias,target".
        blocks: whether a name is to be answered with 0.0.0.0 and ::.
    """

    items: Sequence[str] = ()
    cnames: Sequence[str] = ()
    blocks: Callable[[str], bool] = lambda _: False
    upstream: Upstream = Upstream.NXDOMAIN
    addresses: dict[str, list[Address]] = field(default_factory=dict, init=False)
    _names: dict[str, str] = field(default_factory=dict, init=False)
    _aliases: dict[str, str] = field(default_factory=dict, init=False)
    _turn: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Index the records by name and by reverse name."""
        for record in records(self.items):
            for name in record.names:
                known = self.addresses.setdefault(name, [])
                if record.address not in known:
                    known.append(record.address)
            pointer = dns.reversename.from_address(str(record.address)).to_text()
            self._names.setdefault(pointer.rstrip("."), record.names[0])
        for item in self.cnames:
            alias, _, target = item.lower().partition(",")
            self._aliases[alias] = target

    def answer(self, name: str, kind: RdataType) -> Answer:
        """Answer a question; ``name`` is lower case and has no final dot."""
        if self.blocks(name):
            return _blocked(name, kind)
        if kind == dns.rdatatype.PTR and name in self._names:
            return _local(_rrset(name, kind, [self._names[name] + "."]))
        if name in self._aliases:
            return self._alias(name, kind)
        if name not in self.addresses:
            return self._unknown(name)
        found = self._rrsets(name, kind)
        return _local(*found) if found else self._other_type(name, kind)

    def _alias(self, name: str, kind: RdataType) -> Answer:
        """Answer an alias with its target's records (cname_record_restarts_ftl, step 1)."""
        target = self._aliases[name]
        pointer = _rrset(name, dns.rdatatype.CNAME, [target + "."])
        return _local(pointer, *self._rrsets(target, kind))

    def _rrsets(self, name: str, kind: RdataType) -> tuple[dns.rrset.RRset, ...]:
        every = self.addresses.get(name, [])
        answers_any = kind == dns.rdatatype.ANY
        v4 = [str(address) for address in every if isinstance(address, IPv4Address)]
        v6 = [str(address) for address in every if isinstance(address, IPv6Address)]
        found: list[dns.rrset.RRset] = []
        if v4 and (kind == dns.rdatatype.A or answers_any):
            found += self._rotated(name, dns.rdatatype.A, _nearest(v4))
        if v6 and (kind == dns.rdatatype.AAAA or answers_any):
            found += self._rotated(name, dns.rdatatype.AAAA, v6)
        return tuple(found)

    def _rotated(self, name: str, kind: RdataType, values: list[str]) -> list[dns.rrset.RRset]:
        """Return the records in the next order (hosts_dns_answers: the order alternates).

        Each is a set of its own, because dnspython shuffles a set when it writes it.
        """
        start = self._turn % len(values)
        self._turn += 1
        return [_rrset(name, kind, [value]) for value in values[start:] + values[:start]]

    def _other_type(self, name: str, kind: RdataType) -> Answer:
        """Answer a known name that has no record of this type.

        In the own domain and for A questions dnsmasq knows that there is nothing; AAAA, HTTPS and
        TXT are forwarded (measurement hosts_dns_answers; for A hosts_basic, step 22).
        """
        if _is_own(name):
            return Answer(dns.rcode.NOERROR, Outcome.LOCAL)
        single_label = "." not in name and self.upstream is Upstream.NXDOMAIN
        if kind == dns.rdatatype.A or single_label:
            return Answer(dns.rcode.NOERROR, Outcome.LOCAL, authoritative=True)
        return self._forwarded()

    def _unknown(self, name: str) -> Answer:
        if _is_own(name):
            return Answer(dns.rcode.NXDOMAIN, Outcome.LOCAL)
        return self._forwarded()

    def _forwarded(self) -> Answer:
        if self.upstream is Upstream.DEAD:
            return Answer(None, Outcome.FORWARDED)
        if self.upstream is Upstream.REFUSED:
            not_ready = dns.edns.EDECode.NOT_READY
            return Answer(dns.rcode.REFUSED, Outcome.FORWARDED, extended_error=not_ready)
        soa = _rrset(".", dns.rdatatype.SOA, [_ROOT_SOA], _NEGATIVE_TTL)
        return Answer(dns.rcode.NXDOMAIN, Outcome.FORWARDED, authority=(soa,))


def _is_own(name: str) -> bool:
    return name.endswith("." + OWN_DOMAIN)


def _blocked(name: str, kind: RdataType) -> Answer:
    """Answer with the null address, blocking mode NULL (dns_blocking_switch, step 2)."""
    null = {dns.rdatatype.A: "0.0.0.0", dns.rdatatype.AAAA: "::"}.get(kind)  # noqa: S104
    rrsets = (_rrset(name, kind, [null], _BLOCKED_TTL),) if null else ()
    return Answer(dns.rcode.NOERROR, Outcome.BLOCKED, rrsets, authoritative=True)


def _local(*rrsets: dns.rrset.RRset) -> Answer:
    return Answer(dns.rcode.NOERROR, Outcome.LOCAL, rrsets, authoritative=True)


def _nearest(addresses: list[str]) -> list[str]:
    """Return only the addresses in the asked interface's subnet, if there are any.

    localise-queries (measurement hosts_dns_answers, "note2"); the interface is loopback here.
    """
    near = [text for text in addresses if IPv4Address(text) in _LOOPBACK]
    return near or addresses


def _rrset(
    name: str, kind: RdataType, values: Iterable[str], ttl: int = _RECORD_TTL
) -> dns.rrset.RRset:
    owner = dns.name.from_text(name)
    return dns.rrset.from_text_list(owner, ttl, dns.rdataclass.IN, kind, list(values))
