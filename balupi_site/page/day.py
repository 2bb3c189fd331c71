"""The day band: a day of the NAS as sky, the plugs' power as hills before it, events as marks below."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from balupi_site.lib.words import NBSP, UNKNOWN, clock, watts
from balupi_site.page import band
from balupi_site.page.choice import Choice
from balupi_site.page.curves import curves
from balupi_site.page.day_data import (
    Day,
    asleep_of,
    gaps_of,
    idle_w,
    layers_of,
    look,
    now_w,
    scale_of,
    zones_of,
)
from balupi_site.page.day_words import (
    Missing,
    date,
    hourly,
    hours,
    notes,
    reading_words,
    sky_word,
    summary,
    zone_span,
)
from balupi_site.page.marks import Place, marks_of, placed
from balupi_site.page.nas import SIGNS
from balupi_site.page.window import WHOLE_DAY, Part, Window, ticks
from energy.periods import day_span, local_day
from energy.services.latest import stale_after

__all__ = ["context", "curves"]

#: The drawing in CSS pixels: the hills stand below the words of the sky.
HEIGHT, HEAD = 224, 56
_GROUND = HEIGHT - HEAD
#: Narrower than this in percent, a state may be less than 5 px on a phone.
_SLIVER = 1.6
#: Rows of marks that have their place before something happens, so that nothing jumps.
_ROWS_TODAY = 2
_PARTS: tuple[Part | None, ...] = (None, (0, 360), (360, 720), (720, 1080), (1080, 1440))


def context(choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    found = look(choice, now)
    layers = layers_of(found)
    scale = scale_of(found)
    hills = band.hills(layers, scale)
    totals = band.totals(layers, scale)
    zones = zones_of(found)
    asleep = asleep_of(found, layers, scale)
    idle = idle_w(found) if asleep else None
    peak_w = max([*totals.values(), idle or 0.0, *([now_w(layers)] if found.is_live else [])])
    top_w = band.top_w(peak_w)
    gaps = gaps_of(found, totals, scale)
    return {
        **_head(choice, found),
        "plot": _plot(found, zones),
        "zones": [_drawn_zone(zone, found) for zone in zones],
        "hills": [_drawn_hill(hill, number) for number, hill in enumerate(hills, 1) if hill.path],
        "top_units": str(top_w * band.UNITS_PER_W),
        "width_units": str(round(found.shown.seconds * band.UNITS_PER_BUCKET / scale.bucket_s)),
        "ghost": "".join(band.box(*each, idle) for each in asleep if idle),
        "ghost_line": "".join(band.lid(*each, idle) for each in asleep if idle),
        "gaps": [_between(found.shown, start, end) for start, end in gaps],
        "grid": [{"w": str(w), "y": _y(w, top_w)} for w in band.grid(top_w)],
        "now_x": _x(found.shown.percent(now)) if found.has_now else "",
        "now_y": _y(now_w(layers), top_w) if found.is_live else "",
        "ticks": [*_ticks(choice, found.shown)],
        **_reading(found, layers, totals),
        **_marks(choice, found),
        "notes": [
            *notes(found.plugs, _missing(found, totals), gaps, is_today=found.is_today),
            *hourly(found.curves.hourly_until, is_all=found.curves.is_hourly),
        ],
    }


def _missing(found: Day, totals: band.Curve) -> Missing:
    """Return why there is no curve at all."""
    if totals:
        return Missing.NOTHING
    if found.shown.start >= found.now:
        return Missing.STILL_TO_COME
    is_first = found.known_since is None or found.known_since >= found.shown.start
    return Missing.FIRST_DAY if found.is_today and is_first else Missing.EVERYTHING


def _drawn_zone(zone: band.Zone, found: Day) -> dict[str, Any]:
    left, right = (found.shown.percent(at) for at in (zone.start, min(zone.end, found.until)))
    css, icon, _emblem = SIGNS.get(zone.state, ("failed", "warn", ""))
    is_sliver = right - left < _SLIVER
    long, short = zone_span(zone)
    return {
        "x": _x(left),
        "width": _x(right - left),
        "css": css,
        "icon": icon,
        "is_sliver": is_sliver,
        # A state that has just begun ends at the present, not in the future.
        "sliver_x": _x(right if zone.end >= found.until else left),
        "is_last": zone.end >= found.until,
        "word": sky_word(zone.state),
        "duration": short,
        "duration_end": long.removeprefix(short),
        "from": str(round((zone.start - found.shown.start).total_seconds())),
        "until": str(round((zone.end - found.shown.start).total_seconds())),
    }


# ---- the drawing ----


def _plot(found: Day, zones: Sequence[band.Zone]) -> dict[str, str]:
    """Return what the script and the screen reader must know of the drawing."""
    shown = found.shown
    return {
        "start": str(int(shown.start.timestamp())),
        "seconds": str(int(shown.seconds)),
        "until": str(int((found.until - shown.start).total_seconds())),
        "minutes": str(int((found.until - shown.start).total_seconds() // 60)),
        "zone": str(shown.zone),
        "day_minute": str(shown.part[0]),
        "is_whole": "1" if shown.part == WHOLE_DAY else "",
        "summary": summary(zones),
    }


def _drawn_hill(hill: band.Hill, number: int) -> dict[str, Any]:
    holes = ",".join(f"{start} {end}" for start, end in hill.holes)
    return {"path": hill.path, "css": f"hill{number}", "id": f"hill-{number}", "holes": holes}


def _between(shown: Window, start: dt.datetime, end: dt.datetime) -> dict[str, str]:
    left, right = shown.percent(start), shown.percent(end)
    return {"x": _x(left), "width": _x(right - left)}


def _ticks(choice: Choice, shown: Window) -> list[dict[str, Any]]:
    """Return the times of the axis; where a part of the day is shown, each leads to its hour."""
    found = list(ticks(shown))
    return [
        {
            "x": _x(tick.x),
            "anchor": "start" if tick.x == 0 else "end" if number == len(found) - 1 else "middle",
            "label": f"{tick.minute // 60:02}:{tick.minute % 60:02}",
            "is_minor": number % 2 == 1 and number < len(found) - 1,
            "link": _hour_link(choice, shown, tick.minute),
        }
        for number, tick in enumerate(found)
    ]


def _hour_link(choice: Choice, shown: Window, minute: int) -> str:
    length = shown.part[1] - shown.part[0]
    is_hour = minute % 60 == 0 and minute < shown.part[1]
    return choice.link(part=(minute, minute + 60)) if is_hour and 60 < length <= 720 else ""  # noqa: PLR2004  # minutes


def _x(percent: float) -> str:
    return f"{percent:.3f}".rstrip("0").rstrip(".")


def _y(power_w: float, top_w: float) -> str:
    """Return the height of a power in CSS pixels from the top."""
    return f"{HEAD + _GROUND * (1 - power_w / top_w):.1f}"


# ---- the words ----


def _head(choice: Choice, found: Day) -> dict[str, Any]:
    day, today = found.shown.day, local_day(found.now, found.shown.zone)
    has_before = any(it.at < _midnight(found) for it in found.changes)
    has_before = has_before or bool(found.known_since and found.known_since < _midnight(found))
    next_day = day + dt.timedelta(days=1)
    next_link = choice.link(day=None if next_day >= today else next_day)
    return {
        "title": date(day, today),
        "is_today": found.is_today,
        "before": choice.link(day=day - dt.timedelta(days=1)) if has_before else "",
        "after": "" if found.is_today else next_link,
        "today": choice.link(day=None) if not found.is_today and next_day < today else "",
        "parts": _parts(choice),
        "stale_s": round(stale_after().total_seconds()),
    }


def _midnight(found: Day) -> dt.datetime:
    return day_span(found.shown.day, found.shown.zone).start


def _parts(choice: Choice) -> list[dict[str, Any]]:
    # Translators: the parts of a day of six hours each; short, five in a row on a phone.
    names = (
        f"24{NBSP}h",
        _("Night"),
        _("Morning"),
        _("Afternoon"),
        pgettext("of a day", "Evening"),
    )
    found = [
        {"name": name, "link": choice.link(part=part), "is_chosen": part == choice.part}
        for name, part in zip(names, _PARTS, strict=True)
    ]
    if choice.part not in _PARTS and choice.part is not None:
        found.append({"name": hours(choice.part), "link": choice.link(), "is_chosen": True})
    return found


def _reading(found: Day, layers: Sequence[band.Layer], totals: band.Curve) -> dict[str, Any]:
    """Return the line above the drawing: the present, or else the highest moment of the window."""
    if found.has_now:
        return _present(found, layers, totals)
    if not totals:
        read = {"total": UNKNOWN, "when": "", "keys": _keys(layers, {}), "at": None}
        return {"read": read, "words": reading_words()}
    peak = max(sorted(totals), key=lambda number: totals[number])  # the first of equal ones
    at = found.shown.start + dt.timedelta(seconds=(peak + 0.5) * found.curves.bucket_s)
    figures = {number: layer.curve.get(peak) for number, layer in enumerate(layers)}
    # Translators: when the power was highest.
    when = _("highest at %(time)s") % {"time": clock(at)}
    read = {"total": watts(totals[peak]), "when": when, "keys": _keys(layers, figures), "at": None}
    return {"read": read, "words": reading_words()}


def _present(found: Day, layers: Sequence[band.Layer], totals: band.Curve) -> dict[str, Any]:
    """Return what the plugs say; where none does any more, what they said last and when."""
    read_at = max((it.reading.at for it in found.plugs if it.reading), default=None)
    total_w: float | None = None
    figures: dict[int, float | None] = {}
    when = ""
    if found.is_live:
        total_w, figures = now_w(layers), {n: layer.now_w for n, layer in enumerate(layers)}
        when = _("now, %(time)s") % {"time": clock(read_at or found.now)}
    elif totals and read_at:
        last = max(totals)
        total_w, figures = totals[last], {n: it.curve.get(last) for n, it in enumerate(layers)}
        when = _("at %(time)s") % {"time": clock(read_at)}
    keys = _keys(layers, figures)
    read = {"total": watts(total_w), "when": when, "keys": keys, "at": read_at}
    return {"read": read, "words": reading_words()}


def _keys(layers: Sequence[band.Layer], figures: dict[int, float | None]) -> list[dict[str, str]]:
    return [
        {"number": str(number + 1), "name": layer.name, "power_w": watts(figures.get(number))}
        for number, layer in enumerate(layers)
    ]


def _marks(choice: Choice, found: Day) -> dict[str, Any]:
    places = placed(marks_of(found.changes, found.shown, found.now), found.shown)
    list_link = choice.link(events="") if choice.events else ""
    rows = max((place.row + 1 for place in places), default=0)
    rows = max(rows, _ROWS_TODAY) if found.is_today else rows
    return {"marks": [_mark(place, list_link) for place in places], "rows": str(rows)}


def _mark(place: Place, list_link: str) -> dict[str, Any]:
    told = [place.mark.told, *(mark.told for mark in place.others)]
    return {
        "link": f"{list_link}#{place.mark.item}",
        "x": _x(place.x),
        "y": str(22 + 25 * place.row),
        "row": str(place.row),
        "icon": place.mark.icon,
        "word": place.mark.word,
        "side": place.word_side,
        "more": f"+{len(place.others)}" if place.others else "",
        "told": "; ".join(told),
        "is_bad": place.mark.is_bad or any(mark.is_bad for mark in place.others),
    }
