"""The day as a thin strip of the NAS's states, for pages that are about something else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.lib.words import span
from balupi_site.page.day_data import zones_today
from balupi_site.page.nas import SIGNS


def strip(now: dt.datetime) -> dict[str, Any]:
    """Return today's states as parts of 100 % and how long the NAS has slept; one query."""
    zones = zones_today(now)
    asleep = sum((z.end - z.start for z in zones if z.state == "offline"), dt.timedelta())
    return {
        "zones": [
            {"x": f"{z.x:.2f}", "width": f"{z.width:.2f}", "css": _css(z.state)} for z in zones
        ],
        "told": _("Asleep for %(span)s today") % {"span": span(asleep.total_seconds())},
    }


def _css(state: str) -> str:
    """Return a state's colour; what is no state is a failure."""
    return SIGNS[state][0] if state in SIGNS else "failed"
