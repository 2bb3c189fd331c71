"""Reading the log: rows of chosen kinds, and how much of a row a reader is told."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from balupi_site.events.kinds import PRIVATE_GROUPS, Kind, group_of
from balupi_site.events.models import Event
from balupi_site.events.words import sentence
from balupi_site.lib.kept import retold_facts

#: Before all that can have happened: with a bound, the order by time is a search of its index.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
#: So many rows of a long answer are in memory at once, however many kinds it is made of.
_ROWS_AT_ONCE = 500
_FEWEST_OF_A_KIND = 20


@dataclass(frozen=True)
class Choice:
    """Which events.

    Attributes:
        kinds: only these; None: all.
        without: not these.
        only_trouble: only what somebody may want to do something about.
        since: not before it; None: all.
        before: only before it; None: all.
    """

    kinds: frozenset[Kind] | None = None
    without: frozenset[Kind] = frozenset()
    only_trouble: bool = False
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class EventItem:
    """An event as a reader is told of it.

    Attributes:
        duration_s: seconds that what ended with it had lasted; None: it has no length.
        who, via, address: "" where BaluPi did it by itself, or the reader is not told.
    """

    id: int
    at: datetime
    event_kind: str
    subject: str
    sentence: str
    is_trouble: bool
    duration_s: float | None
    who: str
    via: str
    address: str
    facts: dict[str, Any]
    kind: str = "event"


def item_of(event: Event, *, for_admin: bool) -> EventItem:
    """Return what a reader is told of an event.

    The household reads what happened in the house. Addresses are for admins only; so is, of logins,
    tokens and changes, who it was: a user name that was typed wrongly may be a password.
    """
    told = event if for_admin else _public(event)
    return EventItem(
        id=event.pk,
        at=event.at,
        event_kind=event.kind,
        subject=told.subject,
        sentence=sentence(told),
        is_trouble=event.is_trouble,
        duration_s=event.duration_s,
        who=told.who,
        via=told.via,
        address=told.address,
        facts=retold_facts(told.facts),
    )


def newest(choice: Choice, count: int) -> list[Event]:
    """Return the newest events of a choice, at most so many, newest first.

    A kind at a time: each index ends after a page, however rare the kinds or long the log.
    """
    found = [list(rows[:count]) for rows in _queries(choice, "-at", "-pk")]
    return list(heapq.merge(*found, key=lambda event: (event.at, event.pk), reverse=True))[:count]


def down_to(choice: Choice, at: datetime) -> list[Event]:
    """Return the events of a choice not before an instant, newest first."""
    return list(every(replace(choice, since=max(at, choice.since or at))))


def every(choice: Choice) -> Iterator[Event]:
    """Yield all events of a choice, newest first, fetched a few at a time: the log may be long.

    Between two events nothing is open in the database: a reader that stays would keep SQLite's log of
    writes from being emptied, and a slow client may take hours.
    """
    queries = _queries(choice, "-at", "-pk")
    count = max(_ROWS_AT_ONCE // max(len(queries), 1), _FEWEST_OF_A_KIND)
    found = [_in_parts(rows, count) for rows in queries]
    return heapq.merge(*found, key=lambda event: (event.at, event.pk), reverse=True)


def has_before(choice: Choice, at: datetime) -> bool:
    """Tell whether the choice has events before an instant."""
    return any(rows.filter(at__lt=at).exists() for rows in _queries(choice))


def recent(kinds: Collection[Kind], since: datetime, before: datetime, count: int) -> list[Event]:
    """Return the newest events of some kinds between two moments not far apart, newest first."""
    return list(Event.objects.filter(kind__in=kinds, at__gte=since, at__lt=before)[:count])


def _in_parts(rows: QuerySet[Event], count: int) -> Iterator[Event]:
    """Yield rows that are ordered by -at and -pk; each part begins after the last one of the part before."""
    part = list(rows[:count])
    while part:
        yield from part
        if len(part) < count:
            return
        last = part[-1]
        is_after = Q(at__lt=last.at) | Q(pk__lt=last.pk)
        part = list(rows.filter(is_after, at__lte=last.at)[:count])


def _queries(choice: Choice, *order: str) -> list[QuerySet[Event]]:
    rows = Event.objects.filter(at__gte=choice.since or _EVER).order_by(*order)
    if choice.before is not None:
        rows = rows.filter(at__lt=choice.before)
    if choice.only_trouble:
        rows = rows.filter(is_trouble=True)
    if choice.without:
        rows = rows.exclude(kind__in=choice.without)
    if choice.kinds is None:
        return [rows]
    if choice.only_trouble:  # few, and an index of their own
        return [rows.filter(kind__in=choice.kinds)]
    return [rows.filter(kind=kind) for kind in sorted(choice.kinds)]


def _public(event: Event) -> Event:
    """Return the event as everybody in the house may know it; never to be stored."""
    is_private = group_of(event.kind) in PRIVATE_GROUPS
    is_of_person = group_of(event.kind) in {"login", "token"}
    facts = {"what": event.facts["what"]} if "what" in event.facts else {}
    return Event(
        kind=event.kind,
        at=event.at,
        subject="" if is_of_person else event.subject,
        is_trouble=event.is_trouble,
        duration_s=event.duration_s,
        who="" if is_private else event.who,
        via="" if is_private else event.via,
        facts=facts if is_private else event.facts,
    )
