"""The NAS's sky for pages that are about something else, such as the sign-in."""

from __future__ import annotations

from django import template
from django.db import DatabaseError
from django.utils import timezone

from balupi_site.page.nas import sentence
from balupi_site.wake_page.story import SKY_COLORS
from nasctl.services import nas_overview

register = template.Library()


@register.simple_tag(takes_context=True)
def nas_sky(context: template.Context) -> dict[str, object]:
    """Return the sky and its colour, the NAS's state, also in words.

    It is looked up once per page; a database that fails makes it a night without words.
    """
    kept: dict[str, object] | None = context.render_context.get("nas_sky")
    if kept is None:
        kept = context.render_context["nas_sky"] = _look()
    return kept


def _look() -> dict[str, object]:
    now = timezone.now()
    try:
        nas = nas_overview(now)
    except DatabaseError:
        return {"sky": "night", "color": SKY_COLORS["night"], "sentence": "", "state": ""}
    told = sentence(nas, now)
    return {
        "sky": told["emblem"],
        "color": SKY_COLORS[told["emblem"]],
        "sentence": told["sentence"],
        "state": nas.state,
    }
