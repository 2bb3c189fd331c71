"""Tokens of the NAS: asked about once, then remembered until they end."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from balupi_site.accounts import attempts, nas_auth
from balupi_site.accounts.models import NasToken
from balupi_site.accounts.nas_answers import Accepted, Verdict, jwt_end
from balupi_site.accounts.refusals import LoginRefusedError, token_refused
from balupi_site.accounts.services.accounts import keep_account
from balupi_site.accounts.services.nas import ask_nas
from balupi_site.accounts.services.tokens import hash_of

#: A page asks with all its polls at once; the NAS is asked once, and a refusal holds for a while.
_REFUSAL_LASTS_S = 60
_flights = attempts.Flights[User](patience_s=0.7, take_places=False)


def user_of_nas_token(secret: str, *, address: str, now: datetime) -> User:
    """Return whose token of the NAS it is.

    Raises:
        LoginRefusedError: nobody's, or the NAS cannot be asked about a token that it has not
            confirmed yet.
        TransientError: nobody can be asked about it at this moment.
        TooManyAttemptsError: too many unknown ones came from this address.
    """
    end = jwt_end(secret, now)
    if end is None:
        raise token_refused()
    digest = hash_of(secret)
    known = NasToken.objects.select_related("user").filter(secret_hash=digest).first()
    if known is not None and not known.user.is_active:
        raise token_refused()
    if known is not None and now < known.expires_at:
        return known.user
    key = attempts.keyed_hash("token", digest)
    attempts.raise_remembered(key)
    return _flights.ask(key, partial(_ask, secret, key, end, address, now))


def _ask(secret: str, key: str, end: datetime, address: str, now: datetime) -> User:
    attempts.require_patience(attempts.UNKNOWN_TOKENS.take(address))
    try:
        verdict = ask_nas(partial(nas_auth.whose, secret), attempts.NAS_TOKENS)
    except nas_auth.NoAnswerError as error:
        raise LoginRefusedError(
            _("Only the NAS knows this token, and it does not answer. Log in here."), reason="away"
        ) from error
    try:
        user = _confirmed(verdict, now)
    except LoginRefusedError as error:
        attempts.remember(key, error, lasts_s=_REFUSAL_LASTS_S)
        raise
    NasToken.objects.filter(expires_at__lt=now).delete()
    NasToken.objects.update_or_create(
        secret_hash=hash_of(secret), defaults={"user": user, "expires_at": end}
    )
    return user


def _confirmed(verdict: Verdict, now: datetime) -> User:
    if not isinstance(verdict, Accepted):
        raise token_refused()
    return keep_account(verdict.user, now)
