"""The wake page: what a browser finds where the NAS should be, and the button that wakes it.

Design, section 10. Under the NAS's names it answers every path that asks for a page, "/" included, with
503; the NAS-built page (``frontend.py``) stays at the Pi's own names. It shows the NAS's state and the
stages of its wake to anybody, and nothing else: no figures, no names of people.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from balupi_site.access import Need, caller_of, may
from balupi_site.lib.errors import BaluPiError, RefusedError
from balupi_site.lib.hosts import is_nas_name, port_suffix, wants_page
from balupi_site.lib.queue import enqueue
from balupi_site.lib.throttle import Limit
from balupi_site.page import nas as nas_words
from balupi_site.words import span
from nasctl.services import NasOverview, nas_overview, request_wake
from nasctl.tasks import watch_nas

#: A wake takes a minute, and its button is gone while it runs: who needs more is not a person.
_PRESSES = Limit("wake-button", attempts=6, seconds=60)
#: What programs are told to wait: a NAS wakes in about a minute, if somebody wakes it.
_RETRY_AFTER_S = 60
#: How often the page looks again: while something happens, and otherwise.
_BUSY_EVERY_S, _IDLE_EVERY_S = 3, 10
#: Until a browser that has not found the NAS under its name is offered the NAS's address.
_DETOUR_AFTER_S = 15
_SHOWN_PATH_LENGTH = 60


def in_place_of_nas(request: HttpRequest) -> HttpResponse:
    """Answer what was meant for the NAS: the wake page to a person, 503 to a program."""
    if wants_page(request):
        return _page(request, wanted=request.get_full_path(), status=503)
    text = _("The NAS does not answer under this name at present; BaluPi does. It was not woken.")
    response = JsonResponse({"detail": text, "errors": {}}, status=503)
    response["Retry-After"] = str(_RETRY_AFTER_S)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def wake(request: HttpRequest) -> HttpResponse:
    """Show the wake page, or wake the NAS by its button or the dashboard's; ``next`` is where to go then."""
    wanted = _wanted(request)
    if request.method != "POST":
        return _page(request, wanted=wanted, status=503 if is_nas_name(request) else 200)
    wait_s = _PRESSES.take(_presser(request))
    if wait_s:
        note = _("Too many tries from this device. Try again in %(span)s.") % {"span": span(wait_s)}
        response = _page(request, wanted=wanted, status=429, note=note)
        response["Retry-After"] = str(wait_s)
        return response
    return _wake(request, wanted)


def _wake(request: HttpRequest, wanted: str) -> HttpResponse:
    is_dashboard = "next" not in request.POST and may(caller_of(request), Need.READ)
    try:
        request_wake(
            requested_by=request.user.get_username(),  # "" for a visitor; the event has the address
            requested_from="page",
            anyway=False,
            now=timezone.now(),
        )
    except BaluPiError as error:
        if is_dashboard:
            messages.error(request, str(error))
            return redirect("dashboard")
        status = 409 if isinstance(error, RefusedError) else 503
        return _page(request, wanted=wanted, status=status, note=str(error))
    enqueue(watch_nas)
    if is_dashboard:
        return redirect("dashboard")
    is_in_place = wanted and is_nas_name(request)
    return HttpResponseRedirect(wanted if is_in_place else reverse("wake"))


def _page(request: HttpRequest, *, wanted: str, status: int, note: str = "") -> HttpResponse:
    now = timezone.now()
    nas = nas_overview(now)
    context = _context(request, nas, wanted or "/", now)
    response = render(request, "wake.html", {**context, "note": note}, status=status)
    if status == 503:  # noqa: PLR2004
        running = nas.wake
        left_s = running.expected_s if running and running.expected_s else _RETRY_AFTER_S
        response["Retry-After"] = str(max(_BUSY_EVERY_S, round(left_s)))
    response["Cache-Control"] = "no-store"
    return response


def _context(
    request: HttpRequest, nas: NasOverview, wanted: str, now: dt.datetime
) -> dict[str, Any]:
    is_in_place = is_nas_name(request)
    is_awake = nas.state == "online"
    is_busy = is_awake or nas.state in {"booting", "shutting_down", "unknown"}
    own = f"http://{settings.PI_IP}{port_suffix(request)}" if is_in_place else ""
    return {
        "nas": nas_words.sentence(nas, now),
        "wake": nas_words.wake(nas, now),
        "is_awake": is_awake,
        "may_wake": may(caller_of(request), Need.WAKE_BUTTON),
        "is_in_place": is_in_place,
        "wanted": wanted,
        "shown_path": _shown(wanted) if is_in_place else "",
        "here": wanted if is_in_place else reverse("wake"),
        "every_s": _BUSY_EVERY_S if is_busy else _IDLE_EVERY_S,
        "offers_detour": is_awake and (nas.age_s or 0) >= _DETOUR_AFTER_S,
        "nas_url": settings.NAS_URL + (wanted if is_in_place else "/"),
        "dashboard_url": own + reverse("dashboard"),
    }


def _wanted(request: HttpRequest) -> str:
    """Return the path of ``next``, "" where there is none, or one that leads to another host."""
    given = request.POST.get("next", "") or request.GET.get("next", "")
    is_ours = given.startswith("/") and url_has_allowed_host_and_scheme(given, allowed_hosts=None)
    is_loop = given.partition("?")[0] == reverse("wake")
    return iri_to_uri(given) if is_ours and not is_loop else ""


def _presser(request: HttpRequest) -> str:
    """Return whose presses are counted together: a user's, or an address's."""
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    return str(request.META.get("REMOTE_ADDR", ""))


def _shown(wanted: str) -> str:
    """Return the wanted path for people, "" where it says nothing; what follows "?" may be a secret."""
    plain = unquote(wanted.partition("?")[0]).strip("/")
    if not plain:
        return ""
    return f"/{plain}" if len(plain) < _SHOWN_PATH_LENGTH else f"/{plain[:_SHOWN_PATH_LENGTH]}…"
