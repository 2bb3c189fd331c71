"""The history: the NAS's states with how long they lasted, its wakes, and all other events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from django.db.models import QuerySet

from balupi_site.events import reading
from balupi_site.events.kinds import GROUPS, Kind, kinds_of
from balupi_site.events.reading import Choice, EventItem, item_of
from nasctl.models import StateChange, Wake
from nasctl.services.overview import WakeOverview, wake_overview
from nasctl.services.state_items import StateItem, state_items

__all__ = ["EventItem", "Parts", "StateItem", "Timeline", "WakeItem", "parts_of", "timeline"]


@dataclass(frozen=True)
class WakeItem:
    """A wake."""

    at: datetime
    wake: WakeOverview
    kind: str = "wake"


Item = StateItem | WakeItem | EventItem


@dataclass(frozen=True)
class Timeline:
    """A page of it; ``next_before`` asks for the page after, None: there is none."""

    items: tuple[Item, ...]
    next_before: datetime | None


#: States and wakes have items that say more than these.
_TOLD_BY_STATES = frozenset({Kind.NAS_STATE})
_TOLD_BY_WAKES = kinds_of("wake")


@dataclass(frozen=True)
class Parts:
    """What a timeline is made of; ``events`` None: no other events."""

    states: bool = True
    wakes: bool = True
    events: Choice | None = field(
        default_factory=lambda: Choice(without=_TOLD_BY_STATES | _TOLD_BY_WAKES)
    )


def parts_of(words: Collection[str], *, only_trouble: bool) -> Parts:
    """Return what a timeline of some groups or kinds is made of.

    The groups "nas" and "wake" bring the states and wakes; asked for by their exact kind, or as
    trouble, these come as events like all others.

    Args:
        words: names of groups or kinds; none: everything.
        only_trouble: only events that somebody may want to do something about.
    """
    if only_trouble:
        kinds = frozenset(kind for word in words for kind in kinds_of(word)) if words else None
        return Parts(states=False, wakes=False, events=Choice(kinds=kinds, only_trouble=True))
    if not words:
        return Parts()
    told = _TOLD_BY_STATES | _TOLD_BY_WAKES
    kinds = frozenset(
        kind for word in words for kind in kinds_of(word) if word not in GROUPS or kind not in told
    )
    events = Choice(kinds=kinds) if kinds else None
    return Parts(states="nas" in words, wakes="wake" in words, events=events)


def timeline(
    now: datetime,
    *,
    limit: int = 50,
    before: datetime | None = None,
    since: datetime | None = None,
    parts: Parts | None = None,
    for_admin: bool = False,
) -> Timeline:
    """Return what happened in ``[since, before)``, newest first.

    A page never ends between things of one instant, so that the next one begins after all of them:
    it is longer than ``limit`` where several happened at once.

    Args:
        now: the present time.
        limit: how many items.
        before: only what happened before; None: all.
        since: only what did not happen before; None: all.
        parts: what it is made of; None: everything.
        for_admin: with what only admins may know.
    """
    sources = _sources(parts or Parts(), before, since, now, for_admin=for_admin)
    found = [source.newest(limit + 1) for source in sources]
    items = _merged(found)
    if len(items) <= limit:
        return Timeline(tuple(items), None)
    last_at = items[limit - 1].at
    # Where a source was cut off within the last instant, all of that is fetched.
    is_cut = [len(each) > limit and each[-1].at >= last_at for each in found]
    whole = [
        source.down_to(last_at) if cut else each
        for source, each, cut in zip(sources, found, is_cut, strict=True)
    ]
    page = [item for item in _merged(whole) if item.at >= last_at]
    has_more = items[-1].at < last_at or any(
        source.has_before(last_at) for source, cut in zip(sources, is_cut, strict=True) if cut
    )
    return Timeline(tuple(page), last_at if has_more else None)


class _Source(Protocol):
    """One kind of items, newest first."""

    def newest(self, count: int) -> Sequence[Item]:
        """Return at most so many; fewer: there are no more."""

    def down_to(self, at: datetime) -> Sequence[Item]:
        """Return all that did not happen before; perhaps some that did."""

    def has_before(self, at: datetime) -> bool:
        """Tell whether something happened before."""


def _sources(
    parts: Parts,
    before: datetime | None,
    since: datetime | None,
    now: datetime,
    *,
    for_admin: bool,
) -> list[_Source]:
    sources: list[_Source] = []
    if parts.states:
        sources.append(_States(before, since, now))
    if parts.wakes:
        sources.append(_Wakes(before, since, now))
    if parts.events is not None:
        choice = replace(parts.events, before=before, since=since)
        sources.append(_Events(choice, for_admin=for_admin))
    return sources


def _merged(found: Sequence[Sequence[Item]]) -> list[Item]:
    return sorted((item for items in found for item in items), key=lambda it: it.at, reverse=True)


class _States:
    def __init__(self, before: datetime | None, since: datetime | None, now: datetime) -> None:
        self._before, self._since, self._now = before, since, now
        self._later: list[StateChange] = []
        if before is not None:
            later = StateChange.objects.filter(at__gte=before).order_by("at", "pk")
            self._later = list(later[:2])

    def newest(self, count: int) -> list[StateItem]:
        # A restart is two changes, and one more tells whether the last pair is complete.
        return self._items(list(self._changes()[: 2 * count + 1]))[:count]

    def down_to(self, at: datetime) -> list[StateItem]:
        older = StateChange.objects.filter(at__lt=at)[:1]
        return self._items([*self._changes().filter(at__gte=at), *older])

    def has_before(self, at: datetime) -> bool:
        changes = self._changes().filter(at__lt=at)
        return (changes.filter(at__gte=self._since) if self._since else changes).exists()

    def _changes(self) -> QuerySet[StateChange]:
        changes = StateChange.objects.all()
        return changes if self._before is None else changes.filter(at__lt=self._before)

    def _items(self, rows: list[StateChange]) -> list[StateItem]:
        since = self._since
        items = state_items(rows, self._later, self._now)
        return [item for item in items if since is None or item.at >= since]


class _Wakes:
    def __init__(self, before: datetime | None, since: datetime | None, now: datetime) -> None:
        wakes = Wake.objects.all()
        if before is not None:
            wakes = wakes.filter(requested_at__lt=before)
        if since is not None:
            wakes = wakes.filter(requested_at__gte=since)
        self._wakes, self._now = wakes, now

    def newest(self, count: int) -> list[WakeItem]:
        return self._items(self._wakes[:count])

    def down_to(self, at: datetime) -> list[WakeItem]:
        return self._items(self._wakes.filter(requested_at__gte=at))

    def has_before(self, at: datetime) -> bool:
        return self._wakes.filter(requested_at__lt=at).exists()

    def _items(self, wakes: QuerySet[Wake]) -> list[WakeItem]:
        return [WakeItem(wake.requested_at, wake_overview(wake, self._now)) for wake in wakes]


class _Events:
    def __init__(self, choice: Choice, *, for_admin: bool) -> None:
        self._choice, self._for_admin = choice, for_admin

    def newest(self, count: int) -> list[EventItem]:
        found = reading.newest(self._choice, count)
        return [item_of(event, for_admin=self._for_admin) for event in found]

    def down_to(self, at: datetime) -> list[EventItem]:
        found = reading.down_to(self._choice, at)
        return [item_of(event, for_admin=self._for_admin) for event in found]

    def has_before(self, at: datetime) -> bool:
        return reading.has_before(self._choice, at)
