"""What happened, newest first: states and wakes of the NAS, names, files, plugs."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from balupi_site.events.kinds import Kind, group_of
from balupi_site.events.reading import item_of, recent
from balupi_site.page.choice import Choice
from balupi_site.page.nas import SIGNS
from balupi_site.words import clock, day_and_clock, span
from nasctl.services import Parts, timeline
from nasctl.services.timeline import EventItem, Item, StateItem, WakeItem

#: The strip beside an event; failures have their own.
_STRIPS = {"offline": "asleep", "booting": "dawn", "online": "online", "shutting_down": "dusk"}
_EVENTS = 12
#: States and wakes are shown however old; of the rest what is new. The whole log is in the admin.
_NEWS = dt.timedelta(days=30)
#: What a clock that was wrong called the future would stay on top until then.
_CLOCK_ERROR = dt.timedelta(minutes=1)
_FOR_ALL = (
    Kind.NAMES_OVERRIDDEN,
    Kind.NAMES_RELEASED,
    Kind.INBOX_MOVED,
    Kind.INBOX_HELD_UP,
    Kind.PLUG_ANOMALY,
    Kind.PLUG_ANOMALY_OVER,
    Kind.PLUG_SWITCHED,
)
_FOR_ADMINS = (*_FOR_ALL, Kind.LOGIN_REFUSED, Kind.NAS_CALL_REFUSED)
_GROUP_ICONS = {"names": "sign", "inbox": "nas", "plug": "bolt", "login": "who"}


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"events": events(now, for_admin=choice.is_admin)}


def item_id(item: Item) -> str:
    """Return the fragment that leads to an entry of the list, such as ``ev-wake-…``."""
    if isinstance(item, WakeItem):
        return f"ev-wake-{item.wake.id}"
    return f"ev-{item.kind}-{item.at:%Y%m%d%H%M%S%f}"


def events(now: dt.datetime, *, for_admin: bool = False) -> list[dict[str, Any]]:
    """Return what happened lately, newest first; refused logins and calls for admins only."""
    until = now + _CLOCK_ERROR
    states = timeline(now, limit=_EVENTS, before=until, parts=Parts(events=None))
    items: list[Item] = list(states.items)
    kinds = _FOR_ADMINS if for_admin else _FOR_ALL
    news = recent(kinds, now - _NEWS, until, _EVENTS)
    items += [item_of(event, for_admin=for_admin) for event in news]
    items.sort(key=lambda item: item.at, reverse=True)
    return [_event(item, now) for item in items[:_EVENTS]]


def _event(item: Item, now: dt.datetime) -> dict[str, Any]:
    local, today = timezone.localtime(item.at), timezone.localtime(now).date()
    common = {
        "iso": item.at.isoformat(),
        "clock": clock(item.at),
        "day": "" if local.date() == today else day_and_clock(item.at, now).rsplit(" ", 1)[0],
    }
    if isinstance(item, WakeItem):
        who = item.wake.requested_by or _("a visitor")
        return {
            **common,
            "css": "dawn",
            "icon": "who",
            "is_small": True,
            "sentence": _("Woken by %(who)s") % {"who": who},
        }
    if isinstance(item, EventItem):
        icon = _GROUP_ICONS.get(group_of(item.event_kind), "ask")
        return {
            **common,
            "css": "failed" if item.is_trouble else "unknown",
            "icon": "warn" if item.is_trouble else icon,
            "is_small": not item.is_trouble,
            "sentence": item.sentence,
        }
    css = "failed" if item.is_trouble else _STRIPS.get(item.state, "unknown")
    icon = "warn" if item.is_trouble else SIGNS[item.state][1]
    return {
        **common,
        "css": css,
        "icon": icon,
        "is_small": item.state in {"booting", "shutting_down"},
        "sentence": _told(item),
    }


def _told(item: StateItem) -> str:
    if item.restart_s is not None:
        return _("BaluHost was restarted, away for %(span)s") % {"span": span(item.restart_s)}
    if item.is_trouble:
        return item.reason_text
    lasted = span(item.duration_s) if item.duration_s is not None else "–"
    texts = {
        "online": _("Awake for %(span)s"),
        "offline": _("Asleep for %(span)s"),
        "booting": _("Waking up, %(span)s"),
        "shutting_down": _("Said good-bye, %(span)s to go to sleep"),
        "unknown": _("Not known for %(span)s"),
    }
    return texts[item.state] % {"span": lasted}
