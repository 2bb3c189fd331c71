"""Admin: the log of events; facts, so nothing can be edited here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.events.kinds import GROUPS, Kind, kinds_of
from balupi_site.events.models import Event
from balupi_site.events.words import sentence
from balupi_site.lib.admin import FactsAdmin
from balupi_site.words import UNKNOWN, span

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


class _GroupFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "group"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the groups."""
        return [(group, group) for group in GROUPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen group."""
        group = self.value()
        return queryset.filter(kind__in=kinds_of(group)) if group in GROUPS else queryset


@admin.register(Event)
class EventAdmin(FactsAdmin):
    """The log, newest first."""

    list_display = ["at", "kind", "what", "by", "came_from", "lasted", "fine"]
    list_filter = [_GroupFilter, "is_trouble"]
    search_fields = ["subject", "who", "address"]
    # No date_hierarchy: it reads the whole log for each page. Nor is it counted, for the same reason.
    show_full_result_count = False
    fields = ["at", "kind", "what", "by", "came_from", "lasted", "fine", "all_facts"]

    @admin.display(description=_("what"))
    def what(self, event: Event) -> str:
        """Return it as a sentence."""
        return sentence(event)

    @admin.display(description=_("who"), ordering="who")
    def by(self, event: Event) -> str:
        """Return who did it."""
        if event.via == "nas" and event.kind != Kind.NAS_CALL_REFUSED:
            return gettext("the NAS")
        return event.who or (gettext("a visitor") if event.address else "BaluPi")

    @admin.display(description=_("from where"))
    def came_from(self, event: Event) -> str:
        """Return from where it was done."""
        return " ".join(part for part in (event.via, event.address) if part) or UNKNOWN

    @admin.display(description=_("lasted"), ordering="duration_s")
    def lasted(self, event: Event) -> str:
        """Return how long what ended with it had lasted."""
        return UNKNOWN if event.duration_s is None else span(event.duration_s)

    @admin.display(description=_("as it should be"), boolean=True)
    def fine(self, event: Event) -> bool:
        """Tell whether nobody need do anything about it."""
        return not event.is_trouble

    @admin.display(description=_("what else is known"))
    def all_facts(self, event: Event) -> SafeString:
        """Return the facts, indented."""
        text = json.dumps(event.facts, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html("<pre>{}</pre>", text)
