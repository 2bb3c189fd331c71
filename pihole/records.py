"""Rules for Pi-hole's list of local names (``dns.hosts``): what it holds, what it should hold.

Each item is a line of a hosts file: an address, one or more names, perhaps ``# comment``
(Pi-hole notes, section 2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address


@dataclass(frozen=True)
class HostItem:
    """One item of ``dns.hosts``; names as they are written, the comment with its ``#`` or empty."""

    address: IPv4Address | IPv6Address
    names: tuple[str, ...]
    comment: str


def parse_item(item: str) -> HostItem | None:
    """Return the parts of an item, or None where it is not one that Pi-hole would accept."""
    record, hash_sign, comment = item.partition("#")
    address, *names = record.split() or [""]
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return HostItem(parsed, tuple(names), hash_sign + comment) if names else None


def wanted_items(items: Sequence[str], *, names: Sequence[str], address: str) -> list[str]:
    """Return the whole list with exactly one IPv4 item per name, leading to ``address``.

    Items of others stay as they are, byte for byte. A line that names one of ours beside others
    keeps the others. Ours stay where they were (comments too), repeats go, new ones come last. An
    IPv6 item of our names is not ours to change: it is another family, which somebody added on
    purpose (``ipv6_names`` tells of it). The result for a result is the same list.

    Args:
        items: what Pi-hole holds now.
        names: our names, lower case, without a final dot.
        address: an IPv4 address; ValueError for anything else.
    """
    address = str(IPv4Address(address))
    missing = list(dict.fromkeys(names))
    wanted: list[str] = []
    for item in items:
        parsed = parse_item(item)
        ours = _ours(parsed, names)
        if parsed is None or not ours:
            wanted.append(item)
            continue
        due = [name for name in ours if name in missing]
        missing = [name for name in missing if name not in due]
        others = [name for name in parsed.names if _plain(name) not in names]
        comment = f" {parsed.comment}" if parsed.comment else ""
        if others:
            wanted.append(f"{parsed.address} {' '.join(others)}{comment}")
            comment = ""
        elif len(parsed.names) == len(due) == 1 and str(parsed.address) == address:
            wanted.append(item)
            continue
        wanted.extend(f"{address} {name}{comment}" for name in due)
    return [*wanted, *(f"{address} {name}" for name in missing)]


def ipv6_names(items: Sequence[str], names: Collection[str]) -> list[str]:
    """Return those of our names that have an IPv6 item as well; the switch does not move those."""
    parsed = [item for item in map(parse_item, items) if item]
    found = {
        _plain(name)
        for item in parsed
        if isinstance(item.address, IPv6Address)
        for name in item.names
    }
    return [name for name in names if name in found]


def _ours(parsed: HostItem | None, names: Collection[str]) -> list[str]:
    """Return our names in an IPv4 item, each once, in their order there."""
    if parsed is None or not isinstance(parsed.address, IPv4Address):
        return []
    return [name for name in dict.fromkeys(map(_plain, parsed.names)) if name in names]


def _plain(name: str) -> str:
    """Return a name as DNS compares it."""
    return name.lower().rstrip(".")
