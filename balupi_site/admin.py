"""The admin's page of periodic tasks: django-celery-beat's own form, and a list that tells what runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import PeriodicTaskAdmin as BeatsAdmin
from django_celery_beat.models import PeriodicTask

from balupi_site.lib.admin import Tone, age, ask_first, badge
from balupi_site.lib.words import UNKNOWN, span
from balupi_site.periodic import Outlook, outlook_of, period_of, shown_name

admin.site.unregister(PeriodicTask)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatsAdmin):  # type: ignore[misc]  # that package has no types
    """Periodic tasks: which run, when they ran last and run next; nothing is changed unasked."""

    date_hierarchy = None
    list_display = ("title", "state", "schedule_text", "last_run", "next_run", "runs")
    ordering = ("name",)
    list_filter = ("enabled", "last_run_at", "one_off")
    list_per_page = 50
    nothing = _("There are no periodic tasks yet; the worker adds them when it starts.")

    @admin.display(description=_("name"), ordering="name")
    def title(self, task: PeriodicTask) -> str:
        """Return what people call it."""
        return shown_name(task.name)

    def named(self, task: PeriodicTask) -> str:
        """Return what a question calls it."""
        return shown_name(task.name)

    @admin.display(description=_("state"), ordering="-enabled")
    def state(self, task: PeriodicTask) -> SafeString:
        """Return whether it runs."""
        if not task.enabled:
            return badge(Tone.OFF, gettext("off"), icon="bad")
        if outlook_of(task, timezone.now()).is_overdue:
            return badge(Tone.WARN, gettext("overdue"))
        if task.last_run_at is None:
            return badge(Tone.OFF, gettext("not yet"))
        return badge(Tone.GOOD, gettext("runs"))

    @admin.display(description=_("when"))
    def schedule_text(self, task: PeriodicTask) -> str:
        """Return how often it runs, or at which times."""
        every = period_of(task)
        if every is None:
            return str(task.scheduler)
        return gettext("every %(span)s") % {"span": span(every.total_seconds())}

    @admin.display(description=_("last run noted"), ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> SafeString:
        """Return how long ago it ran; noted every 30 minutes only, to spare the card."""
        return age(task.last_run_at, timezone.now(), gettext("not yet"))

    @admin.display(description=_("next run"))
    def next_run(self, task: PeriodicTask) -> SafeString | str:
        """Return when it runs next."""
        if not task.enabled:
            return UNKNOWN
        return next_run_text(outlook_of(task, timezone.now()))

    @admin.display(description=_("number of runs"), ordering="total_run_count")
    def runs(self, task: PeriodicTask) -> int:
        """Return how often it ran."""
        return int(task.total_run_count)

    @admin.action(description=_("Enable"), permissions=["change"])
    @ask_first(
        _("Enable these tasks?"),
        _("They run at their times again, from now on."),
        _("Enable"),
    )
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Enable tasks."""
        super().enable_tasks(request, queryset)

    @admin.action(description=_("Disable"), permissions=["change"])
    @ask_first(
        _("Disable these tasks?"),
        _(
            "They do not run any more, not even after a restart, until somebody enables them. Without "
            "them BaluPi stops measuring, watching the NAS or keeping its names right."
        ),
        _("Disable"),
    )
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Disable tasks."""
        super().disable_tasks(request, queryset)

    @admin.action(
        description=_("Enable those that are off, disable the others"), permissions=["change"]
    )
    @ask_first(
        _("Turn these tasks over?"),
        _(
            "Those that are off run again; the others do not run any more until somebody enables them."
        ),
        _("Turn over"),
    )
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Enable the disabled, disable the enabled."""
        super().toggle_tasks(request, queryset)

    @admin.action(description=_("Run now"), permissions=["change"])
    @ask_first(
        _("Run these tasks now?"),
        _("The worker runs each of them once as soon as it is free; their times stay as they are."),
        _("Run now"),
    )
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Have the worker run tasks."""
        super().run_tasks(request, queryset)


def next_run_text(found: Outlook) -> SafeString | str:
    """Return in words when a task runs next."""
    if found.within is not None:
        return gettext("within %(span)s") % {"span": span(found.within.total_seconds())}
    if found.next_at is None:
        return UNKNOWN
    now = timezone.now()
    return age(found.next_at, now) if found.next_at > now else gettext("about now")
