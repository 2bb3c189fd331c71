"""Who holds a token, ours or the NAS's."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User

from balupi_site.accounts.models import Token
from balupi_site.accounts.refusals import token_refused
from balupi_site.accounts.services.nas_tokens import user_of_nas_token
from balupi_site.accounts.services.tokens import PREFIX, find_token, note_use


def user_of(secret: str, *, address: str, now: datetime) -> tuple[User, Token | None]:
    """Return whose token it is; with the token, where it is one of ours.

    Raises:
        LoginRefusedError: it opens nothing.
        TransientError, TooManyAttemptsError: see ``user_of_nas_token``.
    """
    if not secret.startswith(PREFIX):
        return user_of_nas_token(secret, address=address, now=now), None
    token = find_token(secret)
    if token is None or not token.is_good(now):
        raise token_refused()
    note_use(token, address, now)
    return token.user, token
