"""What happened on a day, newest first: the band of the day turned upright."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.events.kinds import Kind
from balupi_site.events.reading import Choice as Selection
from balupi_site.events.reading import item_of, newest, recent
from balupi_site.lib.clock import household_zone
from balupi_site.page.choice import Choice
from balupi_site.page.day_words import date
from balupi_site.page.event_lines import MOST, Found, first_rows, rows
from balupi_site.page.event_words import nothing
from energy.periods import Span, day_span, local_day
from nasctl.services import Parts, timeline
from nasctl.services.timeline import Item, StateItem, WakeItem

#: States before the day that its first lines are told with.
_CONTEXT = 4
#: What a clock that was wrong called the future would stay on top until then.
_CLOCK_ERROR = dt.timedelta(minutes=1)
#: A home without a state before the day is as new as this.
_NEW_HOME = dt.timedelta(days=7)
#: The filters that show the NAS's states and wakes.
_WITH_STATES = frozenset({"", "nas"})
_KINDS: dict[str, tuple[Kind, ...]] = {
    "nas": (Kind.NAMES_SWITCHED,),
    "inbox": (Kind.INBOX_MOVED, Kind.INBOX_HELD_UP, Kind.INBOX_RECOVERED, Kind.INBOX_RETRIED),
    "names": (Kind.NAMES_SWITCHED, Kind.NAMES_OVERRIDDEN, Kind.NAMES_RELEASED),
    "plug": (Kind.PLUG_ANOMALY, Kind.PLUG_ANOMALY_OVER, Kind.PLUG_SWITCHED),
}
_FOR_ADMINS = {"nas": (Kind.NAS_CALL_REFUSED,), "plug": (Kind.PLUG_UNLOCKED,)}


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    zone = household_zone()
    today = local_day(now, zone)
    day = choice.day or today
    found = _found(choice, day_span(day, zone), now)
    told = rows(found, with_names=choice.events != "nas")
    return {
        "rows": told + first_rows(found, now),
        "is_empty": not told,
        "is_cut": found.is_cut,
        "title": _("What happened today") if day == today else _title(day, today),
        "void": nothing(choice.events, is_today=day == today),
        "tabs": _tabs(choice),
        "all_link": choice.link(events=""),
        "today_link": choice.link(day=None) if day != today else "",
        "earlier": _earlier(choice, found, today),
    }


def _found(choice: Choice, span: Span, now: dt.datetime) -> Found:
    """Ask for a day's items: of the NAS one query each for states and wakes, of the log two."""
    until = min(span.end, now + _CLOCK_ERROR)
    told: Sequence[Item] = ()
    if choice.events in _WITH_STATES:
        parts = Parts(events=None)
        told = timeline(now, limit=MOST + _CONTEXT, before=until, parts=parts).items
    kinds = _kinds(choice)
    news = recent(kinds, span.start, until, MOST + 1)
    of_day = [item for item in told if item.at >= span.start]
    return Found(
        span=span,
        states=[item for item in of_day if isinstance(item, StateItem)],
        wakes=[item for item in of_day if isinstance(item, WakeItem)],
        events=[item_of(event, for_admin=choice.is_admin) for event in news],
        before=[item for item in told if isinstance(item, StateItem) and item.at < span.start],
        earlier_at=_earlier_at(choice, kinds, told, span.start),
        is_cut=len(of_day) + len(news) > MOST,
    )


def _earlier_at(
    choice: Choice, kinds: Sequence[Kind], told: Sequence[Item], start: dt.datetime
) -> dt.datetime | None:
    """Return when something happened last before the day; the log is asked no further than needed."""
    if choice.events in _WITH_STATES:
        state_at = next((item.at for item in told if item.at < start), None)
        found = recent(kinds, state_at or start - _NEW_HOME, start, 1)
        return found[0].at if found else state_at
    found = newest(Selection(kinds=frozenset(kinds), before=start), 1)
    return found[0].at if found else None


def _kinds(choice: Choice) -> list[Kind]:
    groups = [choice.events] if choice.events else list(_KINDS)
    kinds = [kind for group in groups for kind in _KINDS[group]]
    if choice.is_admin:
        kinds += [kind for group in groups for kind in _FOR_ADMINS.get(group, ())]
        kinds += [] if choice.events else [Kind.LOGIN_REFUSED]
    return kinds


def _title(day: dt.date, today: dt.date) -> str:
    return _("What happened on %(day)s") % {"day": date(day, today)}


def _tabs(choice: Choice) -> list[dict[str, Any]]:
    names = {
        "": _("All"),
        "nas": _("NAS"),
        "inbox": _("Inbox"),
        "names": _("Names"),
        "plug": _("Plugs"),
    }
    return [
        {"name": name, "link": choice.link(events=group), "is_chosen": group == choice.events}
        for group, name in names.items()
    ]


def _earlier(choice: Choice, found: Found, today: dt.date) -> dict[str, str] | None:
    """Return the way to the last day before with something to tell; None where there is none known."""
    if found.earlier_at is None:
        return None
    day = local_day(found.earlier_at, household_zone())
    return {"link": choice.link(day=day), "day": date(day, today)}
