"""Admin: the NAS's state, its history and its wakes; facts, so nothing can be edited here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, badge, moment
from balupi_site.lib.words import NBSP, UNKNOWN, ago, span, watts
from nasctl import services
from nasctl.models import NasHour, NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import present_moment
from nasctl.reasons import failure_text, is_trouble, reason_text, state_text
from nasctl.services.moves import current_status
from nasctl.services.overview import NasOverview, StageOverview
from nasctl.state import NasState, PowerState, Reason

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

#: State -> tone, icon and the state's own colour.
_LOOKS: dict[str, tuple[Tone, str, str]] = {
    NasState.UNKNOWN: (Tone.OFF, "ask", "unknown"),
    NasState.OFFLINE: (Tone.OFF, "moon", "asleep"),
    NasState.BOOTING: (Tone.BUSY, "sunrise", "dawn"),
    NasState.ONLINE: (Tone.OFF, "sun", "online"),
    NasState.SHUTTING_DOWN: (Tone.BUSY, "sunset", "dusk"),
}
_RESULTS: dict[str, Tone] = {
    WakeResult.RUNNING: Tone.BUSY,
    WakeResult.SUCCEEDED: Tone.GOOD,
    WakeResult.FAILED: Tone.BAD,
}


_POWER_WORDS: dict[str, Promise] = {
    PowerState.UNKNOWN: _("not known"),
    PowerState.OFF: _("off"),
    PowerState.STANDBY: _("standby"),
    PowerState.IDLE: _("idle"),
    PowerState.ACTIVE: _("busy"),
}


def state_badge(state: str, *, planned: bool = True) -> SafeString:
    """Return a state of the NAS as a badge; one that nobody planned stands out."""
    if state == NasState.OFFLINE and not planned:
        return badge(Tone.BAD, state_text(state), icon="warn")
    tone, icon, css = _LOOKS.get(state, _LOOKS[NasState.UNKNOWN])
    return badge(tone, state_text(state), icon=icon, css=css)


@admin.register(NasStatus)
class NasStatusAdmin(FactsAdmin):
    """The state beside the evidence for it."""

    list_display = ["badge", "lasts", "why", "power", "seen", "wanted", "running_wake"]
    list_select_related = ["wake"]
    fields = [
        "badge",
        "since",
        "why",
        "power",
        "seen",
        "wanted",
        "running_wake",
        "probed",
        "planned",
    ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the one row also before anything was ever seen."""
        current_status(present_moment())
        return super().changelist_view(request, extra_context)

    @admin.display(description=_("state"))
    def badge(self, status: NasStatus) -> SafeString:
        """Return the state as a badge."""
        return state_badge(status.state, planned=status.planned)

    @admin.display(description=_("for"))
    def lasts(self, status: NasStatus) -> str:
        """Return how long it has lasted."""
        return span(max((timezone.now() - status.since).total_seconds(), 0.0))

    @admin.display(description=_("why"))
    def why(self, status: NasStatus) -> str:
        """Return why, as a sentence."""
        return reason_text(status.reason) or UNKNOWN

    @admin.display(description=_("power"))
    def power(self, status: NasStatus) -> str:
        """Return the power with its age."""
        known = _overview(status)
        if known.power_w is None:
            return gettext("not known")
        return gettext("%(power)s W (%(state)s), %(age)s") % {
            "power": watts(known.power_w),
            "state": _POWER_WORDS.get(known.power_state, _POWER_WORDS[PowerState.UNKNOWN]),
            "age": ago(known.power_age_s),
        }

    @admin.display(description=_("last seen"))
    def seen(self, status: NasStatus) -> str:
        """Return when each witness last had good news."""
        evidence = _overview(status).evidence
        good = (("TCP", evidence.presence_ok), ("HTTP", evidence.good_probe))
        lines = [f"{name} {ago(sighting.age_s)}" for name, sighting in good if sighting]
        return ", ".join(lines) or gettext("not known")

    @admin.display(description=_("names should lead to"))
    def wanted(self, status: NasStatus) -> str:
        """Return where the names should lead."""
        words = {"nas": gettext("the NAS"), "pi": gettext("the Pi")}
        return words.get(_overview(status).wanted, gettext("left as they are"))

    @admin.display(description=_("wake"))
    def running_wake(self, status: NasStatus) -> str:
        """Return who wakes it now."""
        return str(status.wake) if status.wake else UNKNOWN


def _overview(status: NasStatus) -> NasOverview:
    """Return what is known now; asked for once for a page."""
    known: NasOverview | None = getattr(status, "overview", None)
    if known is None:
        known = services.nas_overview(timezone.now())
        status.overview = known  # type: ignore[attr-defined]  # for this page only
    return known


class _ReasonFilter(admin.SimpleListFilter):
    title = _("why")
    parameter_name = "reason"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the reasons in words."""
        return [(reason.value, reason_text(reason)) for reason in Reason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen reason; nonsense chooses nothing."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(StateChange)
class StateChangeAdmin(FactsAdmin):
    """The history of states."""

    list_display = ["when", "change", "lasted", "fine", "why"]
    list_filter = ["to_state", "at", _ReasonFilter]
    search_fields = ["reason"]
    date_hierarchy = "at"
    fields = ["at", "change", "fine", "why", "reason", "evidence"]
    nothing = _("The NAS has not changed its state so far.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateChange]:
        """Return each change with the moment of the next one, whatever the list is filtered by."""
        later = StateChange.objects.filter(pk__gt=OuterRef("pk")).order_by("pk")
        return StateChange.objects.annotate(ended_at=Subquery(later.values("at")[:1]))

    @admin.display(description=_("when"), ordering="at")
    def when(self, change: StateChange) -> str:
        """Return the time as people call it."""
        return moment(change.at, timezone.now())

    @admin.display(description=_("change"), ordering="to_state")
    def change(self, change: StateChange) -> SafeString:
        """Return from and to."""
        return format_html(
            '<span class="from">{} →</span> {}',
            state_text(change.from_state),
            state_badge(change.to_state),
        )

    @admin.display(description=_("lasted"))
    def lasted(self, change: StateChange) -> str:
        """Return how long the state lasted."""
        ended_at = getattr(change, "ended_at", None) or timezone.now()
        return span(max((ended_at - change.at).total_seconds(), 0.0))

    @admin.display(description=_("why"))
    def why(self, change: StateChange) -> str:
        """Return why, as a sentence."""
        return reason_text(change.reason) or change.reason

    @admin.display(description=_("as it should be"))
    def fine(self, change: StateChange) -> SafeString:
        """Tell whether anything is wrong with it."""
        if is_trouble(change.from_state, change.reason):
            return badge(Tone.WARN, gettext("unexpected"))
        return badge(Tone.GOOD, gettext("as planned"))


@admin.register(Wake)
class WakeAdmin(FactsAdmin):
    """The history of wakes."""

    list_display = ["when", "result_badge", "who", "came_from", "took", "stages"]
    list_filter = ["result", "requested_from", "requested_at"]
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
        words = {"page": gettext("page"), "api": gettext("program"), "command": gettext("command")}
        return words.get(wake.requested_from, wake.requested_from)

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
