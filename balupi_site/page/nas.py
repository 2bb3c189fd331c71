"""The NAS in words: the sentence on top of the page, and the wake beside it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from balupi_site.page.choice import Choice
from balupi_site.words import ago, day_and_clock, span, watts
from nasctl.services import NasOverview, WakeOverview, nas_overview

#: State -> (CSS class, icon, emblem).
SIGNS = {
    "offline": ("asleep", "moon", "night"),
    "booting": ("booting", "sunrise", "dawn"),
    "online": ("online", "sun", "day"),
    "shutting_down": ("shutting", "sunset", "dusk"),
    "unknown": ("unknown", "ask", "grey"),
}
_STAGE_SIGNS = {
    "done": ("done", "done"),
    "waiting": ("", "wait"),
    "failed": ("bad", "bad"),
    "skipped": ("", "wait"),
}
#: A failed wake is the headline for so long, then the state speaks again.
_FAILURE_SHOWN_S = 600.0
_TROUBLE = {"power_gone", "powered_not_answering", "no_answer", "boot_failed"}


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    overview = nas_overview(now)
    return {"nas": sentence(overview, now), "wake": wake(overview, now)}


def sentence(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return the headline's context: what the NAS does, since when, why, and when we looked."""
    css, icon, emblem = SIGNS[nas.state]
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
