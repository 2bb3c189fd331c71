"""What the admin's pages of all apps share: read-only pages, badges, ages, and asking before acting."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

from balupi_site.lib.words import UNKNOWN, ago, ahead, clock, day_and_clock

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin  # takes no parameter at run time

T = TypeVar("T")

_MOST_NAMED = 20
#: A weekday is unambiguous for less than a week.
_CALLED_BY_DAY = timedelta(days=6)
#: An action of a page of the admin: (page, request, chosen rows).
Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]


class Tone(StrEnum):
    """How a badge looks: each has a colour and an icon of its own, as colour alone tells nobody."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    BUSY = "busy"
    OFF = "neutral"


_ICONS = {
    Tone.GOOD: "check",
    Tone.WARN: "warn",
    Tone.BAD: "bad",
    Tone.BUSY: "going",
    Tone.OFF: "wait",
}


class FactsAdmin(_ModelAdmin):
    """Rows that only BaluPi itself writes: nothing can be added, edited or deleted.

    Attributes:
        nothing: a sentence for a list without rows.
    """

    list_per_page = 50
    nothing: str | Promise = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tell that nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that nobody may."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Tell who may use the actions: who may change such rows, though not by a form."""
        return super().has_change_permission(request)


def badge(tone: Tone, text: object, *, icon: str = "", css: str = "", hint: str = "") -> SafeString:
    """Return a state as icon, word and colour.

    Args:
        tone: how good or bad it is.
        text: the word.
        icon: of the sprite, where the tone's own says too little.
        css: one more class, such as of a state of the NAS.
        hint: a sentence that shows under the pointer; never the only place where it is said.
    """
    return format_html(
        '<span class="badge {}"{}><svg class="i" aria-hidden="true"><use href="#{}"/></svg>{}</span>',
        f"{tone} {css}".strip(),
        format_html(' title="{}"', hint) if hint else "",
        icon or _ICONS[tone],
        text,
    )


def once(row: Model, make: Callable[[], T]) -> T:
    """Return what ``make`` returned first for this row: each column of a page asks for the same."""
    kept = vars(row)
    if "once" not in kept:
        kept["once"] = make()
    made: T = kept["once"]
    return made


def yes_or_no(value: bool | None, yes: str, no: str) -> SafeString:
    """Return a good or a bad badge, a dash where it is not known."""
    if value is None:
        return format_html("{}", UNKNOWN)
    return badge(Tone.GOOD, yes) if value else badge(Tone.BAD, no)


def age(at: datetime | None, now: datetime, nothing: str = UNKNOWN) -> SafeString:
    """Return how long ago something was, the exact time under the pointer."""
    if at is None:
        return format_html('<span class="none">{}</span>', nothing)
    past_s = (now - at).total_seconds()
    # What another process notes while a page is drawn is "0 s ago", not "in 0 s".
    told = ago(past_s) if past_s > -1 else ahead(-past_s)
    return format_html(
        '<time class="when" datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        moment(at, now),
        told,
    )


def moment(at: datetime, now: datetime) -> str:
    """Return a time as people call it: 22:14, "Saturday 22:14", or with its whole date."""
    if abs(now - at) < _CALLED_BY_DAY:
        return day_and_clock(at, now)
    return f"{formats.date_format(timezone.localtime(at), 'DATE_FORMAT')} {clock(at)}"


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the question of ``ask_first`` was answered with yes."""
    return request.POST.get("confirmed") == "yes"


def ask_first(
    title: str | Promise, text: str | Promise, button: str | Promise
) -> Callable[[Action], Action]:
    """Make an action of the admin ask before it does anything.

    Args:
        title: the question.
        text: what will happen, in whole sentences.
        button: the word for doing it.
    """

    def decorate(act: Action) -> Action:
        @functools.wraps(act)
        def asked(page: Any, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:  # noqa: ANN401  # any page
            if is_confirmed(request):
                return act(page, request, chosen)
            words = {"title": title, "question": text, "button": button}
            return _question(page, request, chosen, words)

        return asked

    return decorate


def _question(
    page: Any,  # noqa: ANN401  # any page
    request: HttpRequest,
    chosen: QuerySet[Any],
    words: dict[str, str | Promise],
) -> HttpResponse:
    named: Callable[[Any], str] = getattr(page, "named", str)
    related = page.list_select_related or ()
    rows = list(chosen.select_related(*related)[: _MOST_NAMED + 1])
    passed_on = [
        (name, value)
        for name in ("action", "index", "select_across", ACTION_CHECKBOX_NAME)
        for value in request.POST.getlist(name)
    ]
    context = {
        **page.admin_site.each_context(request),
        **words,
        "opts": page.opts,
        "rows": [named(row) for row in rows[:_MOST_NAMED]],
        "more": chosen.count() - _MOST_NAMED if len(rows) > _MOST_NAMED else 0,
        "passed_on": passed_on,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/confirm.html", context)
