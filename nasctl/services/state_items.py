"""The NAS's states with how long they lasted, from the rows of their changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nasctl.models import StateChange
from nasctl.reasons import is_trouble, reason_text, state_text
from nasctl.state import NasState, Reason


@dataclass(frozen=True)
class StateItem:
    """A state and how long it lasted.

    Attributes:
        until: None: it lasts.
        duration_s: of the state, so far where it lasts; None where the clock was set back within.
        is_trouble: the NAS is gone, and nobody sent it away.
        restart_s: only BaluHost was restarted: so long it was away. The pair of calls is one item.
        is_in_future: the clock was wrong when it was noted, or is now.
    """

    id: int
    at: datetime
    until: datetime | None
    duration_s: float | None
    from_state: str
    state: str
    state_text: str
    reason: str
    reason_text: str
    is_trouble: bool
    restart_s: float | None
    is_in_future: bool
    evidence: dict[str, Any]
    kind: str = "state"


def state_items(
    changes: list[StateChange], later: list[StateChange], now: datetime
) -> list[StateItem]:
    """Return the states that changes began, newest first; a restart is one.

    Args:
        changes: newest first; the row before the last one tells whether that is half of a restart.
        later: the two changes after them, the earliest first, as far as there are any.
        now: the present.
    """
    until = later[0].at if later else None
    if changes and later and _is_restart(changes[0], later[0]):
        changes = [later[0], *changes]  # the page ends within a restart
        until = later[1].at if len(later) > 1 else None
    items: list[StateItem] = []
    is_second_half = False
    older = [*changes, None][1:] if changes else []
    for change, previous in zip(changes, older, strict=True):
        if is_second_half:
            is_second_half = False
            continue
        if previous is not None and _is_restart(previous, change):
            is_second_half = True
            item = _item(previous, until, now, restarted=change)
        else:
            item = _item(change, until, now)
        items.append(item)
        until = item.at
    return items


def _is_restart(goodbye: StateChange, hello: StateChange) -> bool:
    return (
        goodbye.from_state == NasState.ONLINE
        and goodbye.to_state == NasState.SHUTTING_DOWN == hello.from_state
        and hello.to_state == NasState.ONLINE
    )


def _item(
    change: StateChange,
    until: datetime | None,
    now: datetime,
    *,
    restarted: StateChange | None = None,
) -> StateItem:
    state = restarted.to_state if restarted else change.to_state
    reason = Reason.SERVICE_RESTART.value if restarted else change.reason
    lasted_s = ((until or now) - change.at).total_seconds()
    return StateItem(
        id=restarted.pk if restarted else change.pk,
        at=change.at,
        until=until,
        duration_s=lasted_s if lasted_s >= 0 else None,
        from_state=change.from_state,
        state=state,
        state_text=state_text(state),
        reason=reason,
        reason_text=reason_text(reason),
        is_trouble=is_trouble(change.from_state, change.reason),
        restart_s=(restarted.at - change.at).total_seconds() if restarted else None,
        is_in_future=change.at > now,
        evidence=change.evidence,
    )
