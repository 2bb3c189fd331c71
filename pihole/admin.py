"""Admin: where the names lead and each switch of them; facts, so nothing can be edited here."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin
from balupi_site.lib.queue import enqueue
from pihole import services
from pihole.models import NameStatus, NameSwitch, Target
from pihole.tasks import reconcile_names


@admin.register(NameStatus)
class NameStatusAdmin(FactsAdmin):
    """The wishes beside what DNS answers."""

    list_display = ["where", "why_there", "names_now", "trouble", "asked", "changed_at"]
    fields = [
        "where",
        "names_now",
        "trouble",
        "asked",
        "wanted",
        "reason",
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
        return Target(status.target).label if status.target else gettext("left as they are")

    @admin.display(description=_("why"))
    def why_there(self, status: NameStatus) -> str:
        """Return why they should lead there."""
        return status.why

    @admin.display(description=_("DNS answers"))
    def names_now(self, _status: NameStatus) -> SafeString:
        """Return one line per name with a mark for right, wrong or not known."""
        marks = {True: "✓", False: "✗", None: "?"}
        lines = (
            (marks[name.ok], name.name, ", ".join(name.actual or ()) or name.answer or "-")
            for name in services.overview(timezone.now()).names
        )
        return format_html_join(SafeString("<br>"), "{} {} → {}", lines)

    @admin.display(description=_("problem"))
    def trouble(self, _status: NameStatus) -> str:
        """Return the problem and the warnings in words."""
        known = services.overview(timezone.now())
        found = (known.problem, *known.warnings)
        return " ".join(complaint.message for complaint in found if complaint) or "-"

    @admin.display(description=_("asked"))
    def asked(self, _status: NameStatus) -> str:
        """Return the age of what DNS answered."""
        checked_at = services.overview(timezone.now()).checked_at
        if checked_at is None:
            return gettext("not yet")
        return gettext("%(age)s ago") % {"age": timesince(checked_at)}

    @admin.action(description=_("Look now and mend"))
    def look_now(self, request: HttpRequest, _chosen: QuerySet[NameStatus]) -> None:
        """Have the worker look at Pi-hole now."""
        if enqueue(reconcile_names):
            self.message_user(request, gettext("The worker is looking at Pi-hole."))
        else:
            text = gettext("Redis does not answer; the worker looks within a minute.")
            self.message_user(request, text, messages.WARNING)


@admin.register(NameSwitch)
class NameSwitchAdmin(FactsAdmin):
    """The history of writes to Pi-hole."""

    list_display = ["at", "target", "address", "reason"]
    list_filter = ["target", "at"]
    search_fields = ["reason", "address"]
    date_hierarchy = "at"
