"""What a browser prefers: its language and its light; kept in its cookies, for everybody who uses it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from balupi_site.lib.hosts import is_own_path

THEME_COOKIE = "balupi_theme"
#: "" is as the device wishes.
THEMES = ("", "light", "dark")
_KEPT_S = 365 * 24 * 3600


@require_POST
def prefer(request: HttpRequest) -> HttpResponse:
    """Remember what was chosen, and go back to the page; nonsense changes nothing."""
    given = request.POST.get("next", "")
    response = HttpResponseRedirect(given if is_own_path(given) else reverse("dashboard"))
    language, theme = request.POST.get("language"), request.POST.get("theme")
    if language in dict(settings.LANGUAGES):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    if theme in THEMES:
        _keep(response, THEME_COOKIE, theme)
    return response


def look(request: HttpRequest) -> dict[str, str]:
    """Give every template the light that was chosen, "" for the device's own, and the next one."""
    cookie = request.COOKIES.get(THEME_COOKIE, "")
    theme = cookie if cookie in THEMES else ""
    return {"theme": theme, "next_theme": THEMES[(THEMES.index(theme) + 1) % len(THEMES)]}


def _keep(response: HttpResponse, cookie: str, value: str) -> None:
    response.set_cookie(cookie, value, max_age=_KEPT_S, samesite="Lax", httponly=True)
