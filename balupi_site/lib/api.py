"""What all API views share: one error shape, URLs without a trailing slash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import URLPattern, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from balupi_site.lib.answers import json_refusal
from balupi_site.lib.errors import (
    BaluPiError,
    PermanentError,
    RefusedError,
    TooManyAttemptsError,
    TransientError,
)

logger = logging.getLogger(__name__)

_STATUS_CODES: dict[type[Exception], int] = {
    TransientError: status.HTTP_503_SERVICE_UNAVAILABLE,
    PermanentError: status.HTTP_502_BAD_GATEWAY,
}


def route(path: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """Return a URL that answers with and without a trailing slash.

    Args:
        path: like ``nas/status``; ``<word>`` stands for one path segment.
        view: the view function.
        name: the URL's name.
    """
    pattern = path.replace("<", "(?P<").replace(">", ">[^/]+)")
    return re_path(rf"^{pattern}/?$", view, name=name)


def exception_handler(exc: Exception, _context: dict[str, Any]) -> Response | None:
    """Turn any expected error into ``{"detail": str, "errors": {field: [str]}}``.

    ``detail`` is always a string (the NAS-built page shows it as it is). RefusedError: 409 with
    its ``code``; TransientError and a database that fails: 503; PermanentError: 502;
    TooManyAttemptsError: 429 with ``Retry-After``.
    """
    if isinstance(exc, BaluPiError):
        return _ours(exc)
    if isinstance(exc, OperationalError):  # locked for long, gone, or its disk is full
        logger.error("the database fails: %s", exc)
        text = _("The Pi's database does not work at present; its log says why.")
        return _error(text, status.HTTP_503_SERVICE_UNAVAILABLE)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(*exc.args[:1])
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    set_rollback()
    if isinstance(exc, exceptions.ValidationError):
        errors = exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}
        fields = ", ".join(errors)
        return _error(
            _("Bad input: %(fields)s.") % {"fields": fields},
            exc.status_code,
            {k: _texts(v) for k, v in errors.items()},
        )
    response = _error(_sentence(exc), exc.status_code)
    if header := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def _sentence(exc: exceptions.APIException) -> str:
    """Return what was wrong and what to do; REST framework's own words leave out the second."""
    if isinstance(exc, exceptions.NotAuthenticated):
        return _("Nobody is signed in. Sign in, or send “Authorization: Bearer TOKEN”.")
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return _("Send JSON, with “Content-Type: application/json”; other bodies are not read.")
    return str(exc.detail)


def _ours(error: BaluPiError) -> Response | None:
    """Answer an error of our own; None where it is one that no edge should have let through."""
    if isinstance(error, RefusedError):
        body = {"detail": str(error), "code": error.code, "errors": {}}
        return Response(body, status=status.HTTP_409_CONFLICT)
    if isinstance(error, TooManyAttemptsError):
        response = _error(str(error), status.HTTP_429_TOO_MANY_REQUESTS)
        response["Retry-After"] = str(error.wait_s)
        return response
    codes = (code for kind, code in _STATUS_CODES.items() if isinstance(error, kind))
    code = next(codes, None)
    return None if code is None else _error(str(error), code)


@csrf_exempt
def not_found(request: HttpRequest, *_args: object, **_kwargs: object) -> JsonResponse:
    """Answer an unknown ``/api`` path with JSON, never with a page."""
    return json_refusal(_("There is no %(path)s here.") % {"path": request.path}, 404)


def _error(detail: str, code: int, errors: dict[str, list[str]] | None = None) -> Response:
    shown = {
        _plain(field): [_plain(text) for text in texts] for field, texts in (errors or {}).items()
    }
    return Response({"detail": _plain(detail), "errors": shown}, status=code)


def _plain(text: str) -> str:
    """Return a text that can be sent: half a character, as JSON may hold it, becomes "?"."""
    return text.encode("utf-8", "replace").decode()


def _texts(detail: Any) -> list[str]:  # noqa: ANN401  # DRF nests lists and dicts freely
    if isinstance(detail, dict):
        return [f"{key}: {text}" for key, value in detail.items() for text in _texts(value)]
    if isinstance(detail, list):
        return [text for value in detail for text in _texts(value)]
    return [str(detail)]
