"""The plugs in figures: power now, what each used today."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.page.choice import Choice
from balupi_site.page.energy import today_wh
from balupi_site.words import ago, kilowatt_hours, watts
from energy.models import PlugRole
from energy.services import PlugLatest, latest_readings

_ICONS = (
    ("freez", "flake"),
    ("fridge", "flake"),
    ("monitor", "screen"),
    ("screen", "screen"),
    ("tv", "screen"),
)


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"plugs": plugs(latest_readings(now), today_wh(now))}


def plugs(found: list[PlugLatest], used_wh: dict[int, float]) -> dict[str, Any]:
    """Return all plugs; ``used_wh`` is today's energy by primary key."""
    fresh_w = [w for plug in found if (w := plug.present_power_w) is not None]
    total_w = sum(fresh_w) if fresh_w else None
    read_at = [plug.reading.at for plug in found if plug.reading is not None]
    return {
        "rows": [_plug(plug, total_w, used_wh.get(plug.plug.pk)) for plug in found],
        "is_stale": bool(found) and not fresh_w,
        "at": max(read_at, default=None),
        "total_w": watts(total_w) if total_w is not None else None,
        "total_text": watts(total_w),
        "total_kwh": kilowatt_hours(sum(used_wh.values())) if used_wh else "",
        "is_complete": len(fresh_w) == len(found),
    }


def _plug(latest: PlugLatest, total_w: float | None, today_wh: float | None) -> dict[str, Any]:
    reading, plug = latest.reading, latest.plug
    name = plug.name.lower()
    icon = (
        "nas"
        if plug.role == PlugRole.NAS
        else next((i for word, i in _ICONS if word in name), "bolt")
    )
    is_fresh = latest.power_w is not None and not latest.is_stale
    return {
        "name": plug.name,
        "icon": icon,
        "power_w": watts(latest.power_w),
        "share": round(100 * latest.power_w / total_w, 1)
        if is_fresh and latest.power_w and total_w
        else 0,
        "today_kwh": kilowatt_hours(today_wh)
        if today_wh is not None and not latest.is_stale
        else "",
        "relay_is_off": reading is not None and reading.relay_on is False,
        "is_stale": latest.is_stale,
        "age": ago(latest.age_s) or _("never read"),
        "problem": plug.status_message,
    }
