"""Where the NAS's names should lead, and making Pi-hole lead them there.

Level-triggered: ``want`` and ``set_override`` only note a wish; ``reconcile`` compares it with
Pi-hole and closes the gap, however often and in however many processes it is called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from balupi_site.events.kinds import Kind
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.locks import household_lock
from balupi_site.lib.origin import Origin
from pihole import status
from pihole.conclude import AFTER_WRITE_S, conclude
from pihole.ftl import Ftl
from pihole.ftl_http import FtlHttp
from pihole.models import NameStatus, NameSwitch, Target
from pihole.overview import Overview, overview
from pihole.reasons import PUT_BACK, worded
from pihole.status import Look
from pihole.visit import visit

__all__ = ["Outcome", "Overview", "close_session", "overview", "reconcile", "set_override", "want"]

logger = logging.getLogger(__name__)

#: Held for every talk to Pi-hole: one writer, one login (ADR 4).
TALK_LOCK = "pihole-write"

#: Figures are read again when they are this old; looks come every 60 s.
_STATISTICS_LAST = timedelta(seconds=50)


@dataclass(frozen=True)
class Outcome:
    """What a reconciliation did; ``look`` None: another process of ours was at it all the time."""

    look: Look | None
    wrote: bool = False
    #: Look again after so many seconds; None: the next regular look is soon enough.
    follow_up_s: int | None = None


def want(target: str | None, reason: str, now: datetime, *, state_changed: bool = False) -> bool:
    """Note where the names should lead as the NAS's state has it; a second call does nothing.

    Any change of what is wanted ends an override. ``state_changed=True`` ends it also where the
    wanted address stays (offline to booting): an override lasts until the next change of state.

    Args:
        target: "nas", "pi", or None to leave the names as they are (state unknown).
        reason: why, in a word or a short phrase.
        now: the present time.
        state_changed: the NAS's state has just changed.

    Returns:
        Whether anything changed; then the caller has ``tasks.reconcile_names`` run soon.
    """
    wanted = Target(target).value if target else ""
    known = NameStatus.current()
    if known.wanted == wanted and not (state_changed and known.override):
        return False
    with transaction.atomic():
        row = _locked()
        if row.wanted == wanted and not (state_changed and row.override):
            return False
        if row.override:
            logger.info("the override %s of the names ends: %s", row.override, reason)
            _tell_release(row, now, by=BALUPI, reason=reason)
        before = row.target
        row.wanted, row.reason = wanted, reason[:64]
        row.override, row.override_by, row.override_at = "", "", None
        _store(row, before, now)
    return True


def set_override(target: str, by: str, now: datetime) -> bool:
    """Note that a person wants the names to lead to ``target`` ("nas", "pi") or on their own way.

    Args:
        target: "nas", "pi", or "auto" to end the override.
        by: who.
        now: the present time.

    Returns:
        Whether anything changed.
    """
    override = "" if target == "auto" else Target(target).value
    with transaction.atomic():
        row = _locked()
        if row.override == override:
            return False
        before = row.target
        if override:
            record(Kind.NAMES_OVERRIDDEN, now, subject=_names(), target=override, before=before)
        else:
            _tell_release(row, now)
        row.override = override
        row.override_by, row.override_at = (by[:150], now) if override else ("", None)
        _store(row, before, now)
    logger.info("%s chose %s for the names", by, target)
    return True


def _locked() -> NameStatus:
    NameStatus.objects.get_or_create(pk=1)
    return NameStatus.objects.select_for_update().get(pk=1)


def _store(row: NameStatus, before: str, now: datetime) -> None:
    if row.target != before:
        row.changed_at = now
    row.save()


def reconcile(
    now: datetime,
    *,
    within_s: float = 20.0,
    one_shot: bool = False,
    ask_again: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Make Pi-hole lead the names where they should, see what clients see, and remember it.

    Args:
        now: the present time.
        within_s: deadline for everything; half of it at most for other processes of ours.
        one_shot: this process ends at once: a session that it has to make is given back.
        ask_again: try the password even if it was refused a moment ago.
        sleep: waits for a number of seconds.
    """
    started_s = time.monotonic()
    ends_s = started_s + within_s
    ftl = partial(_ftl, now, ends_s, share=not one_shot, ask_again=ask_again, sleep=sleep)
    with household_lock(TALK_LOCK, wait_s=within_s / 2) as is_ours:
        if not is_ours:
            return Outcome(look=None, follow_up_s=AFTER_WRITE_S)
        before, wish = status.load(), NameStatus.current()
        with_statistics = _statistics_are_old(before, now)
        found = visit(wish.target, ftl, ends_s=ends_s, with_statistics=with_statistics, sleep=sleep)
        at = now + timedelta(seconds=time.monotonic() - started_s)
        result = conclude(found, before, names=settings.DNS_NAMES, at=at)
        status.save(result.look)
    if found.wrote and found.is_stored:
        _record_switch(wish, found.address, at, is_foreign=result.is_foreign)
    _log_change(before, result.look)
    return Outcome(look=result.look, wrote=found.wrote, follow_up_s=result.follow_up_s)


