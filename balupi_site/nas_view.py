"""The NAS in words: the sentence on top of the page, the wake beside it, what happened."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from balupi_site.events.kinds import Kind, group_of
from balupi_site.events.reading import item_of, recent
from balupi_site.words import ago, clock, day_and_clock, span, watts
from nasctl.services import NasOverview, Parts, WakeOverview, timeline
from nasctl.services.timeline import EventItem, Item, StateItem, WakeItem

#: State -> (CSS class, icon, emblem).
_SIGNS = {
    "offline": ("asleep", "moon", "night"),
    "booting": ("booting", "sunrise", "dawn"),
    "online": ("online", "sun", "day"),
    "shutting_down": ("shutting", "sunset", "dusk"),
    "unknown": ("unknown", "ask", "grey"),
}
#: The strip beside an event; failures have their own.
_STRIPS = {"offline": "asleep", "booting": "dawn", "online": "online", "shutting_down": "dusk"}
_STAGE_SIGNS = {
    "done": ("done", "done"),
    "waiting": ("", "wait"),
    "failed": ("bad", "bad"),
    "skipped": ("", "wait"),
}
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
#: A failed wake is the headline for so long, then the state speaks again.
_FAILURE_SHOWN_S = 600.0
_TROUBLE = {"power_gone", "powered_not_answering", "no_answer", "boot_failed"}


def sentence(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return the headline's context: what the NAS does, since when, why, and when we looked."""
    css, icon, emblem = _SIGNS[nas.state]
    is_failed = nas.state == "offline" and nas.reason in _TROUBLE
    if is_failed:
        css, icon, emblem = "failed", "warn", "grey"
    checked = nas.evidence.presence
    return {
        "css": css,
        "icon": icon,
        "emblem": emblem,
        "flag": _flag(nas) if is_failed or nas.state == "unknown" else "",
        "sentence": _headline(nas, now),
        "why": nas.reason_text if nas.state != "unknown" else _("BaluPi has just started."),
        "power_w": watts(nas.power_w) if nas.power_w is not None else None,
        "power_age": ago(nas.power_age_s) if (nas.power_age_s or 0) > 90 else "",  # noqa: PLR2004  # 3 polls
        "checked": _("checked %(ago)s") % {"ago": ago(checked.age_s)} if checked else "",
        "checked_is_fresh": bool(nas.evidence.is_watched),
        "open_url": settings.NAS_URL if nas.state == "online" else "",
    }


def wake(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return the wake button's context: offered or not and why, or the stages of the one that runs."""
    shown = nas.wake or _recent_failure(nas)
    left = ""
    if nas.wake and nas.wake.expected_s:
        left = _("About %(span)s left.") % {"span": span(nas.wake.expected_s)}
    usually = _("Usually takes %(span)s.") % {"span": span(_usual_s(nas))} if nas.last_wake else ""
    return {
        "stages": _stages(shown, now) if shown else [],
        "left": left,
        "offer": nas.wake is None and nas.state != "online",
        "can": nas.can_wake,
        "button": _("Try again") if shown else _("Wake the NAS"),
        "hint": nas.why_not_wake.message
        if nas.why_not_wake
        else (shown.message if shown else usually),
    }


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


def _headline(nas: NasOverview, now: dt.datetime) -> str:
    since = day_and_clock(nas.since, now) if nas.since else ""
    if nas.reason == "boot_failed" and nas.state == "offline":
        return _("The NAS did not wake up.")
    if nas.reason == "powered_not_answering" and nas.state == "offline":
        return _("The NAS is running but does not answer.")
    if nas.reason in _TROUBLE and nas.state == "offline":
        return _("The NAS has been gone since %(since)s.") % {"since": since}
    texts = {
        "offline": _("The NAS has been asleep since %(since)s."),
        "online": _("The NAS has been awake since %(since)s."),
        "booting": _("The NAS is waking up."),
        "shutting_down": _("The NAS is going to sleep."),
        "unknown": _("Looking for the NAS."),
    }
    return texts[nas.state] % {"since": since} if since else texts["unknown"]


def _flag(nas: NasOverview) -> str:
    if nas.state == "unknown":
        return _("Not known yet")
    return _("Did not wake up") if nas.reason == "boot_failed" else _("No answer")


def _recent_failure(nas: NasOverview) -> WakeOverview | None:
    last = nas.last_wake
    is_recent = last is not None and last.result == "failed" and last.age_s < _FAILURE_SHOWN_S
    return last if is_recent and nas.state == "offline" and nas.reason == "boot_failed" else None


def _usual_s(nas: NasOverview) -> float:
    last = nas.last_wake
    healthy = last.stages[-1].after_s if last else None
    return healthy or 60.0


def _stages(shown: WakeOverview, now: dt.datetime) -> list[dict[str, str]]:
    rows = []
    is_first_waiting = True
    for stage in shown.stages:
        css, icon = _STAGE_SIGNS[stage.status]
        if stage.status == "waiting" and is_first_waiting:
            css, icon, is_first_waiting = "now", "going", False
        time = ""
        if stage.stage == "packet_sent" and stage.at:
            time = timezone.localtime(stage.at).strftime("%H:%M:%S")
        elif stage.after_s is not None:
            time = _("after %(span)s") % {"span": span(stage.after_s)}
        elif css == "now":
            time = span((now - shown.requested_at).total_seconds())
        rows.append({"css": css, "icon": icon, "word": stage.label, "time": time})
    return rows


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
    icon = "warn" if item.is_trouble else _SIGNS[item.state][1]
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
