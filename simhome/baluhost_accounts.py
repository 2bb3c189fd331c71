"""Who may log in at the simulated BaluHost: users, tokens, and how often one may try."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta

from simhome.nas_users import NasUser

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
PENDING_TOKEN_LIFE = timedelta(minutes=5)
"""BaluHost's defaults for an access token and for the token between password and 2FA code."""

LOGINS_PER_MINUTE = 5
ME_PER_MINUTE = 30
_MINUTE = timedelta(minutes=1)


class TokenIssuer:
    """Makes and reads BaluHost's tokens: JWT, HS256, ``sub`` is the user's number as text."""

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key.encode()

    def access_token(self, user: NasUser, now: datetime) -> str:
        """Return a token that opens the API for 15 minutes."""
        claims = {"sub": str(user.id), "username": user.username, "role": user.role}
        return self._encode({**claims, "type": "access"}, now, ACCESS_TOKEN_LIFE)

    def pending_token(self, user: NasUser, now: datetime) -> str:
        """Return the token that a 2FA code turns into an access token."""
        return self._encode({"sub": str(user.id), "type": "2fa_pending"}, now, PENDING_TOKEN_LIFE)

    def user_id(self, token: str, kind: str, now: datetime) -> int | None:
        """Return whose token it is, None if it is not good: forged, of another kind, expired."""
        try:
            head, payload, signature = token.encode().split(b".")
            if not hmac.compare_digest(self._signature(head + b"." + payload), signature):
                return None
            claims = json.loads(_decoded(payload))
            good = claims["type"] == kind and claims["exp"] > now.timestamp()
            return int(claims["sub"]) if good else None
        except (ValueError, KeyError, TypeError):
            return None

    def _encode(self, claims: dict[str, str], now: datetime, life: timedelta) -> str:
        seconds = int(now.timestamp())
        times = {"exp": seconds + int(life.total_seconds()), "iat": seconds}
        head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
        payload = _encoded(json.dumps({**claims, **times}, separators=(",", ":")).encode())
        signed = head + b"." + payload
        return (signed + b"." + self._signature(signed)).decode()

    def _signature(self, signed: bytes) -> bytes:
        return _encoded(hmac.digest(self._key, signed, hashlib.sha256))


class RateLimit:
    """So many calls per minute and client, in windows that begin with a client's first call.

    slowapi's default, as BaluHost uses it; kept in memory, so a restart of BaluHost forgets it.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._windows: dict[str, tuple[datetime, int]] = {}

    def allows(self, client: str, now: datetime) -> bool:
        """Count a call and tell whether it may pass."""
        start, count = self._windows.get(client, (now, 0))
        if now - start >= _MINUTE:
            start, count = now, 0
        self._windows[client] = (start, count + 1)
        return count < self.per_minute

    def forget(self) -> None:
        """Begin anew, as a restarted service does."""
        self._windows.clear()


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
