"""Rules: what BaluHost's answers about users mean, and what its tokens say of themselves."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

#: What ``models.NasAccount`` and Django's user can hold.
_LONGEST_NAME, _LONGEST_ROLE, _LONGEST_EMAIL = 150, 32, 254
_HIGHEST_ID = 2**63 - 1
#: BaluHost's tokens live 15 minutes; one that claims years is asked about again each day.
_LONGEST_MEMORY = timedelta(hours=24)
_JWT_PARTS = 3
LONGEST_TOKEN = 4096


@dataclass(frozen=True)
class NasUser:
    """A user as the NAS describes one (``UserPublic`` of BaluHost)."""

    id: int
    username: str
    role: str
    email: str
    is_active: bool

    @property
    def is_admin(self) -> bool:
        """Whether the NAS lets this user do everything."""
        return self.role == "admin"


@dataclass(frozen=True)
class Accepted:
    """Name and password, or a code, are right."""

    user: NasUser


@dataclass(frozen=True)
class NeedsCode:
    """Name and password are right, a code is needed; ``body`` is the NAS's answer as it is."""

    body: dict[str, object]

    @property
    def pending_token(self) -> str:
        """What to send with the code."""
        return str(self.body["pending_token"])


@dataclass(frozen=True)
class Refused:
    """The NAS says no; ``detail`` is its sentence, "" without one."""

    status: int
    detail: str


#: None: nothing that BaluHost says; the NAS might as well not have answered.
Verdict = Accepted | NeedsCode | Refused | None


def read_login(status: int, value: object) -> Verdict:
    """Return what an answer to a login or a code means (contract, "POST /api/auth/login")."""
    if not isinstance(value, dict):
        return None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Refused(status, _detail(value))
    if status != HTTPStatus.OK:
        return None
    if value.get("requires_2fa") is True:
        pending = value.get("pending_token")
        is_usable = isinstance(pending, str) and 0 < len(pending) <= LONGEST_TOKEN
        return NeedsCode(value) if is_usable else None
    user = read_user(value.get("user"))
    return Accepted(user) if user else None


def read_me(status: int, value: object) -> Verdict:
    """Return what an answer to ``GET /api/auth/me`` means: flat, or with a ``user`` in it."""
    if not isinstance(value, dict):
        return None
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Refused(status, _detail(value))
    user = read_user(value.get("user", value)) if status == HTTPStatus.OK else None
    return Accepted(user) if user else None


def read_user(value: object) -> NasUser | None:
    """Return the user that a piece of an answer describes; None: it describes none."""
    if not isinstance(value, dict):
        return None
    number, name = value.get("id"), value.get("username")
    role, email = value.get("role"), value.get("email")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _HIGHEST_ID:
        return None
    if not _is_text(name, _LONGEST_NAME) or not _is_text(role, _LONGEST_ROLE):
        return None
    return NasUser(
        id=number,
        username=str(name),
        role=str(role),
        email=str(email) if _is_text(email, _LONGEST_EMAIL) else "",
        is_active=value.get("is_active", True) is True,
    )


def jwt_end(token: str, now: datetime) -> datetime | None:
    """Return until when a token of the NAS may be remembered; None: not worth asking about.

    Nothing in it is believed: only the NAS can say whether it is good. A token without an end, one
    that is over, and those for a refresh or a second factor are no keys to anything.
    """
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != _JWT_PARTS or not all(parts):
        return None
    head, claims = _part(parts[0]), _part(parts[1])
    if head is None or claims is None or str(head.get("alg", "none")).lower() == "none":
        return None
    if claims.get("type", "access") != "access":
        return None
    end_s = claims.get("exp")
    if isinstance(end_s, bool) or not isinstance(end_s, int | float):
        return None
    if not now.timestamp() < end_s:
        return None
    latest = now + _LONGEST_MEMORY
    return latest if end_s >= latest.timestamp() else datetime.fromtimestamp(end_s, UTC)


def _part(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _detail(value: dict[str, object]) -> str:
    detail = value.get("detail")
    return detail[:200] if isinstance(detail, str) else ""


def _is_text(value: object, longest: int) -> bool:
    """Tell whether it is a text that a database takes."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\x00" in value:
        return False
    return value.encode("utf-8", "replace").decode() == value
