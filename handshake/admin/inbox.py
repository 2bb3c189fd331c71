"""Admin: the inbox; facts, but for another try for files set aside."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, ask_first, badge, once
from balupi_site.lib.kept import retold
from balupi_site.lib.queue import enqueue
from balupi_site.lib.words import UNKNOWN, shown_size
from handshake import services
from handshake.models import AskedBy, FileStatus, InboxFile, InboxStatus
from handshake.services.overview import InboxOverview
from handshake.tasks import flush_inbox

_TONES: dict[str, Tone] = {
    FileStatus.WAITING: Tone.OFF,
    FileStatus.SENDING: Tone.BUSY,
    FileStatus.FAILED: Tone.BAD,
    FileStatus.DONE: Tone.GOOD,
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
    """Return what is known now."""
    return once(status, lambda: services.inbox_overview(timezone.now()))


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
