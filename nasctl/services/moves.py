"""The one place where the NAS's state is written: by compare-and-set, with a row that says why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.errors import TransientError
from nasctl.evidence import Stage
from nasctl.judge import is_probed_after
from nasctl.models import NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import Moment, moment_at
from nasctl.reasons import WAKE_FAILURES, WENT_DOWN_AGAIN, is_trouble, reason_text
from nasctl.state import MOVES, NasState, Reason, Target, is_legal, planned_after, wanted_target
from pihole import services as pihole

logger = logging.getLogger(__name__)

#: A heartbeat, a call and a wake may race; each loser looks again. More losses in a row than
#: there are racers mean that something is broken.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Noted:
    """What a call of the NAS changed.

    Attributes:
        change: None where the NAS was there already.
        names_changed: what is wanted of the names is new; the edge has it done.
    """

    change: StateChange | None
    names_changed: bool


def change_state(
    status: NasStatus,
    reason: Reason,
    *,
    now: Moment,
    evidence: Mapping[str, object] | None = None,
    wake: Wake | None = None,
) -> Noted | None:
    """Move the NAS; None where somebody else has changed ``status`` since it was read.

    State, history and what is wanted of the names change together or not at all. On success
    ``status`` is up to date.

    Args:
        status: as it was read.
        reason: one of ``MOVES``; it says where to.
        now: the present.
        evidence: what was seen, for people.
        wake: the wake that goes on or begins; None ends a running one.

    Raises:
        ValueError: the state machine has no such move.
    """
    before, after, lasted_s = NasState(status.state), MOVES[reason].to, _lasted_s(status, now)
    if not is_legal(before, after, reason):
        raise ValueError(f"there is no move from {before} for {reason}")
    with transaction.atomic():
        if not _compare_and_set(status, **_moved(status, reason, now), wake=wake):
            return None
        change = StateChange.objects.create(
            from_state=before.value,
            to_state=after.value,
            reason=reason.value,
            evidence=dict(evidence or {}),
            at=now.at,
        )
        _tell_state(change, None if before is after else lasted_s)
        names_changed = want_names(status, now, state_changed=True)
    _log("the NAS is %s, was %s: %s %s", after, before, reason, change.evidence or "")
    return Noted(change, names_changed)


def update_standing(
    status: NasStatus, *, probed: bool, wake: Wake | None, now: Moment
) -> Noted | None:
    """Change what stands beside the state; None where somebody was faster.

    Args:
        status: as it was read.
        probed: whether the names may lead to a NAS that is online.
        wake: the running wake, None: there is none any more.
        now: the present.
    """
    with transaction.atomic():
        if not _compare_and_set(status, probed=probed, wake=wake):
            return None
        return Noted(None, want_names(status, now))


def current_status(now: Moment) -> NasStatus:
    """Return the present row; a first one is written where there is none."""
    status = NasStatus.current(now)
    if status._state.adding:  # noqa: SLF001  # Django's documented way to tell an unsaved row
        _create_first(status)
        status = NasStatus.current(now)
    return status


def want_names(status: NasStatus, now: Moment, *, state_changed: bool = False) -> bool:
    """Tell pihole where the names should lead; True where that is new."""
    target = wanted_target(NasState(status.state), probed=status.probed)
    wanted = None if target is Target.LEAVE else target.value
    return pihole.want(wanted, status.reason, now.at, state_changed=state_changed)


def record_stages(wake: Wake, stages: tuple[Stage, ...], now: Moment) -> None:
    """Write the times of new stages; a running wake's only."""
    if not stages:
        return
    for stage in stages:
        setattr(wake, f"{stage}_at", now.at)
        _log("wake: %s after %.0f s", stage, wake.requested.elapsed_s(now))
    running = Wake.objects.filter(pk=wake.pk, result=WakeResult.RUNNING)
    with transaction.atomic():
        if running.update(**{f"{stage}_at": now.at for stage in stages}):
            for stage in stages:
                tell_stage(wake, stage, now)


def end_wake(wake: Wake, now: Moment, *, failed: Stage | None = None, message: str = "") -> None:
    """Write how a running wake ended; a second call does nothing.

    Args:
        wake: the wake.
        now: the present.
        failed: the stage that did not come; None: it succeeded, unless there is a message.
        message: why it failed, where the stage does not say it.
    """
    has_failed = failed is not None or bool(message)
    wake.result = WakeResult.FAILED if has_failed else WakeResult.SUCCEEDED
    wake.finished_at = now.at
    wake.failed_stage = failed or ""
    wake.message = message or (WAKE_FAILURES[failed] if failed else "")
    running = Wake.objects.filter(pk=wake.pk, result=WakeResult.RUNNING)
    with transaction.atomic():
        if running.update(
            result=wake.result,
            finished_at=wake.finished_at,
            failed_stage=wake.failed_stage,
            message=wake.message,
        ):
            _log("wake: %s %s", wake.result, wake.message)
            _tell_end(wake, now)