def close_session() -> None:
    """Give the shared session back to Pi-hole; the worker does this when it stops.

    Whoever of us still runs logs in again with the next look.
    """
    with (
        household_lock(TALK_LOCK, wait_s=1.0),  # not free: what has to end, ends all the same
        _ftl(timezone.now(), time.monotonic() + 2.0) as ftl,
    ):
        ftl.logout()


def _ftl(now: datetime, ends_s: float, **options: Any) -> Ftl:  # noqa: ANN401  # those of FtlSession
    http = FtlHttp(settings.PIHOLE_URL, ends_s=ends_s)
    return Ftl(http, password=settings.PIHOLE_PASSWORD, now=now, **options)


def _statistics_are_old(before: Look | None, now: datetime) -> bool:
    if before is None or before.statistics_at is None:
        return True
    return not timedelta() <= now - before.statistics_at < _STATISTICS_LAST


def _tell_release(
    row: NameStatus, now: datetime, *, by: Origin | None = None, reason: str = ""
) -> None:
    """Write into the log that an override ends; ``row`` still has it."""
    held_s = (now - row.override_at).total_seconds() if row.override_at else None
    record(
        Kind.NAMES_RELEASED,
        now,
        subject=_names(),
        duration_s=max(held_s, 0.0) if held_s is not None else None,
        by=by,
        target=row.override,
        reason=reason,
    )


def _names() -> str:
    return ", ".join(settings.DNS_NAMES)


def _took_s(wish: NameStatus, at: datetime) -> float | None:
    """Return how long the switch took since it was wanted; None where the clock was set back."""
    took_s = (at - wish.changed_at).total_seconds() if wish.changed_at else -1.0
    return took_s if took_s >= 0 else None


def _record_switch(wish: NameStatus, address: str, at: datetime, *, is_foreign: bool) -> None:
    names = _names()
    if is_foreign:
        logger.warning("somebody else changed %s in Pi-hole; put back", names)
    reason = PUT_BACK if is_foreign else wish.why
    logger.info("%s in Pi-hole: now %s (%s), %s", names, address, wish.target, worded(reason))
    with translation.override(None):  # the log is for everybody, whoever asked
        told_to_all = worded(reason)
    with transaction.atomic():
        NameSwitch.objects.create(target=wish.target, address=address, reason=reason[:200], at=at)
        record(
            Kind.NAMES_SWITCHED,
            at,
            subject=names,
            is_trouble=is_foreign,
            duration_s=None if is_foreign else _took_s(wish, at),
            by=BALUPI,
            target=wish.target,
            address=address,
            reason=told_to_all,
            is_foreign=is_foreign,
        )


def _log_change(before: Look | None, look: Look) -> None:
    """Tell of a problem once when it comes and once when it goes."""
    was = before.problem if before else None
    if look.problem and (was is None or was.code != look.problem.code):
        logger.warning("%s", look.problem.message)
    elif was and not look.problem:
        logger.info("Pi-hole is all right again (it was: %s)", was.code)
