"""Admin: the NAS's state and its history; facts, so nothing can be edited here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, badge, moment, once
from balupi_site.lib.words import UNKNOWN, ago, span, watts
from nasctl import services
from nasctl.models import NasStatus, StateChange
from nasctl.moments import present_moment
from nasctl.reasons import is_trouble, reason_text, state_text
from nasctl.services.moves import current_status
from nasctl.services.overview import NasOverview
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
    """Return what is known now."""
    return once(status, lambda: services.nas_overview(timezone.now()))


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
