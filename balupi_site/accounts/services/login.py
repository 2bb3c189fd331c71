"""Who may come in, by name and password, or by the code of a second factor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from balupi_site.accounts import attempts, nas_auth
from balupi_site.accounts.models import How
from balupi_site.accounts.nas_answers import Accepted, NasUser, NeedsCode, Refused
from balupi_site.accounts.refusals import LoginRefusedError
from balupi_site.accounts.services import accounts
from balupi_site.accounts.services.nas import ask_nas
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.origin import Origin, origin

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoggedIn:
    """Somebody is let in, and why."""

    user: User
    how: How


_logins = attempts.Flights[LoggedIn | NeedsCode](
    patience_s=nas_auth.ANSWER_DEADLINE_S + 1, take_places=True
)
_tries = attempts.AtOnce(2)


def log_in(username: str, password: str, *, address: str, now: datetime) -> LoggedIn | NeedsCode:
    """Let somebody in who knows the password, also while the NAS sleeps.

    The same name and password again within seconds is answered as before, is no further attempt and
    is not sent to the NAS again: its page sends every login that fails twice.

    Args:
        username: as the NAS, or the local user, is called.
        password: in the clear; it is kept nowhere.
        address: where the request comes from.
        now: when.

    Raises:
        LoginRefusedError: it is not the password.
        TooManyAttemptsError: too many were not.
        TransientError: only the NAS could tell, and it does not.
    """
    key = attempts.keyed_hash("login", username, password)
    attempts.raise_remembered(key)
    return _logins.ask(key, partial(_attempt, key, username, password, address, now))


def check_local(username: str, password: str, *, address: str, now: datetime) -> User:
    """Return the local user of a password, for scripts; never asks the NAS. Raises as ``log_in``."""
    pair = _pair(address, username)
    _require_patience(address, username, now)
    user = accounts.find_user(username)
    try:
        if user is None or accounts.account_of(user) is not None:
            make_password(password)
            raise _wrong()
        return _local(user, password)
    except LoginRefusedError as error:
        _count_failure(pair, address)
        _record_refusal(error.reason, username, address, now)
        raise


def verify_code(pending_token: str, code: str, *, address: str, now: datetime) -> LoggedIn:
    """Let somebody in who has the code of a second factor; only the NAS can tell.

    The same again within seconds is answered as before, as in ``log_in``.

    Raises:
        LoginRefusedError: it is not, or the token for it is over.
        TooManyAttemptsError: too many were not.
        TransientError: the NAS does not answer.
    """
    key = attempts.keyed_hash("code", pending_token, code)
    attempts.raise_remembered(key)
    attempts.require_patience(
        attempts.CODE_FAILURES.wait_s(address), attempts.UNANSWERED.wait_s(address)
    )
    try:
        user = accounts.keep_account(_owner_of_code(pending_token, code, address), now)
    except LoginRefusedError as error:
        attempts.CODE_FAILURES.take(address)
        attempts.remember(key, error, lasts_s=attempts.REFUSAL_LASTS_S)
        _record_refusal(error.reason, "", address, now)
        raise
    except TransientError as error:
        _count_unanswered(key, error, address)
        raise
    accounts.mark_2fa(user.nas_account)
    return _welcome(LoggedIn(user, How.CODE), address, now)


def _owner_of_code(pending_token: str, code: str, address: str) -> NasUser:
    try:
        verdict = ask_nas(
            partial(nas_auth.verify_code, pending_token, code),
            attempts.NAS_CODES,
            share=attempts.CODE_SHARE,
            address=address,
        )
    except nas_auth.NoAnswerError as error:
        logger.info("a code cannot be checked: %s", error)
        raise TransientError(
            _not_to_logins()
            if error.is_there
            else _(
                "Only the NAS can check a code, and it does not answer. Wake it and log in again."
            )
        ) from error
    if isinstance(verdict, Accepted):
        return verdict.user
    detail = verdict.detail if isinstance(verdict, Refused) else ""
    raise LoginRefusedError(detail or _("Invalid code"), reason="code")


def _attempt(
    key: str, username: str, password: str, address: str, now: datetime
) -> LoggedIn | NeedsCode:
    pair = _pair(address, username)
    _require_patience(address, username, now)
    attempts.require_patience(attempts.UNANSWERED.wait_s(address))
    try:
        with _tries.one(pair):
            outcome = _judge(username, password, address, now)
    except LoginRefusedError as error:
        _count_failure(pair, address)
        attempts.remember(key, error, lasts_s=attempts.REFUSAL_LASTS_S)
        _record_refusal(error.reason, username, address, now)
        raise
    except TransientError as error:
        _count_unanswered(key, error, address)
        raise
    attempts.USER_FAILURES.forget(pair)
    return outcome if isinstance(outcome, NeedsCode) else _welcome(outcome, address, now)


def _judge(username: str, password: str, address: str, now: datetime) -> LoggedIn | NeedsCode:
    user = accounts.find_user(username)
    account = accounts.account_of(user)
    if user is not None and account is None:
        return LoggedIn(_local(user, password), How.LOCAL)
    try:
        verdict = ask_nas(
            partial(nas_auth.log_in, username, password),
            attempts.NAS_LOGINS,
            share=attempts.LOGIN_SHARE,
            address=address,
        )
    except nas_auth.NoAnswerError as error:
        # Never for a BusyError: an old password would open the door by mere haste.
        logger.info("a login is decided without the NAS: %s", error)
        user = _without_nas(user, password, now, is_there=error.is_there)
        attempts.LOGIN_SHARE.forget(address)
        return LoggedIn(user, How.OFFLINE)
    if isinstance(verdict, Accepted):
        return LoggedIn(accounts.keep_account(verdict.user, now, password=password), How.NAS)
    if isinstance(verdict, NeedsCode):
        if account is not None:
            accounts.mark_2fa(account)
        return verdict
    # Somebody who only guesses must not end what works: only the formerly right password does.
    if accounts.is_offline_password(account, password) and account is not None:
        accounts.shut_out(account, now)
    raise _wrong(verdict.detail if isinstance(verdict, Refused) else "")


def _local(user: User, password: str) -> User:
    if not user.check_password(password):
        raise _wrong()
    if not user.is_active:
        raise _wrong(reason="inactive")
    return user


def _without_nas(user: User | None, password: str, now: datetime, *, is_there: bool) -> User:
    account = accounts.account_of(user)
    until = account.offline_until if account is not None else None
    if user is None or until is None or now >= until:
        # The answer tells who has a copy here; a household is helped more by knowing what to do.
        raise TransientError(
            _not_to_logins()
            if is_there
            else _(
                "The NAS does not answer, and only it can check this login now. Wake it and try again."
            )
        )
    if not accounts.is_offline_password(account, password):
        raise _wrong()
    if not user.is_active:
        raise _wrong(reason="inactive")
    return user


def _not_to_logins() -> str:
    return _("The NAS answers, but not to logins at present. Try again in a minute.")


def _wrong(detail: str = "", *, reason: str = "password") -> LoginRefusedError:
    return LoginRefusedError(detail or _("Invalid credentials"), reason=reason)


def _pair(address: str, username: str) -> str:
    return f"{address} {username}"


def _require_patience(address: str, username: str, now: datetime) -> None:
    try:
        attempts.require_patience(
            attempts.USER_FAILURES.wait_s(_pair(address, username)),
            attempts.ADDRESS_FAILURES.wait_s(address),
        )
    except TooManyAttemptsError:
        _record_refusal("too many attempts", username, address, now)
        raise


def _count_failure(pair: str, address: str) -> None:
    attempts.USER_FAILURES.take(pair)
    attempts.ADDRESS_FAILURES.take(address)


def _count_unanswered(key: str, error: TransientError, address: str) -> None:
    attempts.UNANSWERED.take(address)
    attempts.remember(key, error, lasts_s=attempts.NO_ANSWER_LASTS_S)


def _welcome(logged_in: LoggedIn, address: str, now: datetime) -> LoggedIn:
    name = logged_in.user.get_username()
    by = Origin(name, origin().via, address)
    record(Kind.LOGIN, now, subject=name, by=by, how=logged_in.how.value)
    return logged_in


def _record_refusal(reason: str, username: str, address: str, now: datetime) -> None:
    """Write it down, once a minute; a name that nobody has may be a password in the wrong field."""
    user = accounts.find_user(username) if username else None
    name = user.get_username() if user is not None else ""
    if attempts.REFUSALS_RECORDED.take(_pair(address, name)):
        return
    logger.warning("a login from %s is refused (%s)", address or "this machine", reason)
    by = Origin("", origin().via, address)
    record(Kind.LOGIN_REFUSED, now, subject=name, is_trouble=True, by=by, reason=reason)
