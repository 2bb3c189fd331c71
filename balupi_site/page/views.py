"""The page's views: the whole of it, what changed since, and its icon."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from balupi_site.access import Need, caller_of, may
from balupi_site.frontend import serving
from balupi_site.lib.clock import household_zone
from balupi_site.page import parts
from balupi_site.page.choice import Choice
from balupi_site.version import VERSION
from energy.periods import local_day

_LONGEST_HAVE = 400


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """Show the page that the NAS built, if there is one, else ours."""
    return serving.page(request) if serving.is_installed() else dashboard(request)


@require_safe
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the NAS-built page, which has its own sign-in at this path, or go to ours."""
    if serving.is_installed():
        return serving.page(request)
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("login") + (f"?{query}" if query else ""))


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show everything at once; who may not read is asked to sign in."""
    if not may(caller_of(request), Need.READ):
        return redirect_to_login(request.get_full_path())
    choice, now = _choice(request), timezone.now()
    context = {
        "choice": choice,
        "parts": {name: parts.drawn(name, choice, now) for name in parts.PARTS},
        "version": VERSION,
        "time_zone": settings.TIME_ZONE,
        "interval_s": settings.ENERGY_SAMPLE_INTERVAL_SECONDS,
        "is_dev": not settings.IS_PROD,
        "now": now,
    }
    return render(request, "dashboard.html", context)


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Send the parts that changed, as they are; 204 where none did, 401 where the page must sign in.

    ``have`` says what the page has: ``nas:1a2b3c4d5e,day:…``. A part that it does not name is sent.
    """
    choice, now = _choice(request), timezone.now()
    have = set(request.GET.get("have", "")[:_LONGEST_HAVE].split(","))
    fresh = (parts.drawn(name, choice, now) for name in parts.PARTS)
    changed = [part for part in fresh if f"{part.name}:{part.version}" not in have]
    response = (
        render(request, "page/live.html", {"parts": changed})
        if changed
        else HttpResponse(status=204)
    )
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Send browsers that guess the icon's address (the admin's pages name none) to the real one."""
    return redirect(static("balupi/icon.svg"))


def _choice(request: HttpRequest) -> Choice:
    caller = caller_of(request)
    return Choice.of(
        request.GET.dict(),
        local_day(timezone.now(), household_zone()),
        is_admin=may(caller, Need.ADMIN),
        may_wake=may(caller, Need.WAKE_BUTTON),
    )
