"""What every request and answer of ours goes through."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from balupi_site.lib.origin import serving
from balupi_site.version import VERSION


class OurAnswerMiddleware:
    """Adds ``X-BaluPi``; under a switched name also what keeps browsers from sticking to the Pi."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self._get_response(request)
        response["X-BaluPi"] = VERSION
        host = request.META.get("HTTP_HOST", "").rpartition(":")[0] or request.META.get(
            "HTTP_HOST", ""
        )
        if host.lower() in settings.DNS_NAMES:
            # A kept connection or a cached page would pin the browser to the Pi (design, section 10).
            # ``Connection`` is the server's to send: the web process closes these itself.
            response["Cache-Control"] = "no-store"
        return response


class OriginMiddleware:
    """Lets services know whom they work for (``lib/origin.py``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        with serving(request):
            return self._get_response(request)
