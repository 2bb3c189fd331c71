"""What the wake page tells: the NAS's state, the stages of its wake, and the one thing to do next."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.utils.translation import gettext as _

from balupi_site.lib.words import span
from balupi_site.page import nas as nas_words
from balupi_site.page import waking
from nasctl.services import NasOverview, WakeOverview
from pihole.overview import overview as names_overview

#: Until a browser that has not found the NAS under its name is offered the NAS's address.
_DETOUR_AFTER_S = 15
#: A NAS that woke so lately is news; after that it says since when it has been awake.
_NEWS_S = 120
_SHOWN_PATH_LENGTH = 60
#: The sky's upper edge, which phones continue around the page.
SKY_COLORS = {
    "night": "#15133A",
    "dawn": "#2D2A6B",
    "day": "#7CC7C0",
    "dusk": "#3A2F6E",
    "grey": "#3A3842",
}


@dataclass(frozen=True)
class Visit:
    """Who looks, and what for.

    Attributes:
        wanted: path and query of the NAS's page, "/" where there was none.
        is_in_place: under the NAS's name, where the NAS will answer later.
        may_wake: by the button.
        name: of who is signed in, "" for a visitor.
    """

    wanted: str
    is_in_place: bool
    may_wake: bool
    name: str = ""


def story(nas: NasOverview, visit: Visit, now: dt.datetime) -> dict[str, Any]:
    """Return the page's context; ``version`` is another one when more than seconds have passed."""
    told, wake = nas_words.sentence(nas, now), waking.wake(nas, now)
    is_awake = nas.state == "online" and not told["is_stale"]
    failed = waking.failure_shown(nas)
    is_late = is_awake and (nas.age_s or 0) >= _DETOUR_AFTER_S
    headline = _headline(nas, told["sentence"], is_awake=is_awake)
    context = {
        "is_awake": is_awake,
        "sky": told["emblem"],
        "sky_color": SKY_COLORS[told["emblem"]],
        "headline": headline,
        "title": headline.rstrip("."),
        "lines": _lines(nas, told, failed, is_awake=is_awake),
        "path": _path(
            visit, is_awake=is_awake, is_waking=_is_waking(nas, told), is_failed=bool(failed)
        ),
        "stages": _stages(nas.wake or failed, wake["stages"]),
        "done": sum(row["css"] == "done" for row in wake["stages"]) if nas.wake else 0,
        "tips": _tips(failed),
        "offer": wake["offer"] and wake["can"],
        "button": wake["button"],
        "hint": "" if wake["stages"] or not wake["can"] else wake["hint"],
        "detour": _detour(now) if is_late and visit.is_in_place else "",
        "offers_address": is_late or told["is_stale"] or _may_be_up(nas),
        "visit": visit,
    }
    version = hashlib.blake2b(repr(context).encode(), digest_size=5).hexdigest()
    running = nas.wake if not told["is_stale"] else None
    return context | {"version": version, "counts": _counts(running) if running else None}


def _headline(nas: NasOverview, sentence: str, *, is_awake: bool) -> str:
    is_news = is_awake and (nas.age_s or 0) < _NEWS_S
    return _("The NAS is awake.") if is_news else sentence


def _lines(
    nas: NasOverview, told: dict[str, Any], failed: WakeOverview | None, *, is_awake: bool
) -> list[str]:
    if failed:
        return [waking.seen(failed)]
    if _is_waking(nas, told):
        return []
    line = _took(nas) if is_awake else told["why"]
    return [line] if line else []


def _is_waking(nas: NasOverview, told: dict[str, Any]) -> bool:
    return nas.wake is not None and not told["is_stale"]


def _took(nas: NasOverview) -> str:
    last = nas.last_wake
    after_s = last.stages[-1].after_s if last and last.result == "succeeded" else None
    is_news = (nas.age_s or 0) < _NEWS_S
    return _("It took %(span)s.") % {"span": span(after_s)} if after_s and is_news else ""


