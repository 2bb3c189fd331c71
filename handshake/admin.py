"""Admin: the NAS's calls and snapshots, the inbox; facts, but for another try for files set aside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, ask_first, badge, moment
from balupi_site.lib.kept import retold
from balupi_site.lib.queue import enqueue
from balupi_site.lib.words import UNKNOWN, percent, span
from handshake import services
from handshake.models import (
    AskedBy,
    FileStatus,
    InboxFile,
    InboxRun,
    InboxStatus,
    NasCall,
    Snapshot,
)
from handshake.problems import sentence
from handshake.services.overview import InboxOverview
from handshake.sizes import shown_size
from handshake.tasks import flush_inbox

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

_TONES: dict[str, Tone] = {
    FileStatus.WAITING: Tone.OFF,
    FileStatus.SENDING: Tone.BUSY,
    FileStatus.FAILED: Tone.BAD,
    FileStatus.DONE: Tone.GOOD,
}
#: As BaluHost calls them.
_ARRAYS: dict[str, tuple[Tone, str | Promise]] = {
    "active": (Tone.GOOD, _("in order")),
    "optimal": (Tone.GOOD, _("in order")),
    "checking": (Tone.BUSY, _("being checked")),
    "rebuilding": (Tone.WARN, _("rebuilding")),
    "degraded": (Tone.BAD, _("a disk is missing")),
    "inactive": (Tone.BAD, _("inactive")),
}
#: A disk of the NAS that is as full as this soon needs somebody.
_FULL = 0.9


def _flush_soon(request: HttpRequest, page: FactsAdmin) -> None:
    if enqueue(flush_inbox, AskedBy.ADMIN.value):
        page.message_user(request, gettext("The worker is looking into the inbox."))
    else:
        text = gettext("Redis does not answer; the worker looks as soon as it does.")
        page.message_user(request, text, messages.WARNING)


@admin.register(InboxStatus)
class InboxStatusAdmin(FactsAdmin):
    """What lies in the inbox, and what holds it up."""

    list_display = [
        "content", "state", "looked", "trouble_text", "moving", "set_aside", "left_lying",
    ]  # fmt: skip
    fields = [
        "folder",
        "state",
        "content",
        "looked",
        "trouble_text",
        "trouble_since",
        "next_try_at",
        "moving",
        "set_aside",
        "left_lying",
    ]
    actions = ["move_now"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the one row also before the first look."""
        InboxStatus.objects.get_or_create(pk=1)
        return super().changelist_view(request, extra_context)

    @admin.display(description=_("waiting"))
    def content(self, status: InboxStatus) -> str:
        """Return how much waits."""
        text = ngettext("%(n)s file, %(size)s", "%(n)s files, %(size)s", status.files)
        return text % {"n": status.files, "size": shown_size(status.bytes)}

    @admin.display(description=_("state"))
    def state(self, status: InboxStatus) -> SafeString:
        """Return whether anything holds it up."""
        return inbox_badge(_overview(status))

    @admin.display(description=_("looked"))
    def looked(self, status: InboxStatus) -> SafeString:
        """Return the age of the last look."""
        return age(_overview(status).scanned_at, timezone.now(), gettext("not yet"))

    @admin.display(description=_("what holds it up"))
    def trouble_text(self, status: InboxStatus) -> str:
        """Return what to do."""
        known = _overview(status).trouble
        return known.message if known else UNKNOWN

    @admin.display(description=_("being moved"))
    def moving(self, status: InboxStatus) -> str:
        """Return how the run that goes on goes."""
        known = _overview(status).progress
        if known is None:
            return UNKNOWN
        sent, total = shown_size(known.bytes_sent), shown_size(known.bytes_total)
        text = gettext("%(done)s of %(files)s files, %(sent)s of %(total)s")
        return text % {
            "done": known.files_done,
            "files": known.files_total,
            "sent": sent,
            "total": total,
        }

    @admin.display(description=_("set aside"))
    def set_aside(self, status: InboxStatus) -> SafeString | str:
        """Return how many files a person has to look at, and lead to them."""
        count = _overview(status).failed
        if not count:
            return "0"
        link = f"{reverse('admin:handshake_inboxfile_changelist')}?status__exact=failed"
        return format_html('<a href="{}">{}</a>', link, badge(Tone.BAD, count))

    @admin.display(description=_("folder"))
    def folder(self, _status: InboxStatus) -> str:
        """Return where it is."""
        return services.inbox_folder()

    @admin.action(description=_("Move what is ready now"), permissions=["act"])
    def move_now(self, request: HttpRequest, _chosen: QuerySet[InboxStatus]) -> None:
        """Have the worker move the inbox now."""
        _flush_soon(request, self)


