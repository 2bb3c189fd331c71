"""Where a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:  # what the worker does not need
    from rest_framework.request import Request

#: Where a household's own plugs are.
_PRIVATE_IPV4 = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: Not 100.64.0.0/10: behind a provider's shared address that is the neighbours' network, too. And not
#: ``is_private``, which has ranges for documentation and tests among them.
_NEAR: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    *_PRIVATE_IPV4,
    *map(ipaddress.IPv4Network, ("127.0.0.0/8", "169.254.0.0/16")),
    *map(ipaddress.IPv6Network, ("::1/128", "fc00::/7", "fe80::/10")),
)
#: The kernel's list of this machine's IPv6 addresses; not there without IPv6.
_OWN_IPV6 = Path("/proc/net/if_inet6")
#: A household's network; a shorter prefix is a provider's, a tunnel's, the world.
_SHORTEST_PREFIX = 64


def client_address(request: HttpRequest | Request | None) -> str:
    """Return where a request comes from; "" where there is none, or its server does not say."""
    return "" if request is None else str(request.META.get("REMOTE_ADDR", ""))


def is_private_client(request: HttpRequest) -> bool:
    """Tell whether the client is this machine or in its household, see `is_near`."""
    return is_near(client_address(request))


def is_near(address: str) -> bool:
    """Tell whether an address is this machine's or of the household; False where it is none.

    Of the household are private networks (RFC 1918, RFC 4193, link-local) and, because devices prefer
    their public IPv6 address, the network that this machine has its own in.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if any(found in network for network in _NEAR):
        return True
    return isinstance(found, ipaddress.IPv6Address) and any(
        found in network for network in _own_ipv6_networks()
    )


def _own_ipv6_networks() -> Iterator[ipaddress.IPv6Network]:
    try:
        lines = _OWN_IPV6.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:  # "20010db8…0001 02 40 00 80 eth0": address, interface, prefix, scope, …
        address, _interface, prefix, *_rest = line.split()
        if int(prefix, 16) >= _SHORTEST_PREFIX:
            yield ipaddress.IPv6Network((bytes.fromhex(address), int(prefix, 16)), strict=False)


def is_household_ipv4(address: str) -> bool:
    """Tell whether something of the household may be at an address: RFC 1918, in the usual form."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return any(found in network for network in _PRIVATE_IPV4)
