"""``/api/schema`` and ``/api/docs``: the API's description, and a page to read and try it."""

from __future__ import annotations

from pathlib import Path

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.views import APIView

#: Made by ``openapi.py`` in tests; reading it costs the web process nothing.
SCHEMA = Path(__file__).with_name("openapi.json")


class SchemaView(APIView):
    """The API's description."""

    def get(self, _request: Request) -> HttpResponse:
        """Return the API's description as OpenAPI 3.1, in JSON."""
        return HttpResponse(SCHEMA.read_bytes(), content_type="application/json")


@require_safe
@csp_update({"style-src": [SELF, UNSAFE_INLINE]})  # Swagger UI sets styles; its scripts are files
def docs(request: HttpRequest) -> HttpResponse:
    """Show Swagger UI, with its assets from here."""
    return render(request, "api_docs.html")