def inbox_badge(known: InboxOverview) -> SafeString:
    """Return how the inbox is doing."""
    if known.progress is not None:
        return badge(Tone.BUSY, gettext("being moved"))
    if known.failed:
        return badge(Tone.BAD, gettext("files set aside"))
    if known.trouble is not None:
        return badge(Tone.WARN, gettext("held up"))
    if known.files:
        return badge(Tone.OFF, gettext("waiting"))
    return badge(Tone.GOOD, gettext("nothing waits"))


def _overview(status: InboxStatus) -> InboxOverview:
    """Return what is known now; asked for once for a page."""
    known: InboxOverview | None = getattr(status, "overview", None)
    if known is None:
        known = services.inbox_overview(timezone.now())
        status.overview = known  # type: ignore[attr-defined]  # for this page only
    return known


@admin.register(InboxFile)
class InboxFileAdmin(FactsAdmin):
    """Every file on its way; those set aside get another try here."""

    list_display = ["status_badge", "name", "size", "noticed", "arrived", "why", "renamed"]
    list_filter = ["status", "noticed_at", "finished_at"]
    list_display_links = ["name"]
    search_fields = ["name", "stored_as", "message"]
    nothing = _("No file has come into the inbox so far.")
    ordering = ["-noticed_at", "-pk"]
    fields = [
        "status_badge", "name", "size", "noticed_at", "finished_at", "attempts", "why", "renamed",
    ]  # fmt: skip
    actions = ["try_again"]

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, file: InboxFile) -> SafeString:
        """Return the status as a badge."""
        return badge(_TONES.get(file.status, Tone.OFF), file.get_status_display())

    @admin.display(description=_("came"), ordering="noticed_at")
    def noticed(self, file: InboxFile) -> SafeString:
        """Return how long ago it came."""
        return age(file.noticed_at, timezone.now())

    @admin.display(description=_("on the NAS"), ordering="finished_at")
    def arrived(self, file: InboxFile) -> SafeString:
        """Return how long ago it was on the NAS."""
        return age(file.finished_at, timezone.now())

    @admin.display(description=_("size"), ordering="size_bytes")
    def size(self, file: InboxFile) -> str:
        """Return the size in words."""
        return shown_size(file.size_bytes)

    @admin.display(description=_("why"))
    def why(self, file: InboxFile) -> str:
        """Return what went wrong last."""
        return retold(file.message) or UNKNOWN

    @admin.display(description=_("name on the NAS"))
    def renamed(self, file: InboxFile) -> str:
        """Return under which other name it is stored."""
        return file.stored_as or UNKNOWN

    def named(self, file: InboxFile) -> str:
        """Return what a question calls it."""
        return f"{file.name} ({shown_size(file.size_bytes)}, {file.get_status_display()})"

    @admin.action(description=_("Try the chosen files again"), permissions=["act"])
    @ask_first(
        _("Try these files again?"),
        _(
            "Files that were set aside get five more tries, and the worker looks into the inbox at once."
        ),
        _("Try again"),
    )
    def try_again(self, request: HttpRequest, chosen: QuerySet[InboxFile]) -> None:
        """Give files that were set aside another five tries."""
        count = services.retry(chosen)
        if not count:
            text = gettext("None of these is set aside.")
            self.message_user(request, text, messages.WARNING)
            return
        text = ngettext("%(n)s file is tried again.", "%(n)s files are tried again.", count)
        self.message_user(request, text % {"n": count})
        _flush_soon(request, self)


