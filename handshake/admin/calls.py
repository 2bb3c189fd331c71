"""Admin: the NAS's calls and its snapshots; facts."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, age, badge, moment, once
from balupi_site.lib.words import UNKNOWN, percent, shown_size
from handshake.models import NasCall, Snapshot

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
    """Return what was sent."""
    content: dict[str, Any] = once(snapshot, lambda: json.loads(snapshot.content))
    return content
