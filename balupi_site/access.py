"""Who may do what: one table for every page and endpoint (ADR 15). What it lacks, nobody may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import ResolverMatch
from django.utils.translation import gettext as _
from django.views import View
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from balupi_site.lib.network import is_private_client


class Need(StrEnum):
    """What a caller needs."""

    NOTHING = "nothing"
    READ = "read"
    SEE_WAKE = "see wake"
    WAKE = "wake"
    WAKE_BUTTON = "wake button"
    ADMIN = "admin"
    ADMIN_SITE = "admin site"
    LOGIN = "login"
    SIGNATURE = "signature"


class Scope(StrEnum):
    """What a token of limited use is for; a login's token has none and may all that its user may."""

    READ = "read"
    WAKE = "wake"


@dataclass(frozen=True)
class Caller:
    """Who calls, as far as rules go.

    Attributes:
        is_known: logged in.
        is_admin: may change plugs, prices, names.
        scopes: of the token; None: no token of limited use.
        is_near: from a private network or this machine.
    """

    is_known: bool = False
    is_admin: bool = False
    scopes: frozenset[str] | None = None
    is_near: bool = False


_READ = {"GET": Need.READ}
_OPEN = {"GET": Need.NOTHING}
_ADMIN_POST = {"POST": Need.ADMIN}
_SIGNED = {"POST": Need.SIGNATURE}

#: URL name -> method -> need. HEAD is GET. A method that an endpoint does not have is 405 for all.
RULES: Mapping[str, Mapping[str, Need]] = {
    "auth-login": {"POST": Need.NOTHING},
    "auth-verify-2fa": {"POST": Need.NOTHING},
    "auth-me": {"GET": Need.LOGIN},
    "auth-logout": {"POST": Need.NOTHING},
    "health": _OPEN,
    "ping": _OPEN,
    "system-status": _READ,
    "updates-version": _OPEN,
    "system-mode": _OPEN,
    "setup-status": _OPEN,
    "sleep-presence": {"POST": Need.LOGIN},
    "statusbar-state": _READ,
    "smart-devices": _READ,
    "schema": _READ,
    "docs": _READ,  # a page
    "monitor-cpu": _READ,
    "monitor-cpu-history": _READ,
    "monitor-memory": _READ,
    "monitor-memory-history": _READ,
    "monitor-network": _READ,
    "monitor-network-history": _READ,
    "monitor-disks": _READ,
    "monitor-disks-history": _READ,
    "monitor-uptime": _READ,
    "monitor-uptime-history": _READ,
    "energy-current": _READ,
    "energy-history": _READ,
    "energy-costs": _READ,
    "energy-summary": _READ,
    "energy-export": _READ,
    "energy-anomalies": _READ,
    "energy-prices": {"GET": Need.READ, "POST": Need.ADMIN},
    "energy-price": {
        "GET": Need.READ,
        "PUT": Need.ADMIN,
        "PATCH": Need.ADMIN,
        "DELETE": Need.ADMIN,
    },
    "plugs": _READ,
    "plug": {"GET": Need.READ, "PUT": Need.ADMIN, "PATCH": Need.ADMIN, "DELETE": Need.ADMIN},
    "plug-discover": _ADMIN_POST,
    "plug-on": _ADMIN_POST,
    "plug-off": _ADMIN_POST,
    "plug-toggle": _ADMIN_POST,
    "plug-unlock": _ADMIN_POST,
    "nas-status": {"GET": Need.SEE_WAKE},
    "nas-wake": {"GET": Need.SEE_WAKE},
    "nas-timeline": _READ,
    "nas-timeline-csv": _READ,
    "nas-energy": _READ,
    "nas-wol": {"POST": Need.WAKE},
    "nas-going-offline": _SIGNED,
    "nas-coming-online": _SIGNED,
    "handshake-status": _READ,
    "handshake-snapshot": _READ,
    "handshake-inbox": _READ,
    "pihole-status": _READ,
    "pihole-stats": _READ,
    "pihole-dns": _ADMIN_POST,
    "api-unknown": dict.fromkeys(
        ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"), Need.NOTHING
    ),
    # Pages
    "dashboard": _READ,
    "live": _READ,
    "prefer": {"POST": Need.NOTHING},
    "home": _OPEN,  # a page that asks by itself, or the dashboard, which asks as "dashboard" does
    "sign-in": _OPEN,
    "elsewhere": _OPEN,
    "wake": {"GET": Need.NOTHING, "POST": Need.WAKE_BUTTON},
    "login": {"GET": Need.NOTHING, "POST": Need.NOTHING},
    "login-code": {"GET": Need.NOTHING, "POST": Need.NOTHING},
    "admin-login": {"GET": Need.ADMIN_SITE, "POST": Need.ADMIN_SITE},
    "logout": {"POST": Need.NOTHING},
    "favicon": _OPEN,
}


