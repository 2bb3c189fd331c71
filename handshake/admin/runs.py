"""Admin: the log of the inbox's runs; facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, badge
from balupi_site.lib.words import UNKNOWN, shown_size, span
from handshake.models import InboxRun
from handshake.problems import sentence

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


class _TroubleFilter(admin.SimpleListFilter):
    title = _("why it ended early")
    parameter_name = "trouble"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the troubles that there were, in their first words."""
        found = InboxRun.objects.exclude(trouble="").order_by("trouble")
        codes = found.values_list("trouble", flat=True).distinct()
        return [(code, sentence(code, "…").partition(". ")[0]) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen trouble."""
        return queryset.filter(trouble=self.value()) if self.value() else queryset


@admin.register(InboxRun)
class InboxRunAdmin(FactsAdmin):
    """The log of the runs."""

    list_display = [
        "started",
        "result_badge",
        "asked_by",
        "took",
        "moved",
        "failed",
        "tries",
        "why",
    ]
    list_filter = ["asked_by", "started_at", _TroubleFilter]
    search_fields = ["trouble_detail"]
    nothing = _("Nothing was moved so far.")
    date_hierarchy = "started_at"
    fields = [
        "started_at",
        "finished_at",
        "asked_by",
        "moved",
        "files_renamed",
        "files_failed",
        "tries",
        "result_badge",
        "why",
    ]

    @admin.display(description=_("began"), ordering="started_at")
    def started(self, run: InboxRun) -> SafeString:
        """Return how long ago it began."""
        return age(run.started_at, timezone.now())

    @admin.display(description=_("files set aside"), ordering="files_failed")
    def failed(self, run: InboxRun) -> SafeString | str:
        """Return how many files were set aside."""
        return badge(Tone.BAD, run.files_failed) if run.files_failed else "0"

    @admin.display(description=_("took"))
    def took(self, run: InboxRun) -> str:
        """Return how long it took."""
        if run.finished_at is None:
            return UNKNOWN
        return span(max((run.finished_at - run.started_at).total_seconds(), 0.0))

    @admin.display(description=_("moved"), ordering="bytes_moved")
    def moved(self, run: InboxRun) -> str:
        """Return what it moved."""
        text = ngettext("%(n)s file, %(size)s", "%(n)s files, %(size)s", run.files_moved)
        return text % {"n": run.files_moved, "size": shown_size(run.bytes_moved)}

    @admin.display(description=_("result"), ordering="trouble")
    def result_badge(self, run: InboxRun) -> SafeString:
        """Return how it ended."""
        if run.trouble:
            return badge(Tone.WARN, gettext("ended early"))
        if run.finished_at is None:
            return badge(Tone.BUSY, gettext("running, or cut off"))
        return badge(Tone.GOOD, gettext("all moved"))

    @admin.display(description=_("why"))
    def why(self, run: InboxRun) -> str:
        """Return why it ended early."""
        return run.message or UNKNOWN
