"""Switching a plug's relay, unless somebody has a reason against it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.errors import BaluPiError, PermanentError, RefusedError, TransientError
from balupi_site.lib.kept import unpacked
from energy.answers import NoAnswerError
from energy.models import SmartPlug, SwitchUnlock
from energy.plug_link import NO_ANSWER
from energy.plug_pool import credentials_digest, shared_pool
from energy.readings import Failure, FailureKind, Seen
from energy.services.polling import keep_result, target_of
from energy.services.unlocking import present_unlock
from energy.tapo import LOGIN_HINT, PlugError

logger = logging.getLogger(__name__)

Action = Literal["on", "off", "toggle"]
#: Takes the plug and whether it is to be on; returns why that must not be, or None.
SwitchGuard = Callable[[SmartPlug, bool], RefusedError | None]

#: Whoever asks waits 10 s; the answer must be there by then.
_LONGEST_S = 8.5

_guards: list[SwitchGuard] = []


def register_switch_guard(guard: SwitchGuard) -> None:
    """Let ``guard`` have a say in the worker before each switch; a second call does nothing."""
    if guard not in _guards:
        _guards.append(guard)


def switch_plug(device_id: str, action: Action) -> bool:
    """Switch a plug and return whether its relay is on now, as the plug itself says.

    ``toggle`` asks the plug first: its button may have been pressed. For the worker only. What came of
    it is in the log of events, with whoever asked, also where nobody waits for the answer any more.

    Raises:
        PermanentError: there is no such plug, or somebody must change something first.
        RefusedError: a guard is against it, and no admin has unlocked the plug.
        TransientError: the plug did not answer, or did not switch.
    """
    plug = SmartPlug.objects.here().filter(device_id=device_id).first()
    if plug is None:
        raise PermanentError(gettext_noop("There is no such plug."))
    try:
        is_on, overruled = _switch_unless_refused(plug, action)
    except BaluPiError as error:
        is_refused = isinstance(error, RefusedError)
        _tell(plug.name, action, "refused" if is_refused else "failed", why=unpacked(error.kept))
        raise
    _tell(plug.name, action, "switched", is_on=is_on, overruled=overruled)
    return is_on


@contextmanager
def told_if_unanswered(plug: SmartPlug, action: str) -> Iterator[None]:
    """Write into the log that somebody wanted to switch a plug and got no answer of the worker.

    For whoever asks the worker; what the worker does, also later, it writes down itself.
    """
    try:
        yield
    except NoAnswerError as error:
        _tell(plug.name, action, "unanswered", why=error.kept)
        raise


def _tell(plug: str, action: str, outcome: str, **facts: Any) -> None:  # noqa: ANN401
    """Write into the log what came of it: "switched", "refused", "failed", or "unanswered".

    The relay is where it is, so a log that cannot be written does not change the answer.
    """
    try:
        with transaction.atomic():
            record(
                Kind.PLUG_SWITCHED,
                timezone.now(),
                subject=plug,
                is_trouble=outcome in {"failed", "unanswered"},
                action=str(action),
                outcome=outcome,
                **facts,
            )
    except DatabaseError as error:
        logger.warning("plug %s, %s: %s, but it cannot be logged: %s", plug, action, outcome, error)


def _switch_unless_refused(plug: SmartPlug, action: Action) -> tuple[bool, str]:
    """Return whether the relay is on now, and the code of what an admin's unlock overruled, or ""."""
    if plug.refused_credentials == credentials_digest():
        raise PermanentError(LOGIN_HINT)
    deadline_s = time.monotonic() + min(settings.ENERGY_PLUG_TIMEOUT_SECONDS, _LONGEST_S)
    on = not _is_on_now(plug, deadline_s) if action == "toggle" else action == "on"
    refusal = _refusal(plug, on=on)
    unlock = present_unlock(plug, timezone.now()) if refusal else None
    if refusal and unlock is None:
        raise refusal
    is_on = _switch(plug, on=on, deadline_s=deadline_s)
    if refusal and unlock:
        _log_overruled(unlock, refusal, is_on=is_on)
    return is_on, refusal.code if refusal else ""


def _refusal(plug: SmartPlug, *, on: bool) -> RefusedError | None:
    """Return what the first guard has against it; None: nobody has."""
    refusals = (guard(plug, on) for guard in _guards)
    return next((refusal for refusal in refusals if refusal is not None), None)


def _log_overruled(unlock: SwitchUnlock, refusal: RefusedError, *, is_on: bool) -> None:
    logger.info(
        "plug %s was switched %s in spite of %s: unlocked by %s from %s at %s",
        unlock.plug.name, "on" if is_on else "off", refusal.code,
        unlock.unlocked_by, unlock.unlocked_from, unlock.at.isoformat(timespec="seconds"),
    )  # fmt: skip


def _is_on_now(plug: SmartPlug, deadline_s: float) -> bool:
    wait_s = max(deadline_s - time.monotonic(), 0.1)
    result = shared_pool().read_now(target_of(plug), wait_s=wait_s, at_once=True)
    if result is not None:
        keep_result(plug, result, is_sample=False)
    if isinstance(result, Failure):
        raise _error(result.kind, result.message)
    if not isinstance(result, Seen) or result.reading.relay_on is None:
        raise TransientError(NO_ANSWER)
    return result.reading.relay_on


def _switch(plug: SmartPlug, *, on: bool, deadline_s: float) -> bool:
    target, wait_s = target_of(plug), max(deadline_s - time.monotonic(), 0.1)
    try:
        seen = shared_pool().switch(target, on=on, wait_s=wait_s)
    except PlugError as error:
        _note(plug, Failure(target, error.kind, str(error)))
        raise _error(error.kind, str(error)) from error
    _note(plug, seen)
    return on


def _note(plug: SmartPlug, result: Seen | Failure) -> None:
    """Keep how the switching went; as for the log, the answer stands without it."""
    try:
        keep_result(plug, result, is_sample=False)
    except DatabaseError as error:
        logger.warning("plug %s: how switching it went cannot be kept: %s", plug.name, error)


def _error(kind: FailureKind, message: str) -> PermanentError | TransientError:
    is_for_people = kind in (FailureKind.LOGIN_REFUSED, FailureKind.NEEDS_SETTING)
    return PermanentError(message) if is_for_people else TransientError(message)
