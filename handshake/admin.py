"""Admin: the NAS's calls and snapshots, the inbox; facts, but for another try for files set aside."""

from __future__ import annotations

import json

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin
from balupi_site.lib.queue import enqueue
from balupi_site.words import ago, span
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
from handshake.sizes import size_text
from handshake.tasks import flush_inbox

_MARKS = {
    FileStatus.WAITING: "◌",
    FileStatus.SENDING: "◐",
    FileStatus.FAILED: "✗",
    FileStatus.DONE: "✓",
}


def _flush_soon(request: HttpRequest, page: FactsAdmin) -> None:
    if enqueue(flush_inbox, AskedBy.ADMIN.value):
        page.message_user(request, gettext("The worker is looking into the inbox."))
    else:
        text = gettext("Redis does not answer; the worker looks as soon as it does.")
        page.message_user(request, text, messages.WARNING)


@admin.register(InboxStatus)
class InboxStatusAdmin(FactsAdmin):
    """What lies in the inbox, and what holds it up."""

    list_display = ["content", "looked", "trouble_text", "moving", "set_aside", "left_lying"]
    fields = [
        "folder",
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
        return text % {"n": status.files, "size": size_text(status.bytes)}

    @admin.display(description=_("looked"))
    def looked(self, status: InboxStatus) -> str:
        """Return the age of the last look."""
        if status.scanned_at is None:
            return gettext("not yet")
        return ago(max((timezone.now() - status.scanned_at).total_seconds(), 0.0))

    @admin.display(description=_("what holds it up"))
    def trouble_text(self, _status: InboxStatus) -> str:
        """Return what to do."""
        known = services.inbox_overview(timezone.now()).trouble
        return known.message if known else "-"

    @admin.display(description=_("being moved"))
    def moving(self, _status: InboxStatus) -> str:
        """Return how the run that goes on goes."""
        known = services.inbox_overview(timezone.now()).progress
        if known is None:
            return "-"
        sent, total = size_text(known.bytes_sent), size_text(known.bytes_total)
        text = gettext("%(done)s of %(files)s files, %(sent)s of %(total)s")
        return text % {
            "done": known.files_done,
            "files": known.files_total,
            "sent": sent,
            "total": total,
        }

    @admin.display(description=_("set aside"))
    def set_aside(self, _status: InboxStatus) -> int:
        """Return how many files a person has to look at."""
        return InboxFile.objects.filter(status=FileStatus.FAILED).count()

    @admin.display(description=_("folder"))
    def folder(self, _status: InboxStatus) -> str:
        """Return where it is."""
        return services.inbox_folder()

    @admin.action(description=_("Move what is ready now"))
    def move_now(self, request: HttpRequest, _chosen: QuerySet[InboxStatus]) -> None:
        """Have the worker move the inbox now."""
        _flush_soon(request, self)


@admin.register(InboxFile)
class InboxFileAdmin(FactsAdmin):
    """Every file on its way; those set aside get another try here."""

    list_display = ["badge", "name", "size", "noticed_at", "finished_at", "why", "renamed"]
    list_filter = ["status", "finished_at"]
    list_display_links = ["name"]
    search_fields = ["name", "stored_as"]
    ordering = ["-noticed_at", "-pk"]
    fields = ["badge", "name", "size", "noticed_at", "finished_at", "attempts", "why", "renamed"]
    actions = ["try_again"]

    @admin.display(description=_("status"), ordering="status")
    def badge(self, file: InboxFile) -> SafeString:
        """Return the status as a badge."""
        status = FileStatus(file.status)
        return format_html("<strong>{} {}</strong>", _MARKS[status], status.label)

    @admin.display(description=_("size"), ordering="size_bytes")
    def size(self, file: InboxFile) -> str:
        """Return the size in words."""
        return size_text(file.size_bytes)

    @admin.display(description=_("why"))
    def why(self, file: InboxFile) -> str:
        """Return what went wrong last."""
        return file.message or "-"

    @admin.display(description=_("name on the NAS"))
    def renamed(self, file: InboxFile) -> str:
        """Return under which other name it is stored."""
        return file.stored_as or "-"

    @admin.action(description=_("Try the chosen files again"))
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


@admin.register(InboxRun)
class InboxRunAdmin(FactsAdmin):
    """The log of the runs."""

    list_display = ["started_at", "asked_by", "took", "moved", "files_failed", "tries", "result"]
    list_filter = ["asked_by", "trouble", "started_at"]
    date_hierarchy = "started_at"
    fields = [
        "started_at",
        "finished_at",
        "asked_by",
        "moved",
        "files_renamed",
        "files_failed",
        "tries",
        "result",
    ]

    @admin.display(description=_("took"))
    def took(self, run: InboxRun) -> str:
        """Return how long it took."""
        if run.finished_at is None:
            return gettext("running, or cut off")
        return span(max((run.finished_at - run.started_at).total_seconds(), 0.0))

    @admin.display(description=_("moved"), ordering="bytes_moved")
    def moved(self, run: InboxRun) -> str:
        """Return what it moved."""
        text = ngettext("%(n)s file, %(size)s", "%(n)s files, %(size)s", run.files_moved)
        return text % {"n": run.files_moved, "size": size_text(run.bytes_moved)}

    @admin.display(description=_("result"))
    def result(self, run: InboxRun) -> str:
        """Return why it ended early."""
        return run.message or "✓"


@admin.register(NasCall)
class NasCallAdmin(FactsAdmin):
    """The history of the NAS's calls."""

    list_display = ["received_at", "kind", "clock", "client"]
    list_filter = ["kind", "received_at"]
    date_hierarchy = "received_at"
    fields = ["received_at", "kind", "clock", "client"]

    @admin.display(description=_("its clock"))
    def clock(self, call: NasCall) -> str:
        """Return how far its clock is from ours."""
        difference_s = round((call.signed_at - call.received_at).total_seconds())
        return gettext("%(difference)+d s") % {"difference": difference_s}


@admin.register(Snapshot)
class SnapshotAdmin(FactsAdmin):
    """What the NAS told of itself."""

    list_display = ["received_at", "arrays", "used", "files"]
    date_hierarchy = "received_at"
    fields = ["received_at", "arrays", "used", "files", "whole"]

    @admin.display(description=_("arrays"))
    def arrays(self, snapshot: Snapshot) -> str:
        """Return each array with its state, as BaluHost said it."""
        found = json.loads(snapshot.content)["storage"]["arrays"]
        return ", ".join(f"{array['name']} {array['state']}" for array in found) or "-"

    @admin.display(description=_("used"))
    def used(self, snapshot: Snapshot) -> str:
        """Return how full its disks were."""
        storage = json.loads(snapshot.content)["storage"]
        words = {"used": size_text(storage["used_bytes"]), "all": size_text(storage["total_bytes"])}
        return gettext("%(used)s of %(all)s") % words

    @admin.display(description=_("files"))
    def files(self, snapshot: Snapshot) -> int:
        """Return how many files it had."""
        return int(json.loads(snapshot.content)["files_summary"]["total_files"])

    @admin.display(description=_("as it was sent"))
    def whole(self, snapshot: Snapshot) -> SafeString:
        """Return all of it."""
        text = json.dumps(json.loads(snapshot.content), indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)
