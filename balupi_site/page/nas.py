"""The NAS in words: the sentence on top of the page, and how BaluPi knows; see ``waking.py`` for the wake."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from balupi_site.lib.words import clock, day_and_clock, watts
from balupi_site.page.choice import Choice
from balupi_site.page.waking import failure_shown, seen, wake
from energy.services.latest import stale_after
from nasctl.services import NasOverview, WakeOverview, nas_overview

__all__ = ["SIGNS", "context", "sentence", "wake"]

#: State -> (CSS class, icon, emblem).
SIGNS = {
    "offline": ("asleep", "moon", "night"),
    "booting": ("booting", "sunrise", "dawn"),
    "online": ("online", "sun", "day"),
    "shutting_down": ("shutting", "sunset", "dusk"),
    "unknown": ("unknown", "ask", "grey"),
}
_TROUBLE = {"power_gone", "powered_not_answering", "no_answer", "boot_failed"}
#: A look at the NAS is old after three of its intervals.
_LOOK_STALE_S = 90
#: A wake ends with the state that it led to.
_SAME_MOMENT = dt.timedelta(seconds=10)


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context; names of people are for those who may read the page."""
    overview = nas_overview(now)
    failed = failure_shown(overview)
    told = sentence(overview, now)
    if failed:
        told["why"] = failed.message if choice.is_admin else seen(failed)
    elif who := _woken_by(overview):
        told["why"] = who
    return {
        "nas": told | _witnesses(overview, now),
        "wake": wake(overview, now),
        "may_wake": choice.may_wake,
    }


