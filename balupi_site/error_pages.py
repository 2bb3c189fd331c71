"""What Django answers where no view does: JSON below ``/api``, a page elsewhere; never what failed inside."""

from __future__ import annotations

import logging
import sys

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page

from balupi_site.lib.answers import is_for_api, json_refusal
from balupi_site.lib.hosts import is_nas_name
from balupi_site.lib.logs import Rarely
from balupi_site.page.preferences import look

logger = logging.getLogger(__name__)
_rarely = Rarely()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django gives it
    """Answer 400: a request that no browser makes."""
    if is_for_api(request):
        return json_refusal(_("This request makes no sense here."), 400)
    return _alone(request, "400.html", 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    if is_for_api(request):
        return json_refusal(_("This is not for you from here."), 403)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    if is_for_api(request):
        return json_refusal(_("There is nothing here."), 404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 where it was the database that failed; the log says why."""
    error = sys.exc_info()[1]
    if isinstance(error, DatabaseError | InterfaceError):
        return database_fails(request, error)
    if is_for_api(request):
        return json_refusal(_("Something went wrong on the Pi; its log says what."), 500)
    return _alone(request, "500.html", 500)


def database_fails(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 503: locked for long, gone, or its disk is full; whatever waits for the NAS tries again."""
    unsaid = _rarely.unsaid("database")  # each open page asks every few seconds
    if unsaid is not None:
        logger.error("the database fails (%s more answers since the last time): %s", unsaid, error)
    if is_for_api(request):
        response: HttpResponse = json_refusal(_("The Pi's database does not work at present."), 503)
    else:
        is_meant_for_nas = is_nas_name(request) and request.method in {"GET", "HEAD"}
        wanted = request.get_full_path() if is_meant_for_nas else "/"
        response = _alone(request, "503.html", 503, nas_url=settings.NAS_URL + wanted)
    response["Retry-After"] = "10"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form that did not come from a page of ours, or is too old."""
    if is_for_api(request):
        return json_refusal(_("The CSRF token is missing or wrong."), 403)
    return csrf_page(request, reason=reason)


def _alone(request: HttpRequest, template: str, status: int, **known: str) -> HttpResponse:
    """Draw a page without the usual context, which would ask the database who is signed in."""
    context = {**known, "theme": look(request)["theme"]}
    return HttpResponse(render_to_string(template, context), status=status)
