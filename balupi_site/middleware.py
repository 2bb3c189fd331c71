"""What every request and answer of ours goes through; who may what is asked in ``access.py``."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from balupi_site.accounts.authentication import bearer_secret
from balupi_site.accounts.services.tokens import PREFIX as TOKEN_PREFIX
from balupi_site.lib.answers import short_refusal
from balupi_site.lib.hosts import is_nas_name
from balupi_site.lib.origin import serving
from balupi_site.version import VERSION
from balupi_site.wake_page.views import in_place_of_nas

#: First parts of the paths that are ours under the NAS's names too; all others belong to the NAS, which
#: has pages of its own at /login and /admin.
_OURS = frozenset({"api", "dashboard", "live", "wake", "static", "favicon.ico"})
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


class OurAnswerMiddleware:
    """Refuses names that nobody here has; adds ``X-BaluPi`` and what keeps browsers from staying here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        # Some are refused before LocaleMiddleware, and a thread keeps the language of its last visitor.
        translation.activate(translation.get_language_from_request(request))
        try:
            is_in_place_of_nas = is_nas_name(request)
        except DisallowedHost:
            # A name that is neither the Pi's nor the NAS's.
            text = _(
                "BaluPi is not known by this name. Its owner can add it to BALUPI_ALLOWED_HOSTS."
            )
            return _signed(short_refusal(request, text, HTTPStatus.MISDIRECTED_REQUEST))
        response = self._get_response(request)
        if is_in_place_of_nas:
            is_unknown = response.status_code == HTTPStatus.UNAUTHORIZED
            if is_unknown and _brings_token_of_nas(request):
                response = in_place_of_nas(request)
            _let_go(response)
        return _signed(response)


class NasNameMiddleware:
    """Answers what a browser asks the NAS for while the NAS's name leads here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., HttpResponse],
        *_args: Any,  # noqa: ANN401
    ) -> HttpResponse | None:
        """Let a view of ours run, or answer in the NAS's place."""
        match = request.resolver_match
        is_known = match is not None and match.url_name not in {"api-unknown", "elsewhere"}
        is_ours = is_known and request.path_info.split("/")[1] in _OURS
        if is_ours or not is_nas_name(request):
            return None
        return in_place_of_nas(request)


class OriginMiddleware:
    """Lets services know whom they work for (``lib/origin.py``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        with serving(request):
            return self._get_response(request)


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


def _brings_token_of_nas(request: HttpRequest) -> bool:
    """Tell whether it is a page of the NAS that asks: a 401 would have it forget a good login."""
    secret = bearer_secret(request)
    return secret is not None and not secret.startswith(TOKEN_PREFIX)


def _signed(response: HttpResponse) -> HttpResponse:
    response["X-BaluPi"] = VERSION
    return response


def _let_go(response: HttpResponse) -> None:
    """Have nothing kept of an answer in the NAS's place: it would pin the browser to the Pi (ADR 14).

    ``Connection: close`` is the server's to send: waitress does, and closes, where an answer does not
    say how long it is.
    """
    response["Cache-Control"] = "no-store"
    del response["Content-Length"]
    if hasattr(response, "file_to_stream"):
        response.file_to_stream = None  # or waitress finds out how long the file is
