"""The lines of a day: items of the timeline and events, each with what belongs to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from balupi_site.events.kinds import Kind, group_of
from balupi_site.lib.words import clock, day_and_clock
from balupi_site.page.event_words import (
    Around,
    event_sentence,
    since_sentence,
    state_sentence,
    woken_by,
)
from balupi_site.page.nas import SIGNS
from balupi_site.page.waking import seen
from energy.periods import Span
from nasctl.services.timeline import EventItem, Item, StateItem, WakeItem

#: The strip beside an event; failures have their own.
_STRIPS = {"offline": "asleep", "booting": "dawn", "online": "online", "shutting_down": "dusk"}
_GROUP_ICONS = {"names": "sign", "inbox": "tray", "plug": "bolt", "login": "who"}
#: More than this on one day nobody reads here; the whole log is in the admin.
MOST = 60
#: A name follows the NAS within this time, or it is news of its own.
_FOLLOWS = dt.timedelta(minutes=2)
_SAME_MOMENT = dt.timedelta(seconds=5)


def item_id(item: Item) -> str:
    """Return the fragment that leads to an entry of the list, such as ``ev-wake-…``."""
    if isinstance(item, WakeItem):
        return f"ev-wake-{item.wake.id}"
    return f"ev-{item.kind}-{item.at:%Y%m%d%H%M%S%f}"


@dataclass(frozen=True)
class Found:
    """What a day has to tell, newest first.

    Attributes:
        before: states and wakes from before the day, newest first.
        earlier_at: when something happened last before the day; None: nothing is known.
    """

    span: Span
    states: Sequence[StateItem]
    wakes: Sequence[WakeItem]
    events: Sequence[EventItem]
    before: Sequence[StateItem]
    earlier_at: dt.datetime | None
    is_cut: bool


def rows(found: Found, *, with_names: bool = True) -> list[dict[str, Any]]:
    """Return the lines of a day; what belongs to a line is part of it, and its id leads there.

    Args:
        found: the items.
        with_names: also names that moved by themselves.
    """
    lines = _Lines(found)
    told = [line for item in found.states if (line := lines.of_state(item))]
    told += [lines.of_wake(item) for item in found.wakes]
    told += [
        lines.of_event(item)
        for item in found.events
        if not lines.is_told(item) and (with_names or item.event_kind != Kind.NAMES_SWITCHED)
    ]
    return sorted(told, key=lambda line: line["at"], reverse=True)[:MOST]


class _Lines:
    """Turns items into lines, knowing what else happened around them."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._all_states = [*found.states, *found.before]
        self._names = {
            id(event): state
            for event in found.events
            if event.event_kind == Kind.NAMES_SWITCHED and not event.is_trouble
            for state in [_followed(event, found.states)]
            if state is not None
        }

    def is_told(self, event: EventItem) -> bool:
        """Tell whether an event is part of a state's line; without states, none is."""
        return id(event) in self._names

    def of_state(self, item: StateItem) -> dict[str, Any] | None:
        if item.reason == "wake" and self._wake_of(item):
            return None  # who woke it says more
        sentence, note = state_sentence(item, self._around(item))
        return _line(
            item,
            **_sign(item),
            is_small=item.state in {"booting", "shutting_down"},
            is_bad=_is_bad(item),
            sentence=sentence,
            note=note,
            also=[item_id(event) for event in self._moves_of(item)],
        )

    def of_wake(self, item: WakeItem) -> dict[str, Any]:
        booting = [state for state in self._found.states if self._wake_of(state) is item]
        return _line(
            item,
            css="dawn",
            icon="who",
            is_small=True,
            sentence=woken_by(item.wake.requested_by),
            also=[item_id(state) for state in booting],
        )

    def of_event(self, item: EventItem) -> dict[str, Any]:
        state = next((state for state in self._all_states if state.at <= item.at), None)
        group_icon = _GROUP_ICONS.get(group_of(item.event_kind), "ask")
        return _line(
            item,
            css=_STRIPS.get(state.state, "unknown") if state else "",
            icon="warn" if item.is_trouble else group_icon,
            is_small=group_of(item.event_kind) == "names" and not item.is_trouble,
            is_bad=item.is_trouble,
            sentence=event_sentence(item),
        )

    def _around(self, item: StateItem) -> Around:
        older = [state for state in self._all_states if state.at < item.at]
        cause = {"online": "booting", "offline": "online"}.get(item.state)
        before_s = None
        for state in older[:2]:  # a good-bye may lie between
            if state.state == cause:
                before_s = state.duration_s
                break
        failure = ""
        if item.reason == "boot_failed":
            wakes = [wake for wake in self._found.wakes if wake.at < item.at]
            failure = seen(wakes[0].wake) if wakes else ""
        return Around(before_s, name_moved=bool(self._moves_of(item)), wake_failure=failure)

    def _moves_of(self, item: StateItem) -> list[EventItem]:
        return [event for event in self._found.events if self._names.get(id(event)) is item]

    def _wake_of(self, state: StateItem) -> WakeItem | None:
        if state.reason != "wake":
            return None
        near = (wake for wake in self._found.wakes if abs(wake.at - state.at) < _SAME_MOMENT)
        return next(near, None)


def _followed(event: EventItem, states: Iterable[StateItem]) -> StateItem | None:
    """Return the state that a switch of the names followed; None: it has another reason."""
    places = {"nas": {"online"}, "pi": {"shutting_down", "offline"}}
    for state in states:
        if state.at <= event.at + _SAME_MOMENT:
            is_near = event.at - state.at < _FOLLOWS
            is_right = state.state in places.get(str(event.facts.get("target")), set())
            return state if is_near and is_right else None
    return None


def _line(item: Item, *, sentence: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # of the template
    return {
        "id": item_id(item),
        "also": [],
        "at": item.at,
        "iso": item.at.isoformat(),
        "clock": clock(item.at),
        "is_bad": False,
        "note": "",
        "sentence": sentence,
        **fields,
    }


def first_rows(found: Found, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the day's first line, the state that it began with; none where that is not known."""
    if not found.before or found.is_cut:
        return []
    item, start = found.before[0], found.span.start
    since = day_and_clock(item.at, now)
    line = _line(
        item,
        **_sign(item),
        is_small=True,
        sentence=since_sentence(item, since),
    )
    return [line | {"clock": clock(start), "iso": start.isoformat()}]


def _is_bad(item: StateItem) -> bool:
    return item.is_trouble and item.restart_s is None


def _sign(item: StateItem) -> dict[str, str]:
    """Return a state's strip and icon."""
    if _is_bad(item):
        return {"css": "failed", "icon": "warn"}
    return {"css": _STRIPS.get(item.state, "unknown"), "icon": _state_icon(item)}


def _state_icon(item: StateItem) -> str:
    if item.state == "booting" and item.reason == "woken_by_other":
        return "bolt"
    if item.state == "shutting_down" and item.reason == "called_going_offline":
        return "box"
    return SIGNS[item.state][1]