class _TroubleFilter(admin.SimpleListFilter):
    title = _("why it ended early")
    parameter_name = "trouble"

    def lookups(
        self, request: HttpRequest, model_admin: ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Return the troubles that there were, in their first words."""
        found = InboxRun.objects.exclude(trouble="").order_by("trouble")
        codes = found.values_list("trouble", flat=True).distinct()
        return [(code, sentence(code, "…").partition(". ")[0]) for code in codes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the chosen trouble."""
        return queryset.filter(trouble=self.value()) if self.value() else queryset


@admin.register(InboxRun)
class InboxRunAdmin(FactsAdmin):
    """The log of the runs."""

    list_display = [
        "started",
        "result_badge",
        "asked_by",
        "took",
        "moved",
        "failed",
        "tries",
        "why",
    ]
    list_filter = ["asked_by", "started_at", _TroubleFilter]
    search_fields = ["trouble_detail"]
    nothing = _("Nothing was moved so far.")
    date_hierarchy = "started_at"
    fields = [
        "started_at",
        "finished_at",
        "asked_by",
        "moved",
        "files_renamed",
        "files_failed",
        "tries",
        "result_badge",
        "why",
    ]

    @admin.display(description=_("began"), ordering="started_at")
    def started(self, run: InboxRun) -> SafeString:
        """Return how long ago it began."""
        return age(run.started_at, timezone.now())

    @admin.display(description=_("files set aside"), ordering="files_failed")
    def failed(self, run: InboxRun) -> SafeString | str:
        """Return how many files were set aside."""
        return badge(Tone.BAD, run.files_failed) if run.files_failed else "0"

    @admin.display(description=_("took"))
    def took(self, run: InboxRun) -> str:
        """Return how long it took."""
        if run.finished_at is None:
            return UNKNOWN
        return span(max((run.finished_at - run.started_at).total_seconds(), 0.0))

    @admin.display(description=_("moved"), ordering="bytes_moved")
    def moved(self, run: InboxRun) -> str:
        """Return what it moved."""
        text = ngettext("%(n)s file, %(size)s", "%(n)s files, %(size)s", run.files_moved)
        return text % {"n": run.files_moved, "size": shown_size(run.bytes_moved)}

    @admin.display(description=_("result"), ordering="trouble")
    def result_badge(self, run: InboxRun) -> SafeString:
        """Return how it ended."""
        if run.trouble:
            return badge(Tone.WARN, gettext("ended early"))
        if run.finished_at is None:
            return badge(Tone.BUSY, gettext("running, or cut off"))
        return badge(Tone.GOOD, gettext("all moved"))

    @admin.display(description=_("why"))
    def why(self, run: InboxRun) -> str:
        """Return why it ended early."""
        return run.message or UNKNOWN


@admin.register(NasCall)
class NasCallAdmin(FactsAdmin):
    """The history of the NAS's calls."""

    list_display = ["received", "when", "kind", "clock", "client"]
    list_filter = ["kind", "received_at"]
    search_fields = ["client"]
    nothing = _("The NAS has not called so far.")
    date_hierarchy = "received_at"
    fields = ["received_at", "kind", "clock", "client"]

    @admin.display(description=_("called"), ordering="received_at")
    def received(self, call: NasCall) -> SafeString:
        """Return how long ago it called."""
        return age(call.received_at, timezone.now())

    @admin.display(description=_("when"), ordering="received_at")
    def when(self, call: NasCall) -> str:
        """Return the time as people call it."""
        return moment(call.received_at, timezone.now())

    @admin.display(description=_("its clock"))
    def clock(self, call: NasCall) -> str:
        """Return how far its clock is from ours."""
        difference_s = round((call.signed_at - call.received_at).total_seconds())
        return gettext("%(difference)+d s") % {"difference": difference_s}


@admin.register(Snapshot)
class SnapshotAdmin(FactsAdmin):
    """What the NAS told of itself."""

    list_display = ["received", "when", "arrays", "used", "files"]
    date_hierarchy = "received_at"
    fields = ["received", "received_at", "arrays", "used", "files", "whole"]
    nothing = _("The NAS sends the first one when it goes to sleep.")

    @admin.display(description=_("told"), ordering="received_at")
    def received(self, snapshot: Snapshot) -> SafeString:
        """Return how long ago the NAS told it."""
        return age(snapshot.received_at, timezone.now())

    @admin.display(description=_("when"), ordering="received_at")
    def when(self, snapshot: Snapshot) -> str:
        """Return the time as people call it."""
        return moment(snapshot.received_at, timezone.now())

    @admin.display(description=_("arrays"))
    def arrays(self, snapshot: Snapshot) -> SafeString:
        """Return each array with its state."""
        found = _content(snapshot)["storage"]["arrays"]
        lines = ((array["name"], _array_badge(str(array["state"]))) for array in found)
        return format_html_join(" ", "{} {}", lines) or format_html("{}", UNKNOWN)

    @admin.display(description=_("used"))
    def used(self, snapshot: Snapshot) -> SafeString | str:
        """Return how full its disks were."""
        storage = _content(snapshot)["storage"]
        used, total = storage["used_bytes"], storage["total_bytes"]
        words = {"used": shown_size(used), "all": shown_size(total)}
        text = gettext("%(used)s of %(all)s") % words
        if not total:
            return text
        share = percent(used / total)
        shown = badge(Tone.WARN, share) if used >= _FULL * total else share
        return format_html("{} · {}", text, shown)

    @admin.display(description=_("files"))
    def files(self, snapshot: Snapshot) -> str:
        """Return how many files it had."""
        total = int(_content(snapshot)["files_summary"]["total_files"])
        return number_format(total, decimal_pos=0, force_grouping=True)

    @admin.display(description=_("as it was sent"))
    def whole(self, snapshot: Snapshot) -> SafeString:
        """Return all of it."""
        text = json.dumps(_content(snapshot), indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)


def _array_badge(state: str) -> SafeString:
    tone, words = _ARRAYS.get(state.lower(), (Tone.OFF, state))
    return badge(tone, words)


def _content(snapshot: Snapshot) -> dict[str, Any]:
    """Return what was sent; read once for a page."""
    content: dict[str, Any] | None = getattr(snapshot, "read", None)
    if content is None:
        content = json.loads(snapshot.content)
        snapshot.read = content  # type: ignore[attr-defined]  # for this page only
    return content or {}
