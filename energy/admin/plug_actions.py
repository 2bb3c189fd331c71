"""What an admin can do with plugs: search for them, read, switch and unlock them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import ask_first
from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.kept import retold
from balupi_site.lib.network import client_address
from energy import services
from energy.asking import ask_to_read, ask_to_search, ask_to_switch
from energy.models import SmartPlug, SwitchUnlock

if TYPE_CHECKING:
    _PlugAdmin = admin.ModelAdmin[SmartPlug]
else:
    _PlugAdmin = admin.ModelAdmin  # takes no parameter at run time

_UNLOCK_S = int(SwitchUnlock.DURATION.total_seconds())


class PlugActions(_PlugAdmin):
    """The actions on chosen plugs, and the search; all but unlocking is done by the worker."""

    actions = ["read_now", "switch_on", "switch_off", "unlock"]

    def get_urls(self) -> list[URLPattern]:
        """Add the search."""
        discover = self.admin_site.admin_view(self.discover)
        return [path("discover/", discover, name="energy_smartplug_discover"), *super().get_urls()]

    @admin.action(description=_("Read now, and try refused logins again"), permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[SmartPlug]) -> None:
        """Ask the plugs at once."""
        by_site: dict[str, list[str]] = {}
        for plug in queryset:
            by_site.setdefault(plug.site, []).append(plug.device_id)
        answers = [
            _ask(request, partial(ask_to_read, ids, site=site)) for site, ids in by_site.items()
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
        site = site if site in sites_of(request) else ""
        found = _ask(request, partial(ask_to_search, site=site))
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
            is_on = _ask(request, partial(ask_to_switch, plug, action))
            if is_on is not None:
                state = gettext("on") if is_on else gettext("off")
                text = gettext("%(plug)s is %(state)s.")
                self.message_user(request, text % {"plug": plug, "state": state})


def sites_of(request: HttpRequest) -> list[str]:
    """Return the other sites, asked for once in a request."""
    sites: list[str] | None = getattr(request, "plug_sites", None)
    if sites is None:
        sites = services.known_sites()
        request.plug_sites = sites  # type: ignore[attr-defined]  # for this request only
    return sites


def _ask(request: HttpRequest, ask: Callable[[], Any]) -> Any:  # noqa: ANN401  # JSON
    """Return the worker's answer, or tell the error and return None."""
    try:
        return ask()
    except BaluPiError as error:
        messages.error(request, str(error))
        return None
