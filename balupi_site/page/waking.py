"""The wake in words: the button, the stages of the one that runs, and why one failed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from balupi_site.lib.words import span
from nasctl.reasons import WAKE_FAILURES, failure_text
from nasctl.services import NasOverview, WakeOverview, estimated_boot_s

_STAGE_SIGNS = {
    "done": ("done", "done"),
    "waiting": ("", "wait"),
    "failed": ("bad", "bad"),
    "skipped": ("", "wait"),
}
#: The stages of a wake that failed are shown for so long, then only the sentence is left.
_FAILURE_SHOWN_S = 600.0


def wake(nas: NasOverview, now: dt.datetime) -> dict[str, Any]:
    """Return the wake button's context: offered or not and why, or the stages of the one that runs."""
    shown = nas.wake or failure_shown(nas)
    hint = nas.why_not_wake.message if nas.why_not_wake else ""
    return {
        "stages": _stages(shown, now) if shown else [],
        "left": _left(nas.wake) if nas.wake else "",
        "offer": nas.wake is None and nas.state not in {"online", "booting"},
        "can": nas.can_wake,
        "is_no_power": bool(nas.why_not_wake and nas.why_not_wake.code == "no_power"),
        "button": _("Try again") if shown else _("Wake the NAS"),
        "hint": hint or (shown.message if shown else _hint(nas)),
    }


def failure_shown(nas: NasOverview) -> WakeOverview | None:
    """Return the wake that failed just now; None: none did, or the NAS has moved on since."""
    last = nas.last_wake
    is_recent = last is not None and last.result == "failed" and last.age_s < _FAILURE_SHOWN_S
    return last if is_recent and nas.state == "offline" and nas.reason == "boot_failed" else None


def seen(failed: WakeOverview) -> str:
    """Return what a wake that failed looked like, for whoever stands before the NAS.

    Its own message is the owner's: it names settings, unless it tells of something special.
    """
    if failed.message not in map(failure_text, WAKE_FAILURES.values()):
        return failed.message
    waited = {"span": span((failed.deadline_at - failed.requested_at).total_seconds())}
    texts = {
        "power_seen": _("The signal went out again and again for %(span)s, but it drew no power."),
        "port_answered": _("It draws power, but in %(span)s it did not answer on the network."),
        "healthy": _("It is on, but in %(span)s BaluHost did not answer."),
    }
    return texts[failed.failed_stage] % waited


def _hint(nas: NasOverview) -> str:
    if nas.state == "shutting_down":
        return _("It is still going to sleep; the signal is repeated until it wakes up.")
    if nas.reason == "powered_not_answering":
        return _("It is running, so a signal may change nothing. Look at its screen or lights.")
    if nas.last_wake is None:
        return _("Takes a minute or two.")
    return _("Usually takes %(span)s.") % {"span": span(estimated_boot_s())}


def _left(running: WakeOverview) -> str:
    if running.expected_s and running.expected_s >= 1:
        return _("About %(span)s left.") % {"span": span(running.expected_s)}
    if running.remaining_s and running.remaining_s >= 1:
        longest = span(running.remaining_s)
        return _("Longer than usual; BaluPi waits another %(span)s.") % {"span": longest}
    return ""


def _stages(shown: WakeOverview, now: dt.datetime) -> list[dict[str, str]]:
    """Return the stages in words for how they are."""
    rows = []
    is_first_waiting = True
    for stage in shown.stages:
        css, icon = _STAGE_SIGNS[stage.status]
        word, time = stage.label, ""
        if stage.status == "waiting" and is_first_waiting:
            css, icon, is_first_waiting = "now", "going", False
            word = _waiting_words().get(stage.stage, word)
            time = span((now - shown.requested_at).total_seconds())
        elif stage.status == "failed":
            word = _failed_words().get(stage.stage, word)
        elif stage.stage == "packet_sent" and stage.at:
            time = timezone.localtime(stage.at).strftime("%H:%M:%S")
        elif stage.after_s is not None:
            time = _("after %(span)s") % {"span": span(stage.after_s)}
        rows.append({"css": css, "icon": icon, "word": word, "time": time})
    return rows


def _waiting_words() -> dict[str, str]:
    return {
        "power_seen": _("Waiting for it to draw power"),
        "port_answered": _("Waiting for an answer"),
        "healthy": _("Waiting for BaluHost"),
    }


def _failed_words() -> dict[str, str]:
    return {
        "power_seen": _("It draws no power"),
        "port_answered": _("It does not answer on the network"),
        "healthy": _("BaluHost does not answer"),
    }
