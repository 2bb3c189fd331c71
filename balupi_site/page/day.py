"""The day band's data: today's samples and changes of state, as the template draws them."""

from __future__ import annotations

import datetime as dt
import threading
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from balupi_site.page import band
from balupi_site.page.choice import Choice
from balupi_site.page.plugs import plugs as plug_figures
from balupi_site.words import span, watts
from energy.models import PlugRole, PowerSample
from energy.periods import day_span, local_day
from energy.services import PlugLatest, latest_readings
from energy.services.figures import household_zone
from energy.services.live import waiting_samples
from nasctl.models import StateChange

#: A phone asks often, and a minute is a fifth of a point of the curve.
_CACHE_S = 60.0

#: State -> (CSS class, icon, gradient of the sky).
_SKIES = {
    "offline": ("asleep", "moon", "ga"),
    "online": ("online", "sun", "go"),
    "booting": ("booting", "sunrise", "gd"),
    "shutting_down": ("shutting", "sunset", "gk"),
    "unknown": ("unknown", "ask", "hatchg"),
}


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    found = latest_readings(now)
    return {"day": day(found, now), "plugs": plug_figures(found, {})}


class _Curves:
    """The last drawn curves, kept for a minute: a phone asks often, the Pi is slow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_at: dt.datetime | None = None
        self._key: tuple[Any, ...] = ()
        self._curves: dict[int, dict[int, float]] = {}

    def get(
        self, start: dt.datetime, end: dt.datetime, now: dt.datetime
    ) -> dict[int, dict[int, float]]:
        """Return the mean power of each plug in each bucket of the day."""
        key = (start, settings.DATABASES["default"]["NAME"])
        with self._lock:
            made_at = self._made_at
            age_s = (now - made_at).total_seconds() if made_at else None
            if age_s is None or key != self._key or not 0 <= age_s < _CACHE_S:
                self._curves = self._read(start, end, now)
                self._key, self._made_at = key, now
            return self._curves

    @staticmethod
    def _read(
        start: dt.datetime, end: dt.datetime, now: dt.datetime
    ) -> dict[int, dict[int, float]]:
        samples: dict[int, list[tuple[dt.datetime, float]]] = defaultdict(list)
        rows = PowerSample.objects.filter(at__gte=start, at__lt=end).values_list(
            "plug_id", "at", "power_w"
        )
        for plug_id, at, power_w in rows.iterator():
            samples[plug_id].append((at, power_w))
        for plug_id, waiting in waiting_samples(now).items():
            samples[plug_id] += [(it.at, it.power_w) for it in waiting if start <= it.at < end]
        return {plug_id: band.buckets(found, start) for plug_id, found in samples.items()}

    def forget(self) -> None:
        """Read anew at the next call."""
        self._made_at = None


curves = _Curves()


def day(plugs: list[PlugLatest], now: dt.datetime) -> dict[str, Any]:
    """Return the template context of today's band."""
    zone = household_zone()
    today = day_span(local_day(now, zone), zone)
    start, end = today.start, today.end
    minutes = round((end - start).total_seconds() / 60)
    found = curves.get(start, end, now)
    ordered = sorted(plugs, key=lambda latest: latest.plug.role != PlugRole.NAS)
    hills, peak_w = band.hills([(it.plug.name, found.get(it.plug.pk, {})) for it in ordered])
    top_w = round(max(peak_w, 20.0) * band.HEAD_ROOM)
    local = timezone.localtime(now)
    zones = [_zone(zone) for zone in _zones(start, end, now)]
    return {
        "title": formats.date_format(local, "l j F"),
        "minutes": minutes,
        "top_w": top_w,
        "zones": zones,
        "hills": [
            {"path": h.path, "css": f"hill{min(len(hills) - i, 3)}"} for i, h in enumerate(hills)
        ],
        "legend": [
            {"number": min(i, 3), "name": latest.plug.name, "power_w": _fresh_watts(latest)}
            for i, latest in enumerate(ordered, 1)
        ],
        "grid": [{"w": w, "y": round(100 - 100 * w / top_w, 2)} for w in band.grid(top_w)],
        "now_x": round(100 * (now - start) / (end - start), 3),
        "ticks": _ticks(start, end),
        "summary": ", ".join(f"{zone['word']} {zone['duration']}" for zone in zones),
        "note": ""
        if peak_w
        else _("The first curve appears within two minutes of the first reading."),
    }


def _fresh_watts(latest: PlugLatest) -> str:
    return watts(latest.present_power_w)


def _zones(start: dt.datetime, end: dt.datetime, now: dt.datetime) -> tuple[band.Zone, ...]:
    before = StateChange.objects.filter(at__lt=start).order_by("-at", "-pk").first()
    changes = StateChange.objects.filter(at__gte=start, at__lt=end).order_by("at", "pk")
    first_state = before.to_state if before else "unknown"
    return band.zones([(c.at, c.to_state) for c in changes], first_state, start, end, now)


def _zone(zone: band.Zone) -> dict[str, Any]:
    css, icon, sky = _SKIES[zone.state]
    words = {
        "offline": _("Asleep"),
        "online": _("Awake"),
        "booting": _("Waking up"),
        "shutting_down": _("Going to sleep"),
        "unknown": _("Not known"),
    }
    return {
        "x": zone.x,
        "width": zone.width,
        "css": css,
        "icon": icon,
        "sky": sky,
        "word": words[zone.state],
        "duration": span((zone.end - zone.start).total_seconds()),
    }


def _ticks(start: dt.datetime, end: dt.datetime) -> list[dict[str, Any]]:
    """Return every third hour of the household's clock; phones show every sixth."""
    zone = timezone.get_default_timezone()
    first = start.astimezone(zone)
    ticks = [{"x": 0.0, "anchor": "start", "label": "00:00", "minor": False}]
    for hour in range(3, 24, 3):
        at = first.replace(hour=hour).astimezone(dt.UTC)  # UTC: a day may have 23 or 25 hours
        x = round(100 * ((at - start) / (end - start)), 3)
        ticks.append({"x": x, "anchor": "middle", "label": f"{hour:02}:00", "minor": hour % 6 == 3})  # noqa: PLR2004
    return [*ticks, {"x": 100.0, "anchor": "end", "label": "24:00", "minor": False}]
