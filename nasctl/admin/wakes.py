"""Admin: the NAS's wakes and its hours by state; facts, so nothing can be edited here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, badge, moment
from balupi_site.lib.origin import via_text
from balupi_site.lib.words import NBSP, span, watts
from nasctl import services
from nasctl.models import NasHour, Wake, WakeResult
from nasctl.reasons import failure_text
from nasctl.services.overview import StageOverview

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

_RESULTS: dict[str, Tone] = {
    WakeResult.RUNNING: Tone.BUSY,
    WakeResult.SUCCEEDED: Tone.GOOD,
    WakeResult.FAILED: Tone.BAD,
}


class _CameFromFilter(admin.SimpleListFilter):
    """By what they asked, in the words of the list."""

    title = _("from where")
    parameter_name = "from"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return all ways there are."""
        return [(via, via_text(via)) for via in ("page", "api", "command")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the wakes that came by the chosen one."""
        via = self.value()
        return queryset.filter(requested_from=via) if via else queryset


@admin.register(Wake)
class WakeAdmin(FactsAdmin):
    """The history of wakes."""

    list_display = ["when", "result_badge", "who", "came_from", "took", "stages"]
    list_filter = ["result", _CameFromFilter, "requested_at"]
    search_fields = ["requested_by", "message"]
    date_hierarchy = "requested_at"
    fields = [
        "result_badge",
        "requested_at",
        "who",
        "came_from",
        "previous_state",
        "stages",
        "finished_at",
        "took",
    ]
    nothing = _("Nobody has asked to wake the NAS so far.")

    @admin.display(description=_("asked for"), ordering="requested_at")
    def when(self, wake: Wake) -> SafeString:
        """Return how long ago it was asked for."""
        return age(wake.requested_at, timezone.now())

    @admin.display(description=_("result"), ordering="result")
    def result_badge(self, wake: Wake) -> SafeString:
        """Return how it ended, and why it failed."""
        shown = badge(_RESULTS.get(wake.result, Tone.BAD), wake.get_result_display())
        return format_html('{}<span class="why">{}</span>', shown, failure_text(wake.message))

    @admin.display(description=_("who"), ordering="requested_by")
    def who(self, wake: Wake) -> str:
        """Return who asked."""
        return wake.requested_by or gettext("a visitor")

    @admin.display(description=_("from where"), ordering="requested_from")
    def came_from(self, wake: Wake) -> str:
        """Return by what they asked."""
        return via_text(wake.requested_from)

    @admin.display(description=_("took"))
    def took(self, wake: Wake) -> str:
        """Return how long it took, or how long it has been running."""
        ended_at = wake.finished_at or timezone.now()
        return span(max((ended_at - wake.requested_at).total_seconds(), 0.0))

    @admin.display(description=_("stages"))
    def stages(self, wake: Wake) -> SafeString:
        """Return the stages with their seconds, one a line."""
        known = services.wake_overview(wake, timezone.now()).stages
        return format_html_join(
            "",
            '<span class="stage {}">{} <b>{}</b></span>',
            (
                (stage.status, stage.label, _stage_time(stage))
                for stage in known
                if stage.status != "skipped"
            ),
        )


def _stage_time(stage: StageOverview) -> str:
    if stage.after_s is not None:
        return f"{stage.after_s:.0f}{NBSP}s"
    words = {"waiting": gettext("waiting"), "failed": gettext("not reached")}
    return words.get(stage.status, stage.status)


@admin.register(NasHour)
class NasHourAdmin(FactsAdmin):
    """The NAS's hours by state."""

    list_display = ["when", "state", "lasted", "energy", "known"]
    list_filter = ["state", "hour"]
    list_select_related = ["plug"]
    # No date_hierarchy: it reads the whole table for each page.
    show_full_result_count = False
    nothing = _("No hour was split so far; the first one comes within two hours.")
    ordering = ["-plug", "-hour", "-state"]  # as the index has it
    fields = ["plug", "hour", "state", "lasted", "energy", "known"]

    @admin.display(description=_("hour"), ordering="hour")
    def when(self, part: NasHour) -> str:
        """Return the hour's begin as people call it."""
        return moment(part.hour, timezone.now())

    @admin.display(description=_("lasted"), ordering="duration_s")
    def lasted(self, part: NasHour) -> str:
        """Return how long the NAS was in the state."""
        return span(part.duration_s)

    @admin.display(description=_("energy, Wh"), ordering="energy_wh")
    def energy(self, part: NasHour) -> str:
        """Return the energy; a dash where it is not known."""
        return watts(part.energy_wh)

    @admin.display(description=_("of which known"), ordering="known_s")
    def known(self, part: NasHour) -> str:
        """Return how much of the time the energy is of."""
        return span(part.known_s)