def tell_stage(wake: Wake, stage: str, now: Moment) -> None:
    """Write into the log that a wake has come so far."""
    after_s = wake.requested.elapsed_s(now)
    record(
        Kind.WAKE_STAGE,
        now.at,
        subject="NAS",
        duration_s=after_s,
        by=BALUPI,
        stage=str(stage),
        wake=str(wake.pk),
    )


def missing_stage(wake: Wake) -> Stage:
    """Return the first stage that a wake has not reached; what came after one includes it."""
    if Stage.PORT_ANSWERED in wake.reached:
        return Stage.HEALTHY
    if Stage.POWER_SEEN in wake.reached or not wake.watches_power:
        return Stage.PORT_ANSWERED
    return Stage.POWER_SEEN


def note_going_offline(now: datetime) -> Noted:
    """Note that the NAS said good-bye; while it is shutting down already, nothing changes."""
    return _until_noted(_going_offline, moment_at(now))


def note_coming_online(now: datetime) -> Noted:
    """Note that BaluHost is starting: online at once, the names follow its first good answer."""
    return _until_noted(_coming_online, moment_at(now))


def _going_offline(status: NasStatus, now: Moment) -> Noted | None:
    if status.state == NasState.SHUTTING_DOWN:
        return Noted(None, want_names(status, now))
    with transaction.atomic():
        wake = status.wake
        noted = change_state(status, Reason.CALLED_GOING_OFFLINE, now=now)
        if noted and wake:
            end_wake(wake, now, message=WENT_DOWN_AGAIN)
        return noted


def _coming_online(status: NasStatus, now: Moment) -> Noted | None:
    return change_state(status, Reason.CALLED_COMING_ONLINE, now=now, wake=status.wake)


def _until_noted(attempt: Callable[[NasStatus, Moment], Noted | None], now: Moment) -> Noted:
    for _attempt in range(_ATTEMPTS):
        noted = attempt(current_status(now), now)
        if noted is not None:
            return noted
    raise TransientError(
        gettext_noop("The NAS's state changes too fast to note anything; try again.")
    )


def _moved(status: NasStatus, reason: Reason, now: Moment) -> dict[str, object]:
    """Return what the row says after a move, but for its wake."""
    before, after = NasState(status.state), MOVES[reason].to
    return {
        "state": after.value,
        "reason": reason.value,
        "since": status.since if before is after else now.at,
        "moved_at": now.at,
        "uptime_s": now.uptime_s,
        "boot_id": now.boot_id,
        "probed": is_probed_after(reason),
        "planned": planned_after(reason, before=before, planned=status.planned),
    }


def _lasted_s(status: NasStatus, now: Moment) -> float:
    """Return how long the state has lasted; from its last move on by the clock that nobody sets."""
    until_move_s = (status.moved_at - status.since).total_seconds()
    return max(until_move_s, 0.0) + status.moved.elapsed_s(now)


def _log(message: str, *values: object) -> None:
    """Tell the log when it is true: a full disk may refuse what is written until the very end."""
    transaction.on_commit(partial(logger.info, message, *values))


def _tell_state(change: StateChange, lasted_s: float | None) -> None:
    with translation.override(None):  # translated when it is shown
        why = reason_text(change.reason)
    record(
        Kind.NAS_STATE,
        change.at,
        subject="NAS",
        is_trouble=is_trouble(change.from_state, change.reason),
        duration_s=lasted_s,
        by=BALUPI,
        from_state=change.from_state,
        to_state=change.to_state,
        reason=change.reason,
        why=why,
    )


def _tell_end(wake: Wake, now: Moment) -> None:
    record(
        Kind.WAKE_ENDED,
        now.at,
        subject="NAS",
        is_trouble=wake.result == WakeResult.FAILED,
        duration_s=wake.requested.elapsed_s(now),
        by=BALUPI,
        wake=str(wake.pk),
        result=str(wake.result),
        failed_stage=str(wake.failed_stage),
        why=wake.message,
    )


def _compare_and_set(status: NasStatus, **values: object) -> bool:
    """Write ``values`` if nobody has written since ``status`` was read; it then holds them."""
    mine = NasStatus.objects.filter(pk=status.pk, version=status.version)
    if not mine.update(version=F("version") + 1, **values):
        return False
    status.version += 1
    for name, value in values.items():
        setattr(status, name, value)
    return True


def _create_first(status: NasStatus) -> None:
    NasStatus.objects.get_or_create(
        pk=status.pk,
        defaults={
            "since": status.since,
            "moved_at": status.moved_at,
            "uptime_s": status.uptime_s,
            "boot_id": status.boot_id,
        },
    )
