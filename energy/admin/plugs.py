"""The admin's view of plugs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import Tone, age, ask_first, badge
from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.kept import retold
from balupi_site.lib.network import client_address
from balupi_site.lib.words import NBSP, UNKNOWN, span, watts
from energy import services, tasks
from energy.answers import ask_worker
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
    _PlugAdmin = admin.ModelAdmin[SmartPlug]
    _PlugModelForm = ModelForm[SmartPlug]
else:
    _PlugAdmin, _PlugModelForm = admin.ModelAdmin, ModelForm  # take no parameter at run time

_WAIT_S = 10
_DISCOVER_WAIT_S = 15
_UNLOCK_S = int(SwitchUnlock.DURATION.total_seconds())
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
        for latest in services.latest_of_plugs(plugs, now):
            latest.plug.latest = latest  # type: ignore[attr-defined]  # for this page only
        left_s = services.unlock_left_s(plugs, now)
        for plug in plugs:
            plug.unlock_left_s = left_s.get(plug.pk, 0.0)
        self.result_list = plugs
        self.other_sites = _sites(request)


@admin.register(SmartPlug)
class SmartPlugAdmin(_PlugAdmin):
    """Plugs: how they are, what they draw, and what can be done with them."""

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
    actions = ["read_now", "switch_on", "switch_off", "unlock"]
    change_list_template = "admin/energy/smartplug/change_list.html"
    deletions_are_recorded = True

    def get_list_display(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of many types
        """Return the columns; a household of one house has no sites to show."""
        return [name for name in self.list_display if name != "site" or _sites(request)]

    def get_list_filter(self, request: HttpRequest) -> Any:  # noqa: ANN401  # of many types
        """Return the filters, as above."""
        return [name for name in self.list_filter if name != "site" or _sites(request)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ANN401
        """Return the list that knows latest readings."""
        return _PlugChangeList

    def get_urls(self) -> list[URLPattern]:
        """Add the search."""
        discover = self.admin_site.admin_view(self.discover)
        return [path("discover/", discover, name="energy_smartplug_discover"), *super().get_urls()]

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

    @admin.action(description=_("Read now, and try refused logins again"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Ask the plugs at once."""
        by_site: dict[str, list[str]] = {}
        for plug in queryset:
            by_site.setdefault(plug.site, []).append(plug.device_id)
        answers = [
            _ask(
                request, partial(ask_worker, tasks.read_plugs_now, *ids, wait_s=_WAIT_S, site=site)
            )
            for site, ids in by_site.items()
        ]
        answered = [answer for answer in answers if answer is not None]
        if answered:
            text = gettext("%(answered)s of %(asked)s plugs answered.")
            asked = sum(map(len, by_site.values()))
            self.message_user(request, text % {"answered": sum(answered), "asked": asked})

    @admin.action(description=_("Switch on"), permissions=["change"])
    @ask_first(
        _("Switch these plugs on?"),
        _("What hangs on them gets power at once; a NAS may start by itself."),
        _("Switch on"),
    )
    def switch_on(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Switch the plugs on."""
        self._switch(request, queryset, "on")

    @admin.action(description=_("Switch off"), permissions=["change"])
    @ask_first(
        _("Switch these plugs off?"),
        _("What hangs on these plugs loses its power at once:"),
        _("Switch off"),
    )
    def switch_off(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Switch the plugs off."""
        self._switch(request, queryset, "off")

    @admin.action(description=_("Unlock for 60 seconds"), permissions=["change"])
    @ask_first(
        _("Unlock these plugs?"),
        _(
            "For 60 seconds nothing keeps them from being switched off. A NAS that is still writing "
            "loses data when its plug is switched off: unlock it only for a NAS that hangs and "
            "cannot be shut down."
        ),
        _("Unlock for 60 seconds"),
    )
    def unlock(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Let the plugs be switched off whatever guards say."""
        for plug in queryset:
            services.unlock_plug(
                plug,
                unlocked_by=request.user.get_username(),
                unlocked_from=client_address(request),
                now=timezone.now(),
            )
            text = gettext("%(plug)s is unlocked for %(seconds)s seconds.")
            self.message_user(request, text % {"plug": plug, "seconds": _UNLOCK_S})

    def discover(self, request: HttpRequest) -> HttpResponse:
        """Search the network for plugs, and tell what was found."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        site = request.POST.get("site", "")
        site = site if site in _sites(request) else ""
        found = _ask(
            request, lambda: ask_worker(tasks.discover_plugs, wait_s=_DISCOVER_WAIT_S, site=site)
        )
        if found is not None:
            added = sum(each["outcome"] == "added" for each in found)
            text = ngettext("%(found)s device found", "%(found)s devices found", len(found))
            text += gettext(", %(added)s new.")
            self.message_user(request, text % {"found": len(found), "added": added})
            for each in found:
                if each["message"]:
                    name = each["name"] or f"{each['model']} {each['mac']}"
                    text = f"{name} ({each['host']}): {retold(each['message'])}"
                    self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:energy_smartplug_changelist"))

    def _switch(self, request: HttpRequest, plugs: QuerySet[SmartPlug], action: str) -> None:
        for plug in plugs:
            is_on = _ask(request, partial(_ask_to_switch, plug, action))
            if is_on is not None:
                state = gettext("on") if is_on else gettext("off")
                text = gettext("%(plug)s is %(state)s.")
                self.message_user(request, text % {"plug": plug, "state": state})


def _sites(request: HttpRequest) -> list[str]:
    """Return the other sites, asked for once in a request."""
    sites: list[str] | None = getattr(request, "plug_sites", None)
    if sites is None:
        sites = services.known_sites()
        request.plug_sites = sites  # type: ignore[attr-defined]  # for this request only
    return sites


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


def _ask_to_switch(plug: SmartPlug, action: str) -> Any:  # noqa: ANN401  # JSON
    with services.told_if_unanswered(plug, action):
        return ask_worker(tasks.switch_plug, plug.device_id, action, wait_s=_WAIT_S, site=plug.site)


def _ask(request: HttpRequest, ask: Callable[[], Any]) -> Any:  # noqa: ANN401  # JSON
    """Return the worker's answer, or tell the error and return None."""
    try:
        return ask()
    except BaluPiError as error:
        messages.error(request, str(error))
        return None
