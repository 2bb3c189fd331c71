"""The NAS's users here: made, refreshed and dropped by what the NAS says of them."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from balupi_site.accounts.models import NasAccount, NasToken, Token, TokenKind
from balupi_site.accounts.nas_answers import NasUser
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record

logger = logging.getLogger(__name__)


def account_of(user: User | None) -> NasAccount | None:
    """Return what makes a user one of the NAS's; None: a local one, or nobody."""
    return getattr(user, "nas_account", None) if user is not None else None


def find_user(username: str) -> User | None:
    """Return the user of a name with its account; None: nobody is called so."""
    if "\x00" in username:  # no database takes it
        return None
    return User.objects.select_related("nas_account").filter(username=username).first()


def keep_account(nas_user: NasUser, now: datetime, *, password: str | None = None) -> User:
    """Make or refresh the local copy of a user whom the NAS has just confirmed.

    Args:
        nas_user: as the NAS describes the user.
        now: when.
        password: what it has just taken as the password alone; None: it took something else.

    Raises:
        LoginRefusedError: a local account has this name, or the user is not active, at the NAS or here.
    """
    # Outside of the transaction: it takes a moment on purpose.
    is_kept = password is not None and settings.OFFLINE_LOGIN_DAYS > 0
    offline_hash = make_password(password) if is_kept else ""
    has_2fa = None if password is None else False
    try:
        user = _keep(nas_user, offline_hash, now, has_2fa=has_2fa)
    except IntegrityError:  # the same user came in by another door at the same moment
        user = _keep(nas_user, offline_hash, now, has_2fa=has_2fa)
    if not user.is_active:
        raise LoginRefusedError(_("This account is not active."), reason="inactive")
    return user


@transaction.atomic
def _keep(nas_user: NasUser, offline_hash: str, now: datetime, *, has_2fa: bool | None) -> User:
    user = _user_of(nas_user, now)
    account = user.nas_account
    if not nas_user.is_active:
        user.is_active, account.is_blocked_by_nas = False, True
    elif account.is_blocked_by_nas:  # who was blocked here by hand stays so
        user.is_active, account.is_blocked_by_nas = True, False
    user.email = nas_user.email
    user.is_staff = user.is_superuser = nas_user.is_admin
    user.save()
    account.role, account.confirmed_at = nas_user.role, now
    if offline_hash:
        account.offline_hash, account.password_at = offline_hash, now
    if has_2fa is not None:
        account.has_2fa = has_2fa
    account.save()
    if not user.is_active:
        _shut_out(account, now)
    return user


def mark_2fa(account: NasAccount) -> None:
    """Note that the password alone is not enough any more: it does not work without the NAS either."""
    account.has_2fa = True
    forget_offline_login(account)


def forget_offline_login(account: NasAccount) -> None:
    """Drop the copy of the password; the next login needs the NAS."""
    account.offline_hash, account.password_at = "", None
    account.save(update_fields=["offline_hash", "password_at", "has_2fa"])


def is_offline_password(account: NasAccount | None, password: str) -> bool:
    """Tell whether it is the password that was right last; takes as long where there is none."""
    if account is None or not account.offline_hash:
        make_password(password)
        return False
    return check_password(password, account.offline_hash)


def shut_out(account: NasAccount, now: datetime) -> None:
    """End what the NAS's earlier word opened: the password's copy, logins by token and on pages."""
    with transaction.atomic():
        _shut_out(account, now)
    logger.info("the NAS refuses %s: what was open here is closed", account)


def end_logins(user: User, now: datetime) -> int:
    """End all that a user has open here: tokens, also those made by hand, sessions, the password's copy.

    A local user's password stays. Returns how many tokens were revoked.
    """
    with transaction.atomic():
        account = account_of(user)
        if account is not None:
            _shut_out(account, now)
        _end_sessions(user)
        tokens = Token.objects.filter(user=user, revoked_at=None)
        hints = list(tokens.values_list("hint", flat=True))
        if tokens.update(revoked_at=now):
            record(Kind.TOKEN_REVOKED, now, subject=user.get_username(), tokens=hints)
    return len(hints)


def _end_sessions(user: User) -> None:
    for session in Session.objects.iterator():  # a household's, so a few
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _shut_out(account: NasAccount, now: datetime) -> None:
    forget_offline_login(account)
    user = account.user
    logins = Token.objects.filter(user=user, kind=TokenKind.LOGIN, revoked_at=None)
    logins.update(revoked_at=now)
    NasToken.objects.filter(user=user).delete()
    # Sessions are bound to this field (django.contrib.auth), which is no password of anybody.
    user.set_unusable_password()
    user.save(update_fields=["password"])


def _user_of(nas_user: NasUser, now: datetime) -> User:
    """Return the user with this number at the NAS under its present name, made if need be."""
    named = find_user(nas_user.username)
    if named is not None and account_of(named) is None:
        text = _("An account of the NAS has the name of a local one here; the local one stays.")
        raise LoginRefusedError(text, reason="name is local")
    found = NasAccount.objects.select_related("user").filter(nas_user_id=nas_user.id).first()
    if found is not None:
        if named is not None and named != found.user:
            named.delete()  # the NAS has given the name of a former user to this one
        if found.user.get_username() != nas_user.username:
            # Renamed, or another person who got the number: what was open was not this one's.
            end_logins(found.user, now)
            found.user.username = nas_user.username
        return found.user
    if named is not None:  # another person, or a NAS that was set up anew
        end_logins(named, now)
        named.nas_account.nas_user_id = nas_user.id
        return named
    user = User(username=nas_user.username)
    user.set_unusable_password()
    user.save()
    NasAccount.objects.create(
        user=user, nas_user_id=nas_user.id, role=nas_user.role, confirmed_at=now
    )
    return user
