"""Admin: the log of events; facts, so nothing can be edited here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.events.kinds import GROUPS, Kind, group_of, kinds_of
from balupi_site.events.models import Event
from balupi_site.events.words import sentence
from balupi_site.lib.admin import FactsAdmin, Tone, badge, moment
from balupi_site.lib.origin import via_text
from balupi_site.lib.words import UNKNOWN, span

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


_GROUP_WORDS: dict[str, Promise] = {
    "nas": _("the NAS"),
    "wake": _("wakes"),
    "names": _("names"),
    "inbox": _("inbox"),
    "plug": _("plugs"),
    "backup": _("backups"),
    "login": _("logins"),
    "token": _("tokens"),
    "change": _("changes"),
}
#: Group -> the page of the admin where what an event speaks of is shown.
_PAGES = {
    "nas": "nasctl_statechange",
    "wake": "nasctl_wake",
    "names": "pihole_namestatus",
    "inbox": "handshake_inboxstatus",
    "plug": "energy_smartplug",
    "login": "accounts_nasaccount",
    "token": "accounts_token",
}
#: Groups whose subject can be searched for on that page.
_SEARCHED = frozenset({"plug", "login"})


class _GroupFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "group"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the groups."""
        return [(group, _GROUP_WORDS.get(group, group)) for group in GROUPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen group."""
        group = self.value()
        return queryset.filter(kind__in=kinds_of(group)) if group in GROUPS else queryset


@admin.register(Event)
class EventAdmin(FactsAdmin):
    """The log, newest first."""

    list_display = ["when", "severity", "what", "subject_link", "by", "came_from"]
    list_display_links = ["when"]
    list_filter = ["is_trouble", _GroupFilter, "at"]
    search_fields = ["subject", "who", "address"]
    # No date_hierarchy: it reads the whole log for each page. Nor is it counted, for the same reason.
    show_full_result_count = False
    fields = [
        "at", "kind", "severity", "what", "subject_link", "by", "came_from", "lasted", "all_facts",
    ]  # fmt: skip
    nothing = _("Nothing has happened so far.")

    @admin.display(description=_("when"), ordering="at")
    def when(self, event: Event) -> str:
        """Return the time as people call it."""
        return moment(event.at, timezone.now())

    @admin.display(description=_("severity"), ordering="is_trouble")
    def severity(self, event: Event) -> SafeString:
        """Tell whether somebody may want to do something about it, and what kind of thing it is."""
        tone, icon = (Tone.WARN, "") if event.is_trouble else (Tone.OFF, "check")
        return badge(tone, event.get_kind_display(), icon=icon)

    @admin.display(description=_("what"))
    def what(self, event: Event) -> str:
        """Return it as a sentence."""
        return sentence(event)

    @admin.display(description=_("about"), ordering="subject")
    def subject_link(self, event: Event) -> SafeString | str:
        """Lead to what it speaks of."""
        url = subject_url(event)
        name = event.subject or _GROUP_WORDS.get(group_of(event.kind), UNKNOWN)
        return format_html('<a href="{}">{}</a>', url, name) if url else str(name)

    @admin.display(description=_("who"), ordering="who")
    def by(self, event: Event) -> str:
        """Return who did it."""
        if event.via == "nas" and event.kind != Kind.NAS_CALL_REFUSED:
            return gettext("the NAS")
        return event.who or (gettext("a visitor") if event.address else "BaluPi")

    @admin.display(description=_("from where"))
    def came_from(self, event: Event) -> str:
        """Return from where it was done."""
        return " ".join(part for part in (via_text(event.via), event.address) if part) or UNKNOWN

    @admin.display(description=_("lasted"), ordering="duration_s")
    def lasted(self, event: Event) -> str:
        """Return how long what ended with it had lasted."""
        return UNKNOWN if event.duration_s is None else span(event.duration_s)

    @admin.display(description=_("what else is known"))
    def all_facts(self, event: Event) -> SafeString:
        """Return the facts, indented."""
        text = json.dumps(event.facts, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html("<pre>{}</pre>", text)


def subject_url(event: Event) -> str:
    """Return where in the admin that is shown which an event speaks of; "" where it is nowhere."""
    group = group_of(event.kind)
    if group not in _PAGES:
        return ""
    url = reverse(f"admin:{_PAGES[group]}_changelist")
    if group in _SEARCHED and event.subject:
        url += "?" + urlencode({"q": event.subject})
    return url
