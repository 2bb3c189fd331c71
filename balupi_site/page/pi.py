"""The Pi's own health in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from balupi_site.lib.clock import is_plausible
from balupi_site.lib.words import NBSP, UNKNOWN, clock, percent, shown_size, span
from balupi_site.monitor import card
from balupi_site.monitor.meter import meter
from balupi_site.monitor.status import pi_status
from balupi_site.monitor.throttling import Throttling, throttling
from balupi_site.page.choice import Choice

#: It is looked at with every drawing: older than this, the page does not hear from the Pi.
_STALE_S = 30
#: Fuller than this, the database, logs and updates soon stop.
_FULL_SHARE = 0.95
_MIB = 1024 * 1024


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"pi": _pi(now)}


def _pi(now: dt.datetime) -> dict[str, Any]:
    pi = pi_status()
    counter = card.counter(now, pi.uptime_seconds)
    daily = counter.daily_bytes(now) if counter else None
    is_card = counter is not None and counter.is_card
    return {
        "at": meter.sample(now).at,
        "stale_s": _STALE_S,
        "temperature": _celsius(pi.temperature_c),
        "processor": percent(pi.cpu_percent / 100),
        "memory": _used_of(pi.memory_used_mb, pi.memory_total_mb),
        "disk_label": _("Card") if is_card else _("Disk"),
        "disk": _used_of(pi.disk_used_mb, pi.disk_total_mb),
        "disk_is_full": pi.disk_used_mb > _FULL_SHARE * pi.disk_total_mb,
        "uptime": span(pi.uptime_seconds).replace(" ", NBSP),
        "clock_is_set": is_plausible(now),
        "daily": shown_size(daily) if daily is not None else "",
        **_written(now),
        **_throttled(throttling()),
    }


def _celsius(temperature_c: float | None) -> str:
    return "" if temperature_c is None else formats.number_format(round(temperature_c))


def _used_of(used_mib: int, total_mib: int) -> str:
    return _("%(used)s of %(total)s") % {
        "used": shown_size(used_mib * _MIB),
        "total": shown_size(total_mib * _MIB),
    }


def _written(now: dt.datetime) -> dict[str, str]:
    """Return what was written today, and since when, where nobody counted from midnight on."""
    found = card.written(now)
    if found is None:
        return {"written_label": _("Written today"), "written": UNKNOWN}
    began = timezone.localtime(found.since)
    is_whole = (began.hour, began.minute) == (0, 0)
    label = _("Written since %(at)s") % {"at": clock(found.since)}
    return {
        "written_label": _("Written today") if is_whole else label,
        "written": shown_size(found.today_bytes),
    }


def _throttled(known: Throttling | None) -> dict[str, str]:
    """Return what slows the Pi now, or that nothing did; both "" where its firmware does not say."""
    if known is None:
        return {"trouble": "", "cure": "", "calm": ""}
    cable = _("Use the power supply and cable that came with the Pi.")
    if known.has_low_voltage:
        return {"trouble": _("The Pi gets too little power."), "cure": cable, "calm": ""}
    if known.is_slowed:
        cure = _("It is too warm. Give it air or a heat sink.")
        return {"trouble": _("The Pi is slowed down."), "cure": cure, "calm": ""}
    if known.had_low_voltage:
        past = _("The Pi got too little power for a moment.")
        return {"trouble": past, "cure": cable, "calm": ""}
    if known.was_slowed:
        calm = _("not slowed down now, but earlier")
    elif known.is_warm:
        calm = _("warm, a little slower than it could be")
    else:
        calm = _("not slowed down")
    return {"trouble": "", "cure": "", "calm": calm}
