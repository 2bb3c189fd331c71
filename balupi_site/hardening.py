"""What guards every request and answer: the size of bodies, and what a browser may do with a page."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from balupi_site.lib.answers import short_refusal
from balupi_site.lib.hosts import is_nas_name
from balupi_site.wake_page.views import in_place_of_nas

#: Bodies we know are some hundred bytes long.
_MAX_BODY_BYTES = 64 * 1024
#: Longer ones: the NAS's snapshot, and forms of the admin site with many rows.
_MAX_LONG_BODY_BYTES = 1024 * 1024
_LONG_BODIES = ("/api/handshake/", "/admin/")
#: No page of ours needs any of these.
_PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer", "camera", "geolocation", "gyroscope", "magnetometer", "microphone",
        "payment", "usb",
    )
)  # fmt: skip


class PermissionsMiddleware:
    """Adds ``Permissions-Policy``, the one header that neither Django nor django-csp adds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self._get_response(request)
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        return response


class BodyLimitMiddleware:
    """Answers 413 to a body that nobody here would want.

    The web server knows the length of each body before we are asked, of those in chunks too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        is_long = request.path_info.startswith(_LONG_BODIES)
        limit = _MAX_LONG_BODY_BYTES if is_long else _MAX_BODY_BYTES
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length <= limit:
            return self._get_response(request)
        if is_nas_name(request):  # meant for the NAS: a program that is told 413 never tries again
            return in_place_of_nas(request)
        text = _("The body may have %(limit)s bytes at most.") % {"limit": limit}
        return short_refusal(request, text, 413)
