"""The admin's view of plugs: how they are and what they draw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import Tone, age, badge
from balupi_site.lib.kept import retold
from balupi_site.lib.words import NBSP, UNKNOWN, span, watts
from energy import services
from energy.admin.plug_actions import PlugActions, sites_of
from energy.models import (
    Anomaly,
    EnergyHour,
    PlugRole,
    PlugStatus,
    PowerSample,
    SmartPlug,
    SwitchUnlock,
)
from energy.services import PlugLatest

if TYPE_CHECKING:
    _PlugModelForm = ModelForm[SmartPlug]
else:
    _PlugModelForm = ModelForm  # takes no parameter at run time

_FACTS = [
    "status_badge",
    "status_since",
    "status_words",
    "power",
    "age",
    "device_id",
    "mac",
    "model",
    "firmware_version",
    "connection",
    "created_at",
]


class _PlugForm(_PlugModelForm):
    """What the owner may change."""

    class Meta:
        error_messages: ClassVar[dict[str, Any]] = {
            "site": {"invalid": _("A short name such as garage: letters, digits, hyphens.")}
        }

    def clean_role(self) -> str:
        """Keep the role where a guard wants it kept."""
        role: str = self.cleaned_data["role"]
        if "role" in self.changed_data:
            refusal = services.refuse_to_lose_role(self.instance, timezone.now())
            if refusal is not None:
                raise ValidationError(str(refusal))
        return role


class _PlugChangeList(ChangeList):
    """Gets the latest readings and unlocks of the whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page's plugs, then their latest readings and unlocks."""
        super().get_results(request)
        plugs, now = list(self.result_list), timezone.now()
        left_s = services.unlock_left_s(plugs, now)
        for plug, latest in zip(plugs, services.latest_of_plugs(plugs, now), strict=True):
            plug.latest, plug.unlock_left_s = latest, left_s.get(plug.pk, 0.0)  # for this page only
        self.result_list = plugs
        self.other_sites = sites_of(request)


