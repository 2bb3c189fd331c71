"""Rules for the items of ``dns.hosts``: an address, one or more names, perhaps a comment."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

# Underscores, leading dashes and upper case pass, "name!.local" does not: hosts_basic, steps 15-19.
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class HostRecord:
    """One item as the resolver reads it; names are lower case, without a final dot."""

    address: Address
    names: tuple[str, ...]


def normalise(item: str) -> str:
    """Return ``item`` as FTL stores it: single spaces, the comment kept (hosts_basic, step 3)."""
    return " ".join(item.split())


def complaint(item: str) -> str | None:
    """Return what FTL says against ``item``, None if it accepts it (hosts_basic, steps 12-15)."""
    words = _words(item)
    address = words[0] if words else ""
    if _address(address) is None:
        return f'neither a valid IPv4 nor IPv6 address ("{address}")'
    if len(words) == 1:
        return f'entry does not have at least one hostname ("{address}")'
    bad = next((name for name in words[1:] if not _NAME.fullmatch(name)), None)
    return None if bad is None else f'invalid hostname ("{bad}")'


def records(items: Iterable[str]) -> list[HostRecord]:
    """Return the items the resolver understands, in order; others are left out."""
    found = []
    for item in items:
        words = _words(item)
        address = _address(words[0]) if words else None
        if address is not None and len(words) > 1:
            names = tuple(name.lower().rstrip(".") for name in words[1:])
            found.append(HostRecord(address, names))
    return found


def _words(item: str) -> list[str]:
    return item.partition("#")[0].split()


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
