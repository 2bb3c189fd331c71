"""The admin's first page: what is wrong with this installation, what runs, the last troubles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django_celery_beat.models import PeriodicTask

from balupi_site.admin import next_run_text
from balupi_site.doctor import Area, Finding, Level, quick_findings
from balupi_site.doctor.views import level_badge
from balupi_site.events.admin import subject_url
from balupi_site.events.models import Event
from balupi_site.events.reading import Choice, newest
from balupi_site.events.words import sentence
from balupi_site.lib.admin import Tone, age, badge
from balupi_site.lib.kept import retold
from balupi_site.lib.words import NBSP, UNKNOWN, shown_size, span, watts
from balupi_site.periodic import outlook_of, shown_name
from energy.admin.plugs import plug_badge
from energy.models import SmartPlug
from energy.services import PlugLatest, latest_readings
from handshake.admin import inbox_badge
from handshake.models import InboxStatus, NasCall
from handshake.services import inbox_overview
from nasctl.admin import state_badge
from nasctl.models import NasStatus
from nasctl.services import nas_overview
from nasctl.services.overview import NasOverview
from pihole import services as pihole
from pihole.admin import names_badge
from pihole.models import NameStatus

_AREA_PAGES: dict[Area, type[Model]] = {
    Area.NAS: NasStatus,
    Area.PLUGS: SmartPlug,
    Area.PIHOLE: NameStatus,
    Area.NAMES: NameStatus,
    Area.HANDSHAKE: NasCall,
    Area.INBOX: InboxStatus,
}
_TROUBLES = 5
_NEXT_RUNS = 3


@dataclass(frozen=True)
class Row:
    """One thing that runs.

    Attributes:
        url: where it is looked at and mended; "" where this user may not.
        age: how long ago that was seen, as HTML.
        more: a sentence; "" where there is nothing to add.
    """

    name: str
    url: str
    badge: SafeString
    age: SafeString | str = ""
    more: SafeString | str = ""


def overview(site: AdminSite, request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Return the context of the first page's own part; the database and Redis are asked, nobody else."""
    findings = quick_findings(now)
    wrong = [each for level in (Level.FAIL, Level.WARN) for each in findings if each.level == level]
    pages = _Pages(site, request)
    return {
        "headline": _headline(findings),
        "findings": [
            {"badge": level_badge(each.level), "finding": each, "url": pages.of_area(each.area)}
            for each in wrong
        ],
        "fine": sum(each.level == Level.OK for each in findings),
        "doctor_url": _doctor_url(),
        "rows": [*_nas(pages, now), *_plugs(pages, now), *_names(pages, now), *_inbox(pages, now)],
        "tasks": _tasks(pages, now),
        "troubles": [
            {"at": age(event.at, now), "text": sentence(event), "url": subject_url(event)}
            for event in newest(Choice(only_trouble=True), _TROUBLES)
        ],
        "troubles_url": pages.url(Event, "?is_trouble__exact=1"),
    }


class _Pages:
    """Where things are looked at, for this user."""

    def __init__(self, site: AdminSite, request: HttpRequest) -> None:
        self._site, self._request = site, request

    def of_area(self, area: Area) -> str:
        """Return where a finding of the doctor is looked at; "" where no list is about it."""
        return self.url(_AREA_PAGES[area]) if area in _AREA_PAGES else ""

    def url(self, model: type[Model], query: str = "") -> str:
        """Return the address of a model's list; "" where the user may not see it."""
        page = self._site.get_model_admin(model)
        if not page.has_view_permission(self._request):
            return ""
        opts = model._meta  # noqa: SLF001  # public API
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist") + query


def _headline(findings: Iterable[Finding]) -> str:
    levels = [finding.level for finding in findings]
    if failed := levels.count(Level.FAIL):
        text = ngettext("%(n)s thing is wrong.", "%(n)s things are wrong.", failed)
        return text % {"n": failed}
    if warned := levels.count(Level.WARN):
        text = ngettext("%(n)s thing wants a look.", "%(n)s things want a look.", warned)
        return text % {"n": warned}
    return gettext("Everything is in order.")


