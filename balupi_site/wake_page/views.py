"""The wake page: what a browser finds where the NAS should be, and the button that wakes it.

See ADR 14. Under the NAS's names it answers every path that asks for a page, "/" included, with
503; the NAS-built page (``frontend/``) stays at the Pi's own names. It shows the NAS's state and the
stages of its wake to anybody, no figures and no names of others; when the NAS slept today only to
those who may read. What it says is made in ``story.py``.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from balupi_site.access import Need, caller_of, may
from balupi_site.lib.answers import json_refusal
from balupi_site.lib.errors import BaluPiError, RefusedError
from balupi_site.lib.hosts import is_nas_name, is_own_path, port_suffix, wants_page
from balupi_site.lib.network import client_address
from balupi_site.lib.queue import enqueue
from balupi_site.lib.throttle import Limit
from balupi_site.lib.words import span
from balupi_site.page import parts
from balupi_site.page.strip import strip
from balupi_site.wake_page.story import Visit, address, story
from nasctl.services import nas_overview, request_wake
from nasctl.tasks import watch_nas

#: A wake takes a minute, and its button is gone while it runs: who needs more is not a person.
_PRESSES = Limit("wake-button", attempts=6, seconds=60)
#: What programs are told to wait: a NAS wakes in about a minute, if somebody wakes it.
_RETRY_AFTER_S = 60
#: How often the page looks again: while something happens, and otherwise.
_BUSY_EVERY_S, _IDLE_EVERY_S = 2, 5


def in_place_of_nas(request: HttpRequest) -> HttpResponse:
    """Answer what was meant for the NAS: the wake page to a person, 503 to a program."""
    if wants_page(request):
        return _page(request, wanted=request.get_full_path(), status=503)
    if _is_form(request):
        # The page then leads to the first page: what was sent is never sent again.
        note = _("What you have just sent did not reach the NAS. Send it again when it is awake.")
        return _page(request, wanted="/", status=503, note=note)
    text = _("The NAS does not answer under this name at present; BaluPi does. It was not woken.")
    response: HttpResponse = json_refusal(text, 503)
    response["Retry-After"] = str(_RETRY_AFTER_S)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def wake(request: HttpRequest) -> HttpResponse:
    """Show the wake page, or wake the NAS by its button or the dashboard's.

    ``next`` is where to go then. The page's script also says which version it ``have``s: it gets 204
    while nothing but time has changed, and the page in place of a redirect.
    """
    wanted = _wanted(request)
    if request.method != "POST":
        is_first = is_nas_name(request) and "have" not in request.GET
        return _page(request, wanted=wanted, status=503 if is_first else 200)
    wait_s = _PRESSES.take(_presser(request))
    if wait_s:
        response = _page(request, wanted=wanted, status=429, wait_s=wait_s)
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
    parts.forget()  # or the dashboard would show the sleeping NAS for another second
    if is_dashboard:
        return redirect("dashboard")
    if "have" in request.POST:
        return _page(request, wanted=wanted, status=200)
    is_in_place = wanted and is_nas_name(request)
    return HttpResponseRedirect(wanted if is_in_place else reverse("wake"))


def _page(
    request: HttpRequest, *, wanted: str, status: int, note: str = "", wait_s: int = 0
) -> HttpResponse:
    now = timezone.now()
    nas = nas_overview(now)
    visit = Visit(
        wanted=wanted or "/",
        is_in_place=is_nas_name(request),
        may_wake=may(caller_of(request), Need.WAKE_BUTTON),
        name=request.user.get_username(),
    )
    told = story(nas, visit, now)
    if request.method == "GET" and request.GET.get("have") == told["version"]:
        response = HttpResponse(status=204)
    else:
        every_s = _IDLE_EVERY_S if nas.state == "offline" else _BUSY_EVERY_S
        more: dict[str, Any] = {"note": note, "wait": _wait(wait_s), "every_s": every_s}
        if may(caller_of(request), Need.READ):  # when the NAS slept tells who was at home
            more["strip"] = strip(now)
        context = told | _links(request, visit) | more
        response = render(request, "wake.html", context, status=status)
    if status == 503:  # noqa: PLR2004
        left_s = nas.wake.expected_s if nas.wake and nas.wake.expected_s else _RETRY_AFTER_S
        response["Retry-After"] = str(max(_BUSY_EVERY_S, round(left_s)))
    response["Cache-Control"] = "no-store"
    return response


def _links(request: HttpRequest, visit: Visit) -> dict[str, str]:
    own = f"http://{settings.PI_IP}{port_suffix(request)}" if visit.is_in_place else ""
    here = visit.wanted if visit.is_in_place else reverse("wake")
    return {"here": here, "nas_url": address(visit), "dashboard_url": own + reverse("dashboard")}


def _wait(wait_s: int) -> dict[str, Any] | None:
    """Return how long a device that pressed too often has to wait, as a sentence that counts."""
    if not wait_s:
        return None
    words = _("Too many tries from this device. Try again in %(span)s.")
    return {"s": wait_s, "words": words, "told": words % {"span": span(wait_s)}}


def _wanted(request: HttpRequest) -> str:
    """Return the path of ``next``, "" where there is none, or one that leads to another host."""
    given = request.POST.get("next", "") or request.GET.get("next", "")
    is_loop = given.partition("?")[0] == reverse("wake")
    return iri_to_uri(given) if is_own_path(given) and not is_loop else ""


def _presser(request: HttpRequest) -> str:
    """Return whose presses are counted together: a user's, or an address's."""
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    return client_address(request)


def _is_form(request: HttpRequest) -> bool:
    """Tell whether a person's browser sent a form; programs that send do not ask for a page.

    One that is too long is refused before anybody knows who sent it, and gets what programs get.
    """
    accepted = request.headers.get("Accept", "").lower()
    return request.method == "POST" and "text/html" in accepted and hasattr(request, "user")
