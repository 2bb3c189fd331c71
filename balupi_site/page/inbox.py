"""The inbox in words: what waits, how it goes, what holds it up, what arrived."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balupi_site.lib.words import day_and_clock, shown_size, span
from balupi_site.page.choice import Choice
from balupi_site.page.long_names import name_of
from handshake.models import FileStatus
from handshake.problems import InboxError
from handshake.services import (
    InboxOverview,
    inbox_overview,
    is_nas_awake,
    require_set_up,
)
from handshake.services.overview import FileView
from handshake.services.progress import Phase, Progress

_LARGEST = 2
_ARRIVED = 3
#: The inbox of a NAS that is awake is looked into every 10 min at least: three looks.
_STALE_S = 1800.0
#: A transfer tells of itself every second.
_MOVING_STALE_S = 15.0
#: So much of the end of a renamed file's name is shown that its mark stays whole.
_TAIL_RENAMED = 30


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"inbox": inbox(now)}


def inbox(now: dt.datetime) -> dict[str, Any]:
    """Return the inbox's context."""
    known = inbox_overview(now)
    is_awake = is_nas_awake()
    waiting = max(known.files - known.failed, 0)
    is_old = known.age_s is not None and known.age_s > _STALE_S
    context: dict[str, Any] = {
        "seen_at": known.progress.at if known.progress else known.scanned_at,
        "stale_s": _MOVING_STALE_S if known.progress else _STALE_S if is_awake else None,
        "is_moving": known.progress is not None,
        "void": "" if known.progress or waiting or known.trouble else _void(known, now),
        "is_set_up": known.scanned_at is not None or _is_set_up(),
        "largest": _largest(known) if known.progress or waiting else [],
        "trouble": None if known.progress else _trouble(known, now, is_awake=is_awake),
        "set_aside": _set_aside(known),
        "arrived": [_arrived(file, now) for file in known.arrived[:_ARRIVED]],
        "lying": _lying(known.left_lying),
    }
    if known.progress:
        return context | _moving(known.progress)
    if waiting:
        told = _waiting(known, waiting, is_awake=is_awake)
        return context | (told | _waited(known, waiting, now) if is_awake and is_old else told)
    return context


def _moving(going: Progress) -> dict[str, Any]:
    sent, total = going.bytes_sent, going.bytes_total
    share = sent / total if total else going.files_done / max(going.files_total, 1)
    told = _("%(sent)s of %(total)s") % {"sent": shown_size(sent), "total": shown_size(total)}
    figures = [told]
    if going.phase == Phase.SENDING:
        if going.rate_bytes_s:
            figures.append(f"{shown_size(going.rate_bytes_s)}/s")
        if going.left_s is not None:
            figures.append(_("%(span)s left") % {"span": span(going.left_s)})
    then = {
        Phase.COMPARING: _("Comparing what arrived with what is here."),
        Phase.CONFIRMING: _("Giving the NAS time to have it safely on its disk."),
    }
    return {
        "figure": going.files_done,
        "unit": ngettext("of %(n)s file", "of %(n)s files", going.files_total)
        % {"n": going.files_total},
        "percent": round(100 * min(share, 1.0)),
        "told": ", ".join(figures),
        "then": then.get(going.phase, ""),
    }


def _waiting(known: InboxOverview, count: int, *, is_awake: bool) -> dict[str, Any]:
    size_bytes = max(known.bytes - sum(file.size_bytes for file in known.set_aside), 0)
    if not is_awake:
        told = ngettext(
            "%(size)s, goes to the NAS when it is awake.",
            "%(size)s, go to the NAS when it is awake.",
            count,
        )
    elif known.trouble:
        told = _("%(size)s in all.")
    elif any(file.status == FileStatus.SENDING for file in known.waiting):
        told = _("%(size)s, on the way to the NAS.")
    else:
        told = ngettext(
            "%(size)s, goes to the NAS as soon as it is complete.",
            "%(size)s, go to the NAS as soon as they are complete.",
            count,
        )
    return {
        "figure": formats.number_format(count, force_grouping=True),
        "unit": ngettext("file waiting", "files waiting", count),
        "told": told % {"size": shown_size(size_bytes)},
    }


def _waited(known: InboxOverview, count: int, now: dt.datetime) -> dict[str, Any]:
    """Return how many waited when somebody last looked; it should have been looked into since."""
    text = ngettext("file waited at %(at)s", "files waited at %(at)s", count)
    return {
        "unit": text % {"at": day_and_clock(known.scanned_at or now, now)},
        "told": _("BaluPi should have looked again by now."),
    }


def _void(known: InboxOverview, now: dt.datetime) -> str:
    """Return the sentence of an inbox without anything to move."""
    if known.scanned_at is None:
        return _("BaluPi looks into it within a minute.") if _is_set_up() else _("Not set up yet.")
    if known.failed:
        return _("Nothing else is waiting.")
    last = next((run for run in known.runs if run.files_moved and run.finished_at), None)
    if last is not None and last.finished_at is not None:
        text = ngettext(
            "Nothing is waiting. Last: %(n)s file, %(when)s.",
            "Nothing is waiting. Last: %(n)s files, %(when)s.",
            last.files_moved,
        )
        return text % {"n": last.files_moved, "when": day_and_clock(last.finished_at, now)}
    return _(
        "Nothing is waiting. What you leave in this inbox while the NAS sleeps goes to it once it is awake."
    )


def _is_set_up() -> bool:
    """Tell whether somebody has begun to set it up; touches no disk that would have to wake up."""
    try:
        require_set_up(settings.INBOX_DIR)
    except InboxError:
        return False
    return True


def _largest(known: InboxOverview) -> list[dict[str, Any]]:
    files = sorted(known.waiting, key=lambda file: -file.size_bytes)[:_LARGEST]
    return [{"name": name_of(file.name), "size": shown_size(file.size_bytes)} for file in files]


def _trouble(known: InboxOverview, now: dt.datetime, *, is_awake: bool) -> dict[str, str] | None:
    trouble = known.trouble
    if trouble is None:
        return None
    times = []
    if trouble.since:
        times.append(_("Since %(since)s.") % {"since": day_and_clock(trouble.since, now)})
    if is_awake and trouble.next_try_at and trouble.next_try_at > now:
        wait = span((trouble.next_try_at - now).total_seconds())
        times.append(_("Next try in %(span)s.") % {"span": wait})
    return {"message": trouble.message, "times": " ".join(times)}


def _set_aside(known: InboxOverview) -> dict[str, Any] | None:
    if not known.set_aside:
        return None
    text = ngettext("%(n)s file was set aside.", "%(n)s files were set aside.", known.failed)
    first = known.set_aside[0]
    return {
        "text": text % {"n": known.failed},
        "name": name_of(first.name),
        "reason": first.message,
        "link": ngettext("Look at it", "Look at them", known.failed),
    }


def _arrived(file: FileView, now: dt.datetime) -> dict[str, Any]:
    at = file.finished_at or file.noticed_at
    return {
        "name": name_of(file.name),
        "at": at.isoformat(),
        "when": day_and_clock(at, now),
        "stored_as": name_of(file.stored_as, _TAIL_RENAMED) if file.stored_as else None,
    }


def _lying(count: int) -> str:
    text = ngettext(
        "%(n)s unfinished or system file stays here.",
        "%(n)s unfinished or system files stay here.",
        count,
    )
    return text % {"n": count} if count else ""
