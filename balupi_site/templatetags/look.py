"""Template tags of the look: icons, and ages that the page counts on by itself."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from balupi_site.lib.words import ago

register = template.Library()

#: Ages below this are counted on by the page's script; from here on ``ago`` tells whole days.
COUNTED_S = 2 * 24 * 3600


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing to screen readers, so a word stands beside it."""
    return format_html('<svg class="i" aria-hidden="true"><use href="#{}"/></svg>', name)


@register.simple_tag
def cut(name: dict[str, str]) -> SafeString:
    """Draw a name in one line, cut before its end where the line is too short; see ``name_of``."""
    return format_html(
        '<bdi class="file" title="{}"><span>{}</span><span>{}</span></bdi>',
        name["whole"],
        name["head"],
        name["tail"],
    )


@register.simple_tag(takes_context=True)
def age(
    context: template.Context, at: dt.datetime | None, stale_s: float | None = None, words: str = ""
) -> SafeString:
    """Tell how old something is, "6 s ago"; nothing where that is not known.

    Args:
        context: its ``now`` is what ages are counted up to.
        at: when it was seen.
        stale_s: of a live value: from this age on it does not look live any more; None: it is old by
            nature and never looks live.
        words: a translated sentence with "%(ago)s", such as "checked %(ago)s".
    """
    if not at:  # a template gives "" for what its context lacks
        return mark_safe("")
    age_s = max((context["now"] - at).total_seconds(), 0.0)
    # The page counts seconds to hours; an age in days is a new drawing when it changes.
    counted = format_html(' data-age="{}"', _epoch(at)) if age_s < COUNTED_S else ""
    told = format_html('<time{} datetime="{}">{}</time>', counted, at.isoformat(), ago(age_s))
    if words:
        before, _ago, after = words.partition("%(ago)s")
        told = format_html("{}{}{}", before, told, after)
    if stale_s is None:
        return format_html('<span class="age">{}<span>{}</span></span>', icon("clock"), told)
    return format_html(
        '<span class="age live"{}><span>{}</span></span>', stale(context, at, stale_s), told
    )


@register.simple_tag(takes_context=True)
def stale(context: template.Context, at: dt.datetime | None, after_s: float) -> SafeString:
    """Make an element grey once its value is older than so many seconds; at once where it has no age.

    The page's script goes on by ``data-stale-at``; ``data-stale`` is what the stylesheet knows.
    """
    if not at:
        return mark_safe(" data-stale")
    stale_at = _epoch(at) + round(after_s)
    is_stale = context["now"].timestamp() >= stale_at
    return format_html(
        ' data-stale-at="{}"{}', stale_at, mark_safe(" data-stale") if is_stale else ""
    )


@register.simple_tag
def counting() -> SafeString:
    """Give the page's script the words of ages, as attributes of an element."""
    # Translators: an age, such as "6 s ago".
    return format_html('data-ago="{}" ', _("%(span)s ago"))


def _epoch(at: dt.datetime) -> int:
    return round(at.timestamp())
