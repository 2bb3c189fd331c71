"""Those who may call, from a stranger on the internet to the NAS itself, and what they are answered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from balupi_site.accounts.models import How
from balupi_site.accounts.services.tokens import make_login_token, make_token
from balupi_site.tests.url_map import Endpoint
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

HOME, ABROAD = "192.168.178.20", "9.9.9.9"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: Django wants the cookie and the header of a page's form to agree.
_FORM_TOKEN = "a" * 32
_REFUSALS = {"401", "403", "405", "429", "login"}
_LOGIN_PAGES = ("/login", "/admin/login", "/dashboard/login")


@dataclass(frozen=True)
class Caller:
    """Who calls and how.

    Attributes:
        title: as docs/access.md calls it.
        user: whose session or token it is; "" none's.
        scopes: of the token; None: a session, "login": a token that a login made.
        address: where from.
    """

    title: str
    user: str = ""
    scopes: frozenset[str] | str | None = None
    address: str = HOME
    signs: bool = False


CALLERS = {
    "near": Caller("visitor at home"),
    "far": Caller("visitor from outside", address=ABROAD),
    "user": Caller("user", "kim"),
    "admin": Caller("admin", "owner"),
    "afar": Caller("admin from outside", "owner", address=ABROAD),
    "read": Caller("token `read`", "owner", frozenset({"read"})),
    "wake": Caller("token `wake`", "owner", frozenset({"wake"})),
    "both": Caller("token `read`, `wake`", "owner", frozenset({"read", "wake"})),
    "utok": Caller("login token of a user", "kim", "login"),
    "atok": Caller("login token of an admin", "owner", "login"),
    "gone": Caller("token of a user switched off", "gone", "login"),
    "nas": Caller("the NAS", signs=True),
}


def make_people() -> None:
    """Store those who can log in."""
    User.objects.create_user("kim")
    User.objects.create_superuser("owner")
    User.objects.create_user("gone", is_active=False, is_staff=True)


def secret_of(caller: Caller) -> str:
    """Return the secret of a new token of the caller's; "" where he has none."""
    if caller.scopes is None:
        return ""
    user, now = User.objects.get(username=caller.user), timezone.now()
    if isinstance(caller.scopes, str):
        return make_login_token(user, How.LOCAL, now)
    return make_token(user, now, scopes=caller.scopes, label="Kitchen", days=30)


class Asker:
    """Asks as one caller; nothing of what he is let in to do stays."""

    def __init__(self, caller: Caller, token: str) -> None:
        self.caller, self._token = caller, token
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        if caller.user and caller.scopes is None:
            self._client.force_login(User.objects.get(username=caller.user))
        self._client.cookies[settings.CSRF_COOKIE_NAME] = _FORM_TOKEN
        self._cookies = {name: morsel.value for name, morsel in self._client.cookies.items()}

    def ask(self, endpoint: Endpoint, method: str) -> str:
        """Return "ok" for whoever is let in, whatever comes of it, else what the refusal looks like."""
        self._client.cookies = SimpleCookie(self._cookies)
        body = b"{}" if endpoint.is_api else b""
        kind = "application/json" if endpoint.is_api else "application/x-www-form-urlencoded"
        kept = transaction.savepoint()
        response = self._client.generic(
            method,
            endpoint.path,
            body,
            kind,
            headers=self._headers(endpoint, method, body),
            REMOTE_ADDR=self.caller.address,
        )
        answer = _answer(response)
        if answer in _REFUSALS:
            transaction.savepoint_commit(kept)
        else:
            transaction.savepoint_rollback(kept)
        return answer

    def _headers(self, endpoint: Endpoint, method: str, body: bytes) -> dict[str, Any]:
        if self.caller.signs:
            now = str(int(time.time()))
            signature = sign(settings.HANDSHAKE_SECRET, method, endpoint.path, now, body)
            form = {"X-CSRFToken": _FORM_TOKEN}
            return {TIMESTAMP_HEADER: now, SIGNATURE_HEADER: signature, **form}
        if self._token and endpoint.is_api:
            return {"Authorization": f"Bearer {self._token}"}
        return {"X-CSRFToken": _FORM_TOKEN}


def _answer(response: Any) -> str:
    status = response.status_code
    place, _sign, query = response.get("Location", "").partition("?")
    # After a logout one is led there too, but not to be led back.
    if place.rstrip("/") in _LOGIN_PAGES and "next=" in query:
        return "login"
    if str(status) in _REFUSALS:
        return str(status)
    return "ok" if status < 500 or status == 503 else f"crash: {status}"