@admin.register(SmartPlug)
class SmartPlugAdmin(PlugActions):
    """Plugs: how they are and what they draw; what can be done with them is inherited."""

    form = _PlugForm
    list_display = [
        "name", "status_badge", "power", "age", "role_text", "host", "site", "polled", "links",
    ]  # fmt: skip
    list_filter = ["status", "role", "site", "enabled"]
    list_per_page = 50
    nothing = _("No plug is known yet. Search for plugs: they are found by themselves.")
    search_fields = ["name", "host", "mac", "device_id"]
    fields = ["name", "role", "enabled", "host", "site", *_FACTS]
    readonly_fields = _FACTS
    change_list_template = "admin/energy/smartplug/change_list.html"
    deletions_are_recorded = True

    def get_list_display(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of many types
        """Return the columns; a household of one house has no sites to show."""
        return [name for name in self.list_display if name != "site" or sites_of(request)]

    def get_list_filter(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of many types
        """Return the filters, as above."""
        return [name for name in self.list_filter if name != "site" or sites_of(request)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ANN401
        """Return the list that knows latest readings."""
        return _PlugChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Plugs are found, not typed in."""
        return False

    @admin.display(description=_("status message"))
    def status_words(self, plug: SmartPlug) -> str:
        """Return what is wrong and what to do."""
        return retold(plug.status_message) or UNKNOWN

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, plug: SmartPlug) -> SafeString:
        """Show how it is: the status, or that its reading is old, and why."""
        return format_html(
            '{}<span class="why">{}</span>', plug_badge(_latest(plug)), retold(plug.status_message)
        )

    @admin.display(description=_("power"))
    def power(self, plug: SmartPlug) -> SafeString:
        """Show the latest power; grey where it is too old to be the present one."""
        latest = _latest(plug)
        if latest.power_w is None:
            return format_html('<span class="none">{}</span>', UNKNOWN)
        css = "number stale" if latest.is_stale else "number"
        return format_html('<span class="{}">{}{}W</span>', css, watts(latest.power_w), NBSP)

    @admin.display(description=_("read"))
    def age(self, plug: SmartPlug) -> SafeString:
        """Show how old the latest power is."""
        reading = _latest(plug).reading
        return age(reading.at if reading else None, timezone.now(), gettext("never read"))

    @admin.display(description=_("role"), ordering="role")
    def role_text(self, plug: SmartPlug) -> SafeString | str:
        """Show what hangs on it; the NAS's plug has a sign of its own."""
        if plug.role != PlugRole.NAS:
            return plug.get_role_display()
        return badge(Tone.OFF, plug.get_role_display(), icon="server")

    @admin.display(description=_("polled"), ordering="-enabled")
    def polled(self, plug: SmartPlug) -> SafeString | str:
        """Show whether it is asked at all, and for how much longer nothing guards it."""
        left_s = math.ceil(getattr(plug, "unlock_left_s", 0.0))
        if left_s:
            return badge(Tone.WARN, gettext("unlocked for %(span)s") % {"span": span(left_s)})
        return gettext("yes") if plug.enabled else badge(Tone.OFF, gettext("no"))

    @admin.display(description=_("see"))
    def links(self, plug: SmartPlug) -> SafeString:
        """Lead to what was measured and what was unusual."""
        return format_html(
            '<a href="{}#day">{}</a> <a href="{}?plug__id__exact={}">{}</a>',
            reverse("dashboard"),
            gettext("curve"),
            reverse("admin:energy_anomaly_changelist"),
            plug.pk,
            gettext("troubles"),
        )

    def named(self, plug: SmartPlug) -> str:
        """Return what a question calls it."""
        return f"{plug.name} ({plug.get_role_display()}, {plug.host})"

    def save_model(
        self,
        request: HttpRequest,
        obj: SmartPlug,
        form: ModelForm[SmartPlug],
        change: bool,
    ) -> None:
        """Save; a new address gives a refused login another chance."""
        if "host" in form.changed_data:
            obj.refused_credentials = ""
        super().save_model(request, obj, form, change)

    def get_deleted_objects(
        self,
        objs: Any,  # noqa: ANN401  # a list or a queryset
        request: HttpRequest,
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        """Count what goes with the plugs; listing ten thousands of samples would take minutes.

        Facts cannot be deleted by themselves, but with their plug they may.
        """
        plugs = list(objs)
        counts = {
            model._meta.verbose_name_plural: model._default_manager.filter(plug__in=plugs).count()  # noqa: SLF001
            for model in (PowerSample, EnergyHour, Anomaly, SwitchUnlock)
        }
        refusals = [services.refuse_to_lose_role(plug, timezone.now()) for plug in plugs]
        return [str(plug) for plug in plugs], counts, set(), [str(it) for it in refusals if it]

    def delete_model(self, request: HttpRequest, obj: SmartPlug) -> None:
        """Delete one plug with all it has measured."""
        services.delete_plug(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Delete plugs with all they have measured."""
        for plug in queryset:
            services.delete_plug(plug)


def plug_badge(latest: PlugLatest) -> SafeString:
    """Return how a plug is: fresh, stale, or why it does not answer."""
    plug = latest.plug
    if not plug.enabled:
        return badge(Tone.OFF, gettext("not polled"))
    if plug.status == PlugStatus.OK and latest.is_stale:
        return badge(Tone.WARN, gettext("stale"))
    tones: dict[str, Tone] = {PlugStatus.OK: Tone.GOOD, PlugStatus.UNKNOWN: Tone.OFF}
    return badge(tones.get(plug.status, Tone.BAD), plug.get_status_display())


def _latest(plug: SmartPlug) -> PlugLatest:
    """Return what the list has fetched for the whole page, or fetch it for the form."""
    latest = getattr(plug, "latest", None)
    if latest is None:
        [latest] = services.latest_of_plugs([plug], timezone.now())
        plug.latest = latest  # type: ignore[attr-defined]  # as above
    return latest
