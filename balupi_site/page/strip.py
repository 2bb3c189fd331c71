"""The day as a thin strip of the NAS's states, for pages that are about something else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.page import band
from balupi_site.page.nas import SIGNS
from balupi_site.words import span
from energy.periods import day_span, local_day
from energy.services.figures import household_zone
from nasctl.models import StateChange


def strip(now: dt.datetime) -> dict[str, Any]:
    """Return today's states as parts of 100 % and how long the NAS has slept; two queries."""
    zone = household_zone()
    today = day_span(local_day(now, zone), zone)
    before = StateChange.objects.filter(at__lt=today.start).order_by("-at", "-pk").first()
    changes = StateChange.objects.filter(at__gte=today.start, at__lt=now).order_by("at", "pk")
    moves = [(change.at, change.to_state) for change in changes]
    first = before.to_state if before else "unknown"
    zones = band.zones(moves, first, today.start, today.end, now)
    asleep = sum((z.end - z.start for z in zones if z.state == "offline"), dt.timedelta())
    return {
        "zones": [
            {"x": f"{z.x:.2f}", "width": f"{z.width:.2f}", "css": SIGNS[z.state][0]} for z in zones
        ],
        "told": _("Asleep for %(span)s today") % {"span": span(asleep.total_seconds())},
    }
