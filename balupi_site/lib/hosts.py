"""Under which name a request came: one of the Pi's own, or one of the NAS's that leads here at times."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.http import url_has_allowed_host_and_scheme


def is_nas_name(request: HttpRequest) -> bool:
    """Tell whether the request came under one of ``DNS_NAMES``, whatever its case, port or trailing dot.

    Raises:
        DisallowedHost: under a name that nobody here has.
    """
    return split_domain_port(request.get_host())[0] in settings.DNS_NAMES


def port_suffix(request: HttpRequest) -> str:
    """Return ":8000" as the visitor typed it, "" where he typed none."""
    port = split_domain_port(request.get_host())[1]
    return f":{port}" if port else ""


def is_own_path(given: str) -> bool:
    """Tell whether a visitor can be sent there and stays on this host."""
    return given.startswith("/") and url_has_allowed_host_and_scheme(given, allowed_hosts=None)


def wants_page(request: HttpRequest) -> bool:
    """Tell whether a person's browser asks for something to look at."""
    accepted = request.headers.get("Accept", "").lower()
    return request.method in {"GET", "HEAD"} and "text/html" in accepted