def _tips(failed: WakeOverview | None) -> list[dict[str, str]]:
    if failed is None:
        return []
    cable = {"icon": "cable", "text": _("Is the network cable in the NAS plugged in?")}
    press = {"icon": "power", "text": _("If so, press the button on the NAS once, briefly.")}
    wait = {"icon": "clock", "text": _("Give it a few more minutes: it goes on by itself.")}
    look = {"icon": "server", "text": _("If nothing happens, look at its screen or lights.")}
    return [cable, press] if failed.failed_stage == "power_seen" else [wait, look]


def _path(visit: Visit, *, is_awake: bool, is_waking: bool, is_failed: bool) -> dict[str, str]:
    """Return which page comes next: a sentence, and in its middle the path where there is one."""
    shown = shown_path(visit)
    if is_waking:
        line = _("You can leave this page open.")
        if shown:
            line = _("You can leave this page open: %(path)s opens by itself.")
    elif not visit.is_in_place:
        line = _("Its pages are at its own address.") if is_awake else ""
    elif is_awake:
        line = _("Taking you to %(path)s.") if shown else _("Taking you there.")
    elif shown and not is_failed:
        line = _("You wanted %(path)s; as soon as the NAS is awake you go straight there.")
    else:
        line = ""
    before, named, after = line.partition("%(path)s")
    return {"before": before, "shown": shown if named else "", "after": after}


def _stages(shown: WakeOverview | None, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the stages; how long the one that runs takes, the page counts by itself."""
    if shown is None:
        return []
    told = [{**row, "time": ""} if row["css"] == "now" else row for row in rows]
    if shown.result == "running":
        return told
    return [row for row in told if row["css"] in {"done", "bad"}]  # what was seen


def _may_be_up(nas: NasOverview) -> bool:
    return nas.state == "unknown" or nas.reason == "powered_not_answering"


def _detour(now: dt.datetime) -> str:
    """Return why the browser is still here though the NAS is awake."""
    names = names_overview(now)
    if names.ok is False and not names.is_switching:
        return _("The name still leads to the Pi, for it could not be moved. BaluPi keeps trying.")
    # Pi-hole's own answers are not to be kept (their time to live is 0), but browsers keep every
    # address for 60 s, whatever it says.
    return _(
        "Nothing happens? This device still remembers the Pi by this name, for a minute at most. "
        "The page keeps trying."
    )


def _counts(running: WakeOverview) -> dict[str, Any]:
    """Return the seconds that the page counts, each with its sentence."""
    elapsed_s = math.floor(running.age_s)
    left_s = math.ceil(running.expected_s or 0)
    longest = span((running.deadline_at - running.requested_at).total_seconds())
    # Translators: the time a wake still takes, such as "45 s".
    left, so_far = _("About %(span)s left."), _("%(span)s so far")
    at_most = _("%(span)s so far, %(longest)s at most").replace("%(longest)s", longest)
    longer = _("Longer than usual.")
    return {
        "elapsed_s": elapsed_s,
        "elapsed": (so_far if left_s else at_most).replace("%(span)s", span(elapsed_s)),
        "elapsed_words": so_far,
        "elapsed_words_late": at_most,
        "left_s": left_s,
        "left": left % {"span": span(left_s)} if left_s else longer,
        "left_words": left,
        "left_words_late": longer,
        "title": span(left_s) if left_s else "",
    }


def shown_path(visit: Visit) -> str:
    """Return the wanted path for people, "" where it says nothing; what follows "?" may be a secret."""
    plain = unquote(visit.wanted.partition("?")[0]).strip("/")
    if not plain or not visit.is_in_place:
        return ""
    return f"/{plain}" if len(plain) < _SHOWN_PATH_LENGTH else f"/{plain[:_SHOWN_PATH_LENGTH]}…"


def address(visit: Visit) -> str:
    """Return the wanted page at the NAS's own address, which always leads to the NAS."""
    return settings.NAS_URL + (visit.wanted if visit.is_in_place else "/")
