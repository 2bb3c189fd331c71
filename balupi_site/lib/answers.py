"""The one shape of a refusal, for what answers before, or beside, REST framework."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse


def is_for_api(request: HttpRequest) -> bool:
    """Tell whether a program asks, which is answered in JSON: every path below ``/api``."""
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def json_refusal(detail: str, status: int) -> JsonResponse:
    """Return the refusal that a program reads; ``detail`` is one sentence for people."""
    return JsonResponse({"detail": detail, "errors": {}}, status=status)


def short_refusal(request: HttpRequest, detail: str, status: int) -> HttpResponse:
    """Return a refusal in one sentence, for a request that no person makes."""
    if is_for_api(request):
        return json_refusal(detail, status)
    return HttpResponse(detail, status=status, content_type="text/plain; charset=utf-8")
