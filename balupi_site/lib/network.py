"""Where a request comes from."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

#: Where a household's own plugs are.
_PRIVATE_IPV4 = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: Not 100.64.0.0/10: behind a provider's shared address that is the neighbours' network, too. And not
#: ``is_private``, which has ranges for documentation and tests among them.
_NEAR: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    *_PRIVATE_IPV4,
    *map(ipaddress.IPv4Network, ("127.0.0.0/8", "169.254.0.0/16")),
    *map(ipaddress.IPv6Network, ("::1/128", "fc00::/7", "fe80::/10")),
)


def is_private_client(request: HttpRequest) -> bool:
    """Tell whether the client is this machine or in a private network (RFC 1918, RFC 4193, link-local)."""
    return is_near(request.META.get("REMOTE_ADDR", ""))


def is_near(address: str) -> bool:
    """Tell whether an address is this machine's or in a private network; False where it is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in _NEAR)


def is_household_ipv4(address: str) -> bool:
    """Tell whether something of the household may be at an address: RFC 1918, in the usual form."""
    try:
        found = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return any(found in network for network in _PRIVATE_IPV4)
