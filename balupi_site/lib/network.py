"""Where a request comes from."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest


def is_private_client(request: HttpRequest) -> bool:
    """Tell whether the client is in a private network (RFC 1918, loopback, link-local)."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return address.is_private or address.is_loopback
