"""Admin: the NAS's state, its history and its wakes; facts, so nothing can be edited here."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import F, QuerySet, Window
from django.db.models.functions import Lead
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin
from balupi_site.words import ago, span, watts
from nasctl import services
from nasctl.models import NasHour, NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import present_moment
from nasctl.reasons import failure_text, is_trouble, reason_text, state_text
from nasctl.services.moves import current_status
from nasctl.state import NasState

_MARKS = {
    NasState.UNKNOWN: "?",
    NasState.OFFLINE: "☾",
    NasState.BOOTING: "◐",
    NasState.ONLINE: "●",
    NasState.SHUTTING_DOWN: "◑",
}


def _badge(state: str) -> SafeString:
    mark = _MARKS[NasState(state)] if state in list(NasState) else "?"
    return format_html("<strong>{} {}</strong>", mark, state_text(state))


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
        return _badge(status.state)

    @admin.display(description=_("for"))
    def lasts(self, status: NasStatus) -> str:
        """Return how long it has lasted."""
        return span(max((timezone.now() - status.since).total_seconds(), 0.0))

    @admin.display(description=_("why"))
    def why(self, status: NasStatus) -> str:
        """Return why, as a sentence."""
        return reason_text(status.reason) or "-"

    @admin.display(description=_("power"))
    def power(self, _status: NasStatus) -> str:
        """Return the power with its age."""
        known = services.nas_overview(timezone.now())
        if known.power_w is None:
            return gettext("not known")
        text = gettext("%(power).1f W (%(state)s), %(age)s")
        return text % {
            "power": known.power_w,
            "state": known.power_state,
            "age": ago(known.power_age_s),
        }

    @admin.display(description=_("last seen"))
    def seen(self, _status: NasStatus) -> str:
        """Return when each witness last had good news."""
        evidence = services.nas_overview(timezone.now()).evidence
        good = (("TCP", evidence.presence_ok), ("HTTP", evidence.good_probe))
        lines = [f"{name} {ago(sighting.age_s)}" for name, sighting in good if sighting]
        return ", ".join(lines) or gettext("not known")

    @admin.display(description=_("names should lead to"))
    def wanted(self, _status: NasStatus) -> str:
        """Return where the names should lead."""
        words = {"nas": gettext("NAS"), "pi": gettext("Pi")}
        return words.get(services.nas_overview(timezone.now()).wanted, gettext("left as they are"))

    @admin.display(description=_("wake"))
    def running_wake(self, status: NasStatus) -> str:
        """Return who wakes it now."""
        return str(status.wake) if status.wake else "-"


@admin.register(StateChange)
class StateChangeAdmin(FactsAdmin):
    """The history of states."""

    list_display = ["at", "change", "lasted", "why", "trouble"]
    list_filter = ["to_state", "reason", "at"]
    date_hierarchy = "at"
    fields = ["at", "change", "why", "reason", "evidence"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StateChange]:
        """Return each change with the moment of the next one."""
        ended_at = Window(Lead("at"), order_by=[F("at").asc(), F("pk").asc()])
        return StateChange.objects.annotate(ended_at=ended_at)

    @admin.display(description=_("change"), ordering="to_state")
    def change(self, change: StateChange) -> SafeString:
        """Return from and to."""
        return format_html("{} → {}", state_text(change.from_state), _badge(change.to_state))

    @admin.display(description=_("lasted"))
    def lasted(self, change: StateChange) -> str:
        """Return how long the state lasted."""
        ended_at = getattr(change, "ended_at", None) or timezone.now()
        return span(max((ended_at - change.at).total_seconds(), 0.0))

    @admin.display(description=_("why"))
    def why(self, change: StateChange) -> str:
        """Return why, as a sentence."""
        return reason_text(change.reason) or change.reason

    @admin.display(description=_("as it should be"), boolean=True)
    def trouble(self, change: StateChange) -> bool:
        """Tell whether nothing is wrong with it."""
        return not is_trouble(change.from_state, change.reason)


@admin.register(Wake)
class WakeAdmin(FactsAdmin):
    """The history of wakes."""

    list_display = ["requested_at", "requested_by", "requested_from", "awake", "took", "stages"]
    list_filter = ["result", "requested_from", "requested_at"]
    search_fields = ["requested_by"]
    date_hierarchy = "requested_at"
    fields = [
        "requested_at",
        "requested_by",
        "requested_from",
        "previous_state",
        "stages",
        "finished_at",
        "awake",
        "what_failed",
    ]

    @admin.display(description=_("awake"), boolean=True)
    def awake(self, wake: Wake) -> bool | None:
        """Tell how it ended; None while it runs."""
        return None if wake.result == WakeResult.RUNNING else wake.result == WakeResult.SUCCEEDED

    @admin.display(description=_("took"))
    def took(self, wake: Wake) -> str:
        """Return how long it took, or how long it has been running."""
        ended_at = wake.finished_at or timezone.now()
        return span(max((ended_at - wake.requested_at).total_seconds(), 0.0))

    @admin.display(description=_("stages"))
    def stages(self, wake: Wake) -> str:
        """Return the stages with their seconds."""
        known = services.wake_overview(wake, timezone.now()).stages
        return ", ".join(
            f"{stage.label} {stage.after_s:.0f} s"
            if stage.after_s is not None
            else f"{stage.label}: {stage.status}"
            for stage in known
            if stage.status != "skipped"
        )

    @admin.display(description=_("what failed"))
    def what_failed(self, wake: Wake) -> str:
        """Return what failed and what to do."""
        return failure_text(wake.message) or "-"


@admin.register(NasHour)
class NasHourAdmin(FactsAdmin):
    """The NAS's hours by state."""

    list_display = ["hour", "state", "lasted", "energy", "known"]
    list_filter = ["state", "hour"]
    list_select_related = ["plug"]
    date_hierarchy = "hour"
    ordering = ["-plug", "-hour", "-state"]  # as the index has it
    fields = ["plug", "hour", "state", "lasted", "energy", "known"]

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
