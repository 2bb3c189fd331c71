"""Who is behind what is done now: the visitor of a request, whoever runs a command, or BaluPi itself."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.network import client_address


@dataclass(frozen=True)
class Origin:
    """Who does something and how.

    Attributes:
        who: a user's name; "" for BaluPi itself, or a visitor without a login (then with an address).
        via: "page", "api", "admin", "command" or "nas"; "" for BaluPi itself.
        address: where the request came from; "" without one.
    """

    who: str = ""
    via: str = ""
    address: str = ""


_VIA: dict[str, Promise] = {
    "page": _("page"),
    "api": _("program"),
    "admin": _("admin"),
    "command": _("command"),
    "nas": _("NAS"),
}

_request: ContextVar[HttpRequest | None] = ContextVar("balupi_request", default=None)
_asker: ContextVar[Origin | None] = ContextVar("balupi_asker", default=None)


def via_text(via: str) -> str:
    """Return by what something was done, in words; of what is none of ours, what it says."""
    return str(_VIA.get(via, via))


@contextmanager
def serving(request: HttpRequest) -> Iterator[None]:
    """Tell that all done within is done for this request."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def acting_for(asker: Origin) -> Iterator[None]:
    """Tell that all done within was asked for elsewhere: the worker does it for a request."""
    token = _asker.set(asker)
    try:
        yield
    finally:
        _asker.reset(token)


def origin() -> Origin:
    """Return who is behind what is done now.

    The user is read when it is asked for: REST framework finds out who it is within its view.
    """
    asker, request = _asker.get(), _request.get()
    if asker is not None:
        return asker
    if request is not None:
        user = getattr(request, "user", None)
        who = user.get_username() if user is not None and user.is_authenticated else ""
        return Origin(who, _via(request.path), client_address(request))
    if settings.PROCESS == "command":
        return Origin(_person(), "command")
    return Origin()


def _via(path: str) -> str:
    first = path.strip("/").partition("/")[0]
    return first if first in {"admin", "api"} else "page"


def _person() -> str:
    """Return the user of the computer who runs this command, behind a sudo too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return str(os.getuid())