def sentence(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return the headline's context: what the NAS does, since when, and why; no names of people.

    Where nobody looks at the NAS any more, it says how it was, and looks like it.
    """
    css, icon, emblem = SIGNS[nas.state]
    if _is_failed(nas):
        css, icon, emblem = "failed", "warn", "grey"
    if is_stale := nas.evidence.is_watched is False and nas.state != "unknown":
        css, icon, emblem = "unknown", "clock", "grey"
    return {
        "css": css,
        "icon": icon,
        "emblem": emblem,
        "is_stale": is_stale,
        "is_busy": nas.state in {"booting", "shutting_down", "unknown"},
        "flag": _flag(nas, now, is_stale=is_stale),
        "sentence": _past(nas, now) if is_stale else _headline(nas, now),
        "why": _("BaluPi has not looked since then.") if is_stale else _why(nas, now),
        "open_url": settings.NAS_URL if nas.state == "online" and not is_stale else "",
    }


def _is_failed(nas: NasOverview) -> bool:
    return nas.state == "offline" and (nas.reason in _TROUBLE or _has_no_power(nas))


def _has_no_power(nas: NasOverview) -> bool:
    return nas.why_not_wake is not None and nas.why_not_wake.code == "no_power"


def _headline(nas: NasOverview, now: dt.datetime) -> str:
    if _is_failed(nas):
        return _failed_headline(nas, now)
    since = {"since": day_and_clock(nas.since, now)} if nas.since else {}
    if nas.state == "offline" and since and not nas.is_since_in_future:
        return _("The NAS has been asleep since %(since)s.") % since
    if nas.state == "online" and since and not nas.is_since_in_future:
        return _("The NAS has been awake since %(since)s.") % since
    texts = {
        "offline": _("The NAS is asleep."),
        "online": _("The NAS is awake."),
        "booting": _("The NAS is waking up."),
        "shutting_down": _("The NAS is going to sleep."),
    }
    return texts.get(nas.state, _("Looking for the NAS."))


def _failed_headline(nas: NasOverview, now: dt.datetime) -> str:
    if _has_no_power(nas):
        return _("The plug of the NAS is switched off.")
    if nas.reason == "boot_failed":
        return _("The NAS did not wake up.")
    if nas.reason == "powered_not_answering":
        return _("The NAS is running but does not answer.")
    if nas.since is None or nas.is_since_in_future:
        return _("The NAS is gone.")
    return _("The NAS has been gone since %(since)s.") % {"since": day_and_clock(nas.since, now)}


def _past(nas: NasOverview, now: dt.datetime) -> str:
    """Return how the NAS was when somebody last looked; it may be anything by now."""
    seen_at = nas.evidence.watched_at or now
    is_today = timezone.localtime(seen_at).date() == timezone.localtime(now).date()
    today = {
        "offline": _("At %(at)s the NAS was asleep."),
        "online": _("At %(at)s the NAS was awake."),
        "booting": _("At %(at)s the NAS was waking up."),
        "shutting_down": _("At %(at)s the NAS was going to sleep."),
    }
    before = {
        "offline": _("The NAS was asleep when it was last seen, %(at)s."),
        "online": _("The NAS was awake when it was last seen, %(at)s."),
        "booting": _("The NAS was waking up when it was last seen, %(at)s."),
        "shutting_down": _("The NAS was going to sleep when it was last seen, %(at)s."),
    }
    return (today if is_today else before)[nas.state] % {"at": day_and_clock(seen_at, now)}


def _flag(nas: NasOverview, now: dt.datetime, *, is_stale: bool) -> str:
    """Return the state in two words where the sentence alone could be taken for good news."""
    if nas.state == "unknown":
        return _("Not known yet")
    if is_stale:
        seen_at = nas.evidence.watched_at
        return _("As of %(at)s") % {"at": day_and_clock(seen_at, now)} if seen_at else ""
    if not _is_failed(nas):
        return ""
    if _has_no_power(nas):
        return _("No power")
    return _("Did not wake up") if nas.reason == "boot_failed" else _("No answer")


def _why(nas: NasOverview, now: dt.datetime) -> str:
    if nas.state == "unknown":
        return _("BaluPi has just started. This takes up to 30 seconds.")
    if nas.state == "offline" and _has_no_power(nas):
        return nas.why_not_wake.message if nas.why_not_wake else ""
    if nas.state == "shutting_down" and nas.since and nas.reason == "called_going_offline":
        words = {"at": clock(nas.since)}
        return _("It said good night at %(at)s. Its name moves to the Pi meanwhile.") % words
    if nas.reason == "powered_not_answering" and nas.since:
        words = {"since": day_and_clock(nas.since, now)}
        return _("Since %(since)s. Until it answers, its name leads to the Pi.") % words
    return nas.reason_text


def _woken_by(nas: NasOverview) -> str:
    """Return who woke the NAS that wakes up or is awake; "" where BaluPi did not."""
    last = nas.last_wake
    if last is None or nas.state not in {"booting", "online"} or not _led_here(last, nas):
        return ""
    if not last.requested_by:
        return _("Somebody in the house woke it.")
    return _("%(who)s woke it.") % {"who": last.requested_by}


def _led_here(wake: WakeOverview, nas: NasOverview) -> bool:
    """Tell whether this wake is why the NAS is where it is."""
    if nas.wake is not None:
        return True
    if wake.result != "succeeded" or wake.finished_at is None or nas.since is None:
        return False
    return abs(wake.finished_at - nas.since) < _SAME_MOMENT


def _witnesses(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return what BaluPi saw last, each with its time."""
    seen = nas.evidence
    checked = [look.at for look in (seen.presence, seen.probe) if look]
    longest = stale_after()
    answers = {
        "ok": _("it answers"),
        "refused": _("it is there, but nothing listens"),
        "silent": _("no answer"),
    }
    return {
        "power_w": watts(nas.power_w) if nas.power_w is not None else "",
        "power_at": nas.power_at,
        "power_is_old": nas.power_at is None or now - nas.power_at > longest,
        "power_stale_s": longest.total_seconds(),
        "checked_at": max(checked) if checked else None,
        "look_stale_s": _LOOK_STALE_S,
        "is_unwatched": seen.is_watched is None and nas.state != "unknown",
        "port": answers.get(seen.presence.result, "") if seen.presence else "",
        "port_at": seen.presence.at if seen.presence else None,
        "answered_at": seen.good_probe.at if seen.good_probe else None,
    }
