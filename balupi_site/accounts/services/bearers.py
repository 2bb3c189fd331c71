"""Who holds a token, ours or the NAS's."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from balupi_site.accounts.models import Token
from balupi_site.accounts.refusals import LoginRefusedError
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
        raise LoginRefusedError(
            _("This token opens nothing, or no longer. Sign in anew, or make another one."),
            reason="token",
        )
    note_use(token, address, now)
    return token.user, token
