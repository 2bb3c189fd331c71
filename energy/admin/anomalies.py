"""The admin's view of what is or was wrong with plugs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, badge, moment
from balupi_site.lib.words import UNKNOWN, span
from energy import services
from energy.models import Anomaly

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


class _LastsFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "open"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the choices."""
        return [("yes", _("lasting")), ("no", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the choice."""
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "yes")


@admin.register(Anomaly)
class AnomalyAdmin(FactsAdmin):
    """Anomalies, the newest first."""

    list_display = ["badge", "what", "plug", "kind", "when", "lasted"]
    list_display_links = ["what"]
    list_filter = [_LastsFilter, "kind", "plug"]
    list_select_related = ["plug"]
    search_fields = ["plug__name"]
    nothing = _("Nothing unusual was seen so far.")
    date_hierarchy = "began_at"
    fields = ["badge", "what", "plug", "kind", "began_at", "ended_at", "lasted", "facts"]

    @admin.display(description=_("state"), ordering="ended_at")
    def badge(self, anomaly: Anomaly) -> SafeString:
        """Show whether it lasts."""
        lasts = anomaly.ended_at is None
        return badge(Tone.WARN, gettext("lasting")) if lasts else badge(Tone.OFF, gettext("over"))

    @admin.display(description=_("began"), ordering="began_at")
    def when(self, anomaly: Anomaly) -> str:
        """Return the time as people call it."""
        return moment(anomaly.began_at, timezone.now())

    @admin.display(description=_("what"))
    def what(self, anomaly: Anomaly) -> str:
        """Return it as a sentence."""
        return services.anomaly_text(anomaly, timezone.now())

    @admin.display(description=_("lasted"))
    def lasted(self, anomaly: Anomaly) -> str:
        """Return how long it lasted, so far where it lasts."""
        duration_s = services.anomaly_duration_s(anomaly, timezone.now())
        return UNKNOWN if duration_s is None else span(duration_s)
