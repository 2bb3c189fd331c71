"""The day band in words: states, dates, what is missing and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import Enum, auto

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from balupi_site.lib.words import NBSP, clock, day_of_month, long_day, span
from balupi_site.page.band import Zone
from balupi_site.page.window import Part
from energy.models import PlugStatus
from energy.services import PlugLatest
from nasctl.models import StateChange
from nasctl.reasons import is_trouble

_FAILED = "failed"
_REFUSALS = (PlugStatus.LOGIN_REFUSED, PlugStatus.NEEDS_SETTING)
#: More gaps than this are not told one by one.
_MOST_GAPS = 2


def sky_key(change: StateChange) -> str:
    """Return the state that a change led to, or "failed:…" with its reason."""
    if change.to_state == "offline" and is_trouble(change.from_state, change.reason):
        return f"{_FAILED}:{change.reason}"
    return change.to_state


def sky_word(key: str) -> str:
    """Return a state in one or two words, as they stand in the sky."""
    words = {
        "offline": _("Asleep"),
        "online": _("Awake"),
        "booting": _("Waking up"),
        "shutting_down": _("Going to sleep"),
        "unknown": _("Not known"),
        f"{_FAILED}:boot_failed": _("Did not wake up"),
        f"{_FAILED}:power_gone": _("No power"),
    }
    return words.get(key, _("No answer"))


def zone_span(zone: Zone) -> tuple[str, str]:
    """Return how long a state lasted that day, and the same without its last unit if that is clear."""
    long = span((zone.end - zone.start).total_seconds())
    unit = f"{NBSP}min"
    return long, long.removesuffix(unit) if f"{NBSP}h" in long else long


def summary(zones: Sequence[Zone]) -> str:
    """Return the day's states for those who cannot see the sky."""
    texts = {
        "offline": _("from %(time)s asleep for %(span)s"),
        "online": _("from %(time)s awake for %(span)s"),
        "booting": _("from %(time)s waking up for %(span)s"),
        "shutting_down": _("from %(time)s going to sleep for %(span)s"),
        "unknown": _("from %(time)s not known for %(span)s"),
    }
    return "; ".join(
        texts.get(zone.state, _("from %(time)s not answering for %(span)s"))
        % {"time": clock(zone.start), "span": zone_span(zone)[0]}
        for zone in zones
    )


def date(day: dt.date, today: dt.date) -> str:
    """Return "Saturday 21 November"; of another year "21 November 2025"."""
    return long_day(day) if day.year == today.year else day_of_month(day, today)


def hours(part: Part) -> str:
    """Return a part of the day, "18:05 to 19:40"."""
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in part)
    return _("%(start)s to %(end)s") % {"start": first, "end": last}


def reading_words() -> dict[str, str]:
    """Return the sentences of the reading, which the page's script fills in."""
    return {
        "at": _("at %(time)s"),
        # Translators: read out while moving through the day, such as "19:12, awake, 35.1 W".
        "told": _("%(time)s, %(state)s, %(power)s W"),
        "none": _("%(time)s, %(state)s, not measured"),
    }


class Missing(Enum):
    """Why there is no curve."""

    NOTHING = auto()
    STILL_TO_COME = auto()
    FIRST_DAY = auto()
    EVERYTHING = auto()


def notes(
    plugs: Sequence[PlugLatest],
    missing: Missing,
    gaps: Sequence[tuple[dt.datetime, dt.datetime]],
    *,
    is_today: bool,
) -> list[dict[str, str]]:
    """Return what is missing from the curve and why, the worst first; "bold" is a failure."""
    found = [_silent(plugs)] if is_today else []
    texts = {
        Missing.STILL_TO_COME: _("This part of the day is still to come."),
        Missing.FIRST_DAY: _(
            "The first day starts here. The first curve comes within two minutes."
        ),
        Missing.EVERYTHING: _("Nothing was measured. Hatched means unknown, not zero."),
    }
    if missing in texts:
        found.append({"text": texts[missing]})
    elif gaps:
        spans = [_gap(*gap) for gap in gaps[:_MOST_GAPS]]
        more = [_("and more")] if len(gaps) > _MOST_GAPS else []
        text = _("Not measured: %(times)s. Hatched means unknown, not zero.")
        found.append({"text": text % {"times": ", ".join([*spans, *more])}})
    return [note for note in found if note]


def hourly(until: dt.datetime | None, *, is_all: bool) -> list[dict[str, str]]:
    """Return that the samples are gone, up to a moment or all of them; nothing where they are there."""
    if until is None:
        return []
    if is_all:
        return [{"text": _("Only the mean of each hour is kept.")}]
    text = _("Until %(time)s only the mean of each hour is kept.")
    return [{"text": text % {"time": clock(until)}}]


def _gap(start: dt.datetime, end: dt.datetime) -> str:
    return _("%(start)s to %(end)s") % {"start": clock(start), "end": clock(end)}


def _silent(plugs: Sequence[PlugLatest]) -> dict[str, str]:
    """Return which plug does not tell of the present; nothing where all do."""
    silent = [it for it in plugs if it.is_stale]
    if not silent:
        return {}
    if len(silent) == len(plugs) and (unread := _unread(silent)):
        return unread
    if len(silent) == len(plugs) and len(plugs) > 1:
        rest = _("The state of the NAS is still right, only the curve is missing.")
        return {"bold": _("No plug answers."), "text": rest}
    names = ", ".join(it.plug.name for it in silent)
    if len(silent) > 1:
        bold = _("The plugs %(names)s do not answer.") % {"names": names}
        return {"bold": bold, "text": _("Their curves are missing.")}
    refuses = silent[0].plug.status in _REFUSALS
    text = (
        _("The plug %(name)s refuses BaluPi.")
        if refuses
        else _("The plug %(name)s does not answer.")
    )
    return {"bold": text % {"name": names}, "text": _since(silent[0])}


def _unread(plugs: Sequence[PlugLatest]) -> dict[str, str]:
    """Return that nobody asked the plugs, as far as they know; nothing where one did not answer."""
    read_at = max((it.reading.at for it in plugs if it.reading), default=None)
    if read_at is None or any(it.plug.status != PlugStatus.OK for it in plugs):
        return {}
    bold = _("BaluPi has not read its plugs since %(time)s.") % {"time": clock(read_at)}
    return {"bold": bold, "text": ""}


def _since(plug: PlugLatest) -> str:
    if plug.reading is None:
        return _("Its curve appears once it does.")
    # Translators: since a time, the curve of a plug is missing.
    text = pgettext("plug", "Its curve is missing since %(time)s.")
    return text % {"time": clock(plug.reading.at)}
