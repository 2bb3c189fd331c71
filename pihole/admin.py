"""Admin: where the names lead and each switch of them; facts, so nothing can be edited here."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, badge, moment, once
from balupi_site.lib.queue import enqueue
from balupi_site.lib.words import UNKNOWN
from pihole import services
from pihole.models import NameStatus, NameSwitch, Target
from pihole.reasons import told
from pihole.services import Overview
from pihole.tasks import reconcile_names


@admin.register(NameStatus)
class NameStatusAdmin(FactsAdmin):
    """The wishes beside what DNS answers."""

    list_display = ["where", "state", "names_now", "asked", "trouble", "why_there", "changed"]
    fields = [
        "where",
        "state",
        "names_now",
        "trouble",
        "asked",
        "wanted",
        "why_wanted",
        "override",
        "override_by",
        "override_at",
        "changed_at",
    ]
    actions = ["look_now"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the one row also before anything was ever wanted."""
        NameStatus.objects.get_or_create(pk=1)
        return super().changelist_view(request, extra_context)

    @admin.display(description=_("lead to"))
    def where(self, status: NameStatus) -> str:
        """Return the target in words."""
        words = {Target.NAS.value: gettext("the NAS"), Target.PI.value: gettext("the Pi")}
        return words.get(status.target, gettext("left as they are"))

    @admin.display(description=_("state"))
    def state(self, status: NameStatus) -> SafeString:
        """Return whether they lead there."""
        return names_badge(_overview(status))

    @admin.display(description=_("why"))
    def why_there(self, status: NameStatus) -> str:
        """Return whether they follow the NAS, or who holds them there."""
        if not status.target:
            return UNKNOWN
        if status.override:
            return gettext("held by %(who)s") % {"who": status.override_by}
        return gettext("follows the NAS's state")

    @admin.display(description=_("why that is wanted"))
    def why_wanted(self, status: NameStatus) -> str:
        """Return why, in words, whoever holds them elsewhere meanwhile."""
        return told(status.reason) or UNKNOWN

    @admin.display(description=_("DNS answers"))
    def names_now(self, status: NameStatus) -> SafeString:
        """Return one line per name with a mark for right, wrong or not known."""
        marks = {
            True: badge(Tone.GOOD, gettext("right")),
            False: badge(Tone.BAD, gettext("wrong")),
            None: badge(Tone.OFF, gettext("not known"), icon="ask"),
        }
        lines = (
            (name.name, ", ".join(name.actual or ()) or name.answer or UNKNOWN, marks[name.ok])
            for name in _overview(status).names
        )
        return format_html_join(SafeString("<br>"), "{} → {} {}", lines)

    @admin.display(description=_("problem"))
    def trouble(self, status: NameStatus) -> str:
        """Return the problem and the warnings in words."""
        known = _overview(status)
        found = (known.problem, *known.warnings)
        return " ".join(complaint.message for complaint in found if complaint) or UNKNOWN

    @admin.display(description=_("asked"))
    def asked(self, status: NameStatus) -> SafeString:
        """Return the age of what DNS answered."""
        return age(_overview(status).checked_at, timezone.now(), gettext("not yet"))

    @admin.display(description=_("changed"), ordering="changed_at")
    def changed(self, status: NameStatus) -> SafeString:
        """Return how long ago they were last told to lead elsewhere."""
        return age(status.changed_at, timezone.now())

    @admin.action(description=_("Look now and mend"), permissions=["act"])
    def look_now(self, request: HttpRequest, _chosen: QuerySet[NameStatus]) -> None:
        """Have the worker look at Pi-hole now."""
        if enqueue(reconcile_names):
            self.message_user(request, gettext("The worker is looking at Pi-hole."))
        else:
            text = gettext("Redis does not answer; the worker looks within a minute.")
            self.message_user(request, text, messages.WARNING)


def names_badge(known: Overview) -> SafeString:
    """Return how it is with Pi-hole and the names."""
    if known.problem is not None:
        return badge(Tone.BAD, gettext("needs somebody"))
    if known.is_switching:
        return badge(Tone.BUSY, gettext("being switched"))
    if known.ok is None:
        return badge(Tone.OFF, gettext("not known"), icon="ask")
    return badge(Tone.GOOD, gettext("right")) if known.ok else badge(Tone.BAD, gettext("wrong"))


def _overview(status: NameStatus) -> Overview:
    """Return what is known now."""
    return once(status, lambda: services.overview(timezone.now()))


@admin.register(NameSwitch)
class NameSwitchAdmin(FactsAdmin):
    """The history of writes to Pi-hole."""

    list_display = ["when", "target_badge", "address", "why"]
    list_filter = ["target", "at"]
    search_fields = ["reason", "address"]
    date_hierarchy = "at"
    fields = ["at", "target_badge", "address", "why"]
    nothing = _("The names were not switched so far.")

    @admin.display(description=_("switched"), ordering="at")
    def when(self, switch: NameSwitch) -> str:
        """Return the time as people call it."""
        return moment(switch.at, timezone.now())

    @admin.display(description=_("lead to"), ordering="target")
    def target_badge(self, switch: NameSwitch) -> SafeString:
        """Return where the names lead since."""
        if switch.target == Target.NAS:
            return badge(Tone.OFF, gettext("the NAS"), icon="server", css="online")
        return badge(Tone.OFF, gettext("the Pi"), icon="sign", css="asleep")

    @admin.display(description=_("why"))
    def why(self, switch: NameSwitch) -> str:
        """Return why, in words."""
        return told(switch.reason) or UNKNOWN