def may(caller: Caller, need: Need) -> bool:
    """Tell whether the caller has what is needed; a signature is checked where the call is read."""

    def is_for(*scopes: Scope) -> bool:
        return caller.is_known and (caller.scopes is None or bool(caller.scopes & set(scopes)))

    is_open = settings.PUBLIC_READ and caller.is_near
    is_within_reach = caller.is_near or not settings.ADMIN_PRIVATE_ONLY
    return {
        Need.NOTHING: True,
        Need.SIGNATURE: True,
        Need.READ: is_open or is_for(Scope.READ),
        Need.SEE_WAKE: is_open or is_for(Scope.READ, Scope.WAKE),
        Need.WAKE: is_for(Scope.WAKE),
        Need.WAKE_BUTTON: caller.is_known or (settings.PUBLIC_WAKE and caller.is_near),
        Need.LOGIN: caller.is_known,
        Need.ADMIN: caller.is_admin and caller.scopes is None,
        # Whoever is not signed in yet is asked who it is.
        Need.ADMIN_SITE: is_within_reach and (caller.is_admin or not caller.is_known),
    }[need]


def needed(match: ResolverMatch | None, method: str) -> Need | None:
    """Return what a request needs; None where the table does not say, and nobody may."""
    if match is None:
        return None
    if "admin" in match.namespaces:
        return Need.ADMIN_SITE
    return RULES.get(match.url_name or "", {}).get("GET" if method == "HEAD" else method)


def caller_of(request: Request | HttpRequest) -> Caller:
    """Return who calls."""
    user = getattr(request, "user", None) or AnonymousUser()
    is_known = user.is_authenticated
    token = getattr(request, "auth", None)
    return Caller(
        is_known=is_known,
        is_admin=bool(is_known and user.is_staff),
        scopes=getattr(token, "scopes", None),
        is_near=is_private_client(getattr(request, "_request", request)),
    )


class ByTable(BasePermission):
    """REST framework's door: the table decides."""

    def has_permission(self, request: Request, view: View) -> bool:
        """Tell whether this request may pass; an unknown method passes and is answered 405."""
        method = (request.method or "").lower()
        if method == "options" or not hasattr(view, method):
            return True
        need = needed(request.resolver_match, request.method or "")
        if need is Need.ADMIN:
            self.message = _("Only an admin may do this.")
        return need is not None and may(caller_of(request), need)


class ByTableMiddleware:
    """The door of pages and of the admin site; the API's views have their own, after their login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponse],
        *_args: Any,  # noqa: ANN401
    ) -> HttpResponse | None:
        """Let a page's view run, or answer in its place."""
        if ByTable in getattr(getattr(view, "cls", None), "permission_classes", ()):
            return None
        match = request.resolver_match
        need = needed(match, request.method or "")
        methods = RULES.get(match.url_name or "") if match is not None else None
        if need is None and methods:
            return HttpResponseNotAllowed(methods)
        if need is not None and may(caller_of(request), need):
            return None
        if need is None or need is Need.ADMIN_SITE or caller_of(request).is_known:
            raise PermissionDenied(_("This is not for you from here."))
        if match is not None and match.url_name == "live":
            return HttpResponse(status=401)  # the page reloads, and so signs in
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
