"""Our admin site: logged, in groups that answer questions, with a first page that shows what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.events.admin_site import LoggedAdminSite

#: What belongs together for whoever looks for it; in the order of the page.
_GROUPS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (_("The NAS"), ("nasctl.nasstatus", "nasctl.statechange", "nasctl.wake", "handshake.nascall",
                    "handshake.snapshot")),
    (_("Plugs and energy"), ("energy.smartplug", "energy.tariff", "energy.anomaly",
                             "energy.switchunlock", "energy.energyhour", "energy.powersample",
                             "nasctl.nashour")),
    (_("Inbox"), ("handshake.inboxstatus", "handshake.inboxfile", "handshake.inboxrun")),
    (_("Names and Pi-hole"), ("pihole.namestatus", "pihole.nameswitch")),
    (_("People"), ("auth.user", "auth.group", "accounts.nasaccount", "accounts.token")),
    (_("What happened and what runs"), (
        "events.event", "django_celery_beat.periodictask", "django_celery_beat.intervalschedule",
        "django_celery_beat.crontabschedule", "django_celery_beat.clockedschedule",
        "django_celery_beat.solarschedule")),
)  # fmt: skip


#: What the first page shows: (site, request, now) -> context.
Overview = Callable[[AdminSite, HttpRequest, datetime], dict[str, Any]]


class BaluPiAdminSite(LoggedAdminSite):
    """The admin site.

    Attributes:
        overview: what the first page shows above the list of pages; None: nothing. Set by urls.py: it
            knows the pages of all apps, and they need this class to register.
    """

    overview: ClassVar[Overview | None] = None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # as Django's
        """Show what is wrong and what runs, above the list of pages."""
        overview = type(self).overview
        found = overview(self, request, timezone.now()) if overview else None
        return super().index(request, {"overview": found, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the pages in our groups; those of one app as Django has them."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        left = {each["model"]._meta.label_lower: each for app in apps for each in app["models"]}  # noqa: SLF001  # public API
        groups = [
            (str(name), [left.pop(label) for label in labels if label in left])
            for name, labels in _GROUPS
        ]
        groups.append((gettext("Others"), list(left.values())))
        return [
            _group(number, name, models) for number, (name, models) in enumerate(groups) if models
        ]


def _group(number: int, name: str, models: list[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "app_label": f"group-{number}",
        "app_url": f"{reverse('admin:index')}#group-{number}",
        "has_module_perms": True,
        "models": models,
    }
