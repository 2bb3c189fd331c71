"""The dashboard: composes what the apps know into one page and the parts that refresh."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from balupi_site import day_view, energy_view, frontend, inbox_view, nas_view
from balupi_site.access import Need, caller_of, may
from balupi_site.lib.clock import is_plausible
from balupi_site.system import pi_status
from balupi_site.version import VERSION
from balupi_site.words import NBSP, UNKNOWN, ago, kilowatt_hours, span, watts
from energy.models import PlugRole
from energy.services import PlugLatest, latest_readings
from nasctl.services import nas_overview
from pihole.services import Overview as NamesOverview
from pihole.services import overview as names_overview

#: The live parts of the page and the template of each; "inbox" is within "facts".
_PARTS = {
    "nas": "_nas.html",
    "day": "_day.html",
    "energy": "_energy.html",
    "facts": "_facts.html",
    "inbox": "_inbox.html",
}
_WHOLE_PAGE = ("nas", "day", "energy", "facts")
_ICONS = (
    ("freez", "flake"),
    ("fridge", "flake"),
    ("monitor", "screen"),
    ("screen", "screen"),
    ("tv", "screen"),
)


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """Show the page that the NAS built, if there is one, else ours."""
    return frontend.page(request) if frontend.is_installed() else dashboard(request)


@require_safe
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the NAS-built page, which has its own sign-in at this path, or go to ours."""
    if frontend.is_installed():
        return frontend.page(request)
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("login") + (f"?{query}" if query else ""))


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show everything at once; who may not read is asked to sign in."""
    if not _may_read(request):
        return redirect_to_login(request.get_full_path())
    now = timezone.now()
    context = {
        "version": VERSION,
        "time_zone": settings.TIME_ZONE,
        "interval_s": settings.ENERGY_SAMPLE_INTERVAL_SECONDS,
        "is_dev": not settings.IS_PROD,
    }
    for part in _WHOLE_PAGE:
        context |= _part(part, now, for_admin=_is_admin(request))
    return render(request, "dashboard.html", context)


@require_safe
def live(request: HttpRequest, part: str) -> HttpResponse:
    """Show one part anew; 401 tells the page to reload and so to sign in."""
    if part not in _PARTS:
        raise Http404
    if not _may_read(request):
        return HttpResponse(status=401)
    return render(request, _PARTS[part], _part(part, timezone.now(), for_admin=_is_admin(request)))


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Send browsers that guess the icon's address (the admin's pages name none) to the real one."""
    return redirect(static("balupi/icon.svg"))


def _may_read(request: HttpRequest) -> bool:
    return may(caller_of(request), Need.READ)


def _is_admin(request: HttpRequest) -> bool:
    return may(caller_of(request), Need.ADMIN)


def _part(part: str, now: dt.datetime, *, for_admin: bool) -> dict[str, Any]:
    """Return the template context of one part."""
    if part == "nas":
        overview = nas_overview(now)
        return {"nas": nas_view.sentence(overview, now), "wake": nas_view.wake(overview, now)}
    if part == "inbox":
        return {"inbox": inbox_view.inbox(now)}
    if part == "energy":
        return {"energy": energy_view.energy(now)}
    plugs = latest_readings(now)
    if part == "day":
        return {"day": day_view.day(plugs, now), "plugs": _plugs(plugs, {})}
    return {
        "plugs": _plugs(plugs, energy_view.today_wh(now)),
        "names": _names(names_overview(now), now),
        "events": nas_view.events(now, for_admin=for_admin),
        "inbox": inbox_view.inbox(now),
        "snapshot": inbox_view.snapshot(now),
        "pi": _pi(now),
    }


def _plugs(plugs: list[PlugLatest], today_wh: dict[int, float]) -> dict[str, Any]:
    fresh_w = [w for plug in plugs if (w := plug.present_power_w) is not None]
    total_w = sum(fresh_w) if fresh_w else None
    ages = [plug.age_s for plug in plugs if plug.age_s is not None]
    return {
        "rows": [_plug(plug, total_w, today_wh.get(plug.plug.pk)) for plug in plugs],
        "is_stale": bool(plugs) and not fresh_w,
        "age": ago(min(ages)) if ages else "",
        "total_w": watts(total_w) if total_w is not None else None,
        "total_text": watts(total_w),
        "total_kwh": kilowatt_hours(sum(today_wh.values())) if today_wh else "",
        "is_complete": len(fresh_w) == len(plugs),
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


def _names(names: NamesOverview, now: dt.datetime) -> dict[str, Any]:
    statistics = names.statistics
    next_try = ""
    if names.problem and names.next_try_at and names.next_try_at > now:
        wait = span((names.next_try_at - now).total_seconds())
        next_try = _("Next try in %(span)s.") % {"span": wait}
    context: dict[str, Any] = {
        "age": ago(names.age_s),
        "is_fresh": names.age_s is not None and names.age_s < 180,  # noqa: PLR2004  # three looks
        "rows": [
            {
                "name": name.name,
                "is_right": name.ok,
                "where": _where(name.actual, wanted=name.wanted, is_moving=names.is_switching),
            }
            for name in names.names
        ],
        "override": _target(names.override.target) if names.override else "",
        "problem": names.problem.message if names.problem else "",
        "next_try": next_try,
        "blocked_percent": None,
    }
    total = statistics.queries if statistics else None
    blocked = statistics.blocked if statistics else None
    if total is not None and blocked is not None:
        share = 100 * blocked / total if total else 0.0
        context |= {
            "blocked_percent": f"{share:.1f}",
            "blocked_width": round(share, 1),
            "queries": _("%(blocked)s of %(total)s queries in 24 h")
            % {"blocked": f"{blocked:,}", "total": f"{total:,}"},
        }
    return context


def _where(actual: tuple[str, ...] | None, *, wanted: str | None, is_moving: bool) -> str:
    if actual is None:
        return UNKNOWN
    places = {settings.NAS_IP: _("on the NAS"), settings.PI_IP: _("on the Pi")}
    found = ", ".join(places.get(address, address) for address in actual) or _("no address")
    if wanted is not None and actual != (wanted,):
        if is_moving:
            return _("moving %(place)s") % {"place": places.get(wanted, wanted)}
        return _("%(found)s, should be %(place)s") % {
            "found": found,
            "place": places.get(wanted, wanted),
        }
    return found


def _target(target: str) -> str:
    return {"nas": _("on the NAS"), "pi": _("on the Pi")}.get(target, target)


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
