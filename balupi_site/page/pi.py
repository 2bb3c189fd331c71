"""The Pi's own health in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.lib.clock import is_plausible
from balupi_site.page.choice import Choice
from balupi_site.system import pi_status
from balupi_site.words import NBSP, span


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"pi": _pi(now)}


def _pi(now: dt.datetime) -> dict[str, Any]:
    pi = pi_status()
    used_gb, total_gb = pi.disk_used_mb / 1024, pi.disk_total_mb / 1024
    return {
        "temperature_c": pi.temperature_c,
        "cpu_percent": pi.cpu_percent,
        "memory_used_mb": pi.memory_used_mb,
        "memory_total_mb": pi.memory_total_mb,
        "disk_text": _("%(used)s of %(total)s GB")
        % {"used": f"{used_gb:.1f}", "total": f"{total_gb:.1f}"},
        "uptime": span(pi.uptime_seconds).replace(" ", NBSP),
        "clock_is_set": is_plausible(now),
    }
