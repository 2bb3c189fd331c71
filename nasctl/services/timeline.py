"""The NAS's history: states with how long they lasted, and wakes, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nasctl.models import StateChange, Wake
from nasctl.reasons import is_trouble, reason_text, state_text
from nasctl.services.overview import WakeOverview, wake_overview
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


@dataclass(frozen=True)
class WakeItem:
    """A wake."""

    at: datetime
    wake: WakeOverview
    kind: str = "wake"


@dataclass(frozen=True)
class Timeline:
    """A page of it; ``next_before`` asks for the page after, None: there is none."""

    items: tuple[StateItem | WakeItem, ...]
    next_before: datetime | None


def timeline(now: datetime, *, limit: int = 50, before: datetime | None = None) -> Timeline:
    """Return what happened before a moment, newest first.

    Args:
        now: the present time.
        limit: how many items; a few more where several happened at once.
        before: only what happened before; None: all.
    """
    changes, wakes = StateChange.objects.all(), Wake.objects.all()
    if before is not None:
        changes, wakes = changes.filter(at__lt=before), wakes.filter(requested_at__lt=before)
    # A restart is two changes, and one more tells whether the last pair is complete.
    found = list(changes[: 2 * limit + 1])
    items: list[StateItem | WakeItem] = [
        *_state_items(found, _first_since(before), now),
        *(WakeItem(wake.requested_at, wake_overview(wake, now)) for wake in wakes[: limit + 1]),
    ]
    items.sort(key=lambda item: item.at, reverse=True)
    page = [item for item in items if len(items) <= limit or item.at >= items[limit - 1].at]
    return Timeline(tuple(page), page[-1].at if len(page) < len(items) else None)


def _first_since(before: datetime | None) -> datetime | None:
    """Return when the newest state of the page ended."""
    if before is None:
        return None
    later = StateChange.objects.filter(at__gte=before).order_by("at", "pk").first()
    return later.at if later else None


def _state_items(
    changes: list[StateChange], until: datetime | None, now: datetime
) -> list[StateItem]:
    items: list[StateItem] = []
    older = [*changes, None][1:] if changes else []
    is_second_half = False
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
