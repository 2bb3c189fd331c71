"""Our own tokens: made, used, revoked. The secret itself is told once and kept nowhere."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from balupi_site.accounts.models import How, NasAccount, Token, TokenKind
from balupi_site.accounts.services.accounts import account_of
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record

logger = logging.getLogger(__name__)

PREFIX = "balupi_"
_HINT_LENGTH = len(PREFIX) + 5
#: Noted once an hour, not at each of the page's polls: the card has only so many writes.
_NOTE_EVERY = timedelta(hours=1)


def hash_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def make_login_token(user: User, how: How, now: datetime) -> str:
    """Return the secret of a new token for somebody who has just logged in."""
    return _make(user, now, kind=TokenKind.LOGIN, how=how, days=settings.TOKEN_DAYS)


def make_token(
    user: User, now: datetime, *, scopes: Iterable[str] | None, label: str, days: int
) -> str:
    """Return the secret of a new token for a phone or a script.

    Args:
        user: whose it is.
        now: when.
        scopes: what it is for; None: all that its user may.
        label: where it is used, for people.
        days: how long it lives unused.
    """
    scope_list = None if scopes is None else sorted(scopes)
    with transaction.atomic():
        secret = _make(
            user, now, kind=TokenKind.MADE, label=label, scope_list=scope_list, days=days
        )
        hint = secret[:_HINT_LENGTH]
        record(
            Kind.TOKEN_MADE,
            now,
            subject=user.get_username(),
            token=hint,
            label=label,
            scopes=scope_list,
        )
    return secret


def find_token(secret: str) -> Token | None:
    """Return the token of a secret, good or not; None: it is none of ours."""
    if not secret.startswith(PREFIX):
        return None
    tokens = Token.objects.select_related("user", "user__nas_account")
    return tokens.filter(secret_hash=hash_of(secret)).first()


def note_use(token: Token, address: str, now: datetime) -> None:
    """Note that a good token is used, and let it live on; at most once an hour."""
    if token.last_used_at is not None and abs(now - token.last_used_at) < _NOTE_EVERY:
        return
    try:
        Token.objects.filter(pk=token.pk, revoked_at=None).update(
            last_used_at=now,
            last_used_from=address[:45],
            expires_at=max(token.expires_at, _end(token, now)),
        )
    except OperationalError as error:  # a full or busy card closes no door
        logger.warning("the use of a token cannot be noted: %s", error)


def revoke(tokens: Iterable[Token], now: datetime) -> int:
    """Revoke tokens; return how many were not revoked already."""
    count = 0
    for token in tokens:
        with transaction.atomic():
            if not Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
                continue
            count += 1
            user = token.user.get_username()
            record(Kind.TOKEN_REVOKED, now, subject=user, token=token.hint, label=token.label)
    return count


def _make(user: User, now: datetime, **fields: object) -> str:
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        user=user,
        secret_hash=hash_of(secret),
        hint=secret[:_HINT_LENGTH],
        created_at=now,
        expires_at=now,
        **fields,
    )
    token.expires_at = _end(token, now)
    token.save()
    return secret


def _end(token: Token, now: datetime) -> datetime:
    """Return when a token that is used now would end.

    One that was given out without the NAS goes no further than the NAS's last word on its user:
    we do not keep the password, so we cannot ask again.
    """
    end = now + timedelta(days=token.days)
    account: NasAccount | None = account_of(token.user)
    if token.how != How.OFFLINE or account is None:
        return end
    return min(end, account.offline_until or now)