def _doctor_url() -> str:
    try:
        return reverse("admin:doctor")
    except NoReverseMatch:
        return ""


def _nas(pages: _Pages, now: datetime) -> list[Row]:
    known = nas_overview(now)
    url = pages.url(NasStatus)
    power = UNKNOWN if known.power_w is None else f"{watts(known.power_w)}{NBSP}W"
    since = gettext("not seen yet")
    if known.age_s is not None:
        since = gettext("for %(span)s") % {"span": span(known.age_s)}
    more = f"{since} · {power}" if known.power_w is not None else since
    return [
        Row(
            gettext("NAS"),
            url,
            state_badge(known.state, planned=known.planned),
            age(known.evidence.watched_at, now),
            f"{more} · {known.reason_text}" if known.reason_text else more,
        ),
        Row(
            gettext("Worker"),
            _doctor_url(),
            _worker_badge(known),
            age(known.evidence.watched_at, now),
            gettext("watches the NAS and polls the plugs"),
        ),
    ]


def _worker_badge(known: NasOverview) -> SafeString:
    if known.evidence.is_watched is None:
        return badge(Tone.OFF, gettext("not known"), icon="ask")
    if known.evidence.is_watched:
        return badge(Tone.GOOD, gettext("works"))
    return badge(Tone.BAD, gettext("does not work"))


def _plugs(pages: _Pages, now: datetime) -> list[Row]:
    url = pages.url(SmartPlug)
    found = latest_readings(now)
    if not found:
        nothing = badge(Tone.OFF, gettext("none yet"))
        return [
            Row(gettext("Plugs"), url, nothing, more=gettext("Search for plugs in their list."))
        ]
    return [_plug(latest, url, now) for latest in found]


def _plug(latest: PlugLatest, url: str, now: datetime) -> Row:
    plug, reading = latest.plug, latest.reading
    power = UNKNOWN if latest.power_w is None else f"{watts(latest.power_w)}{NBSP}W"
    return Row(
        gettext("Plug %(name)s") % {"name": plug.name},
        url and f"{url}{plug.pk}/change/",
        plug_badge(latest),
        age(reading.at if reading else None, now),
        f"{power} · {retold(plug.status_message)}" if plug.status_message else power,
    )


def _names(pages: _Pages, now: datetime) -> list[Row]:
    known = pihole.overview(now)
    words = {"nas": gettext("names lead to the NAS"), "pi": gettext("names lead to the Pi")}
    more = words.get(known.target or "", gettext("names are left as they are"))
    if known.problem is not None:
        more = known.problem.message
    url = pages.url(NameStatus)
    return [Row(gettext("Pi-hole"), url, names_badge(known), age(known.checked_at, now), more)]


def _inbox(pages: _Pages, now: datetime) -> list[Row]:
    known = inbox_overview(now)
    text = ngettext("%(n)s file waits, %(size)s", "%(n)s files wait, %(size)s", known.files)
    more = text % {"n": known.files, "size": shown_size(known.bytes)}
    if known.trouble is not None:
        more = known.trouble.message
    url = pages.url(InboxStatus)
    return [Row(gettext("Inbox"), url, inbox_badge(known), age(known.scanned_at, now), more)]


def _tasks(pages: _Pages, now: datetime) -> dict[str, Any]:
    """Return what runs next, what is overdue, what is off."""
    tasks = list(PeriodicTask.objects.select_related("interval").order_by("name"))
    known = [(task, outlook_of(task, now)) for task in tasks if task.enabled]
    seldom = [(task, found) for task, found in known if found.within is None and found.next_at]
    seldom.sort(key=lambda each: each[1].next_at or each[0].date_changed)
    return {
        "url": pages.url(PeriodicTask),
        "next": [
            {"name": shown_name(task.name), "at": next_run_text(found)}
            for task, found in seldom[:_NEXT_RUNS]
        ],
        "overdue": [shown_name(task.name) for task, found in known if found.is_overdue],
        "off": [shown_name(task.name) for task in tasks if not task.enabled],
        "count": len(known),
    }
