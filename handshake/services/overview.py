"""What is known of the handshake and the inbox, for pages and API; never wakes the inbox's disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from balupi_site.lib.kept import retold
from handshake.models import FileStatus, InboxFile, InboxRun, InboxStatus, Snapshot
from handshake.problems import PASSING, sentence
from handshake.services import progress
from handshake.services.last_look import current_status
from handshake.services.looking import is_nas_awake
from handshake.services.progress import Progress
from nasctl.models import NasStatus
from nasctl.moments import moment_at

_MIB = 1024 * 1024
_SHOWN = 100
_RUNS_SHOWN = 20


@dataclass(frozen=True)
class FileView:
    """A file of the inbox."""

    id: int
    name: str
    size_bytes: int
    status: str
    noticed_at: datetime
    attempts: int
    message: str
    stored_as: str
    finished_at: datetime | None


@dataclass(frozen=True)
class RunView:
    """A run; ``finished_at`` None: it runs, or was cut off."""

    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    tries: int
    files_moved: int
    bytes_moved: int
    files_renamed: int
    files_failed: int
    trouble: str
    message: str


@dataclass(frozen=True)
class TroubleView:
    """What holds up the inbox."""

    code: str
    message: str
    since: datetime | None
    next_try_at: datetime | None


@dataclass(frozen=True)
class InboxOverview:
    """The inbox.

    Attributes:
        files: that wait for the NAS, as the last look found; it is not looked at while the NAS
            sleeps and nothing was written, so that its disk sleeps too.
        scanned_at: that look; None: none yet.
        left_lying: junk and half files, which stay.
        failed: files that were set aside; a person has to look at them.
        progress: None: nothing is being moved, or Redis is away.
        waiting: the first of them, in their order.
    """

    files: int
    bytes: int
    size_mb: float
    scanned_at: datetime | None
    age_s: float | None
    left_lying: int
    failed: int
    trouble: TroubleView | None
    progress: Progress | None
    waiting: tuple[FileView, ...]
    set_aside: tuple[FileView, ...]
    arrived: tuple[FileView, ...]
    runs: tuple[RunView, ...]


def inbox_overview(now: datetime) -> InboxOverview:
    """Return what is known of the inbox."""
    known = current_status()
    open_files = InboxFile.objects.filter(status__in=[FileStatus.WAITING, FileStatus.SENDING])
    failed = InboxFile.objects.filter(status=FileStatus.FAILED)
    set_aside = tuple(map(_file, failed[:_SHOWN]))
    arrived = InboxFile.objects.filter(status=FileStatus.DONE).order_by("-finished_at", "-pk")
    return InboxOverview(
        files=known.files,
        bytes=known.bytes,
        size_mb=round(known.bytes / _MIB, 3),
        scanned_at=known.scanned_at,
        age_s=max((now - known.scanned_at).total_seconds(), 0.0) if known.scanned_at else None,
        left_lying=known.left_lying,
        failed=len(set_aside) if len(set_aside) < _SHOWN else failed.count(),
        trouble=_trouble(known),
        progress=progress.load(),
        waiting=tuple(map(_file, open_files[:_SHOWN])),
        set_aside=set_aside,
        arrived=tuple(map(_file, arrived[:_RUNS_SHOWN])),
        runs=tuple(map(_run, InboxRun.objects.all()[:_RUNS_SHOWN])),
    )


def handshake_status(now: datetime) -> dict[str, Any]:
    """Return what the NAS-built page shows: state, snapshot, inbox (dashboard contract)."""
    status = NasStatus.current(moment_at(now))
    known = current_status()
    newest = Snapshot.objects.order_by("-pk").values_list("received_at", flat=True).first()
    return {
        "nas_state": status.state,
        "since": status.since if status.version else None,
        "last_snapshot": newest,
        "inbox_size_mb": round(known.bytes / _MIB, 3),
        "inbox_files": known.files,
        "inbox_scanned_at": known.scanned_at,
    }


def inbox_folder() -> str:
    """Return where the inbox is on this Pi."""
    return str(settings.INBOX_DIR)


def _trouble(known: InboxStatus) -> TroubleView | None:
    if not known.trouble or (known.trouble in PASSING and not is_nas_awake()):
        return None
    message = sentence(known.trouble, known.trouble_detail)
    return TroubleView(known.trouble, message, known.trouble_since, known.next_try_at)


def _file(row: InboxFile) -> FileView:
    return FileView(
        id=row.pk,
        name=row.name,
        size_bytes=row.size_bytes,
        status=row.status,
        noticed_at=row.noticed_at,
        attempts=row.attempts,
        message=retold(row.message),
        stored_as=row.stored_as,
        finished_at=row.finished_at,
    )


def _run(row: InboxRun) -> RunView:
    return RunView(
        asked_by=row.asked_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        tries=row.tries,
        files_moved=row.files_moved,
        bytes_moved=row.bytes_moved,
        files_renamed=row.files_renamed,
        files_failed=row.files_failed,
        trouble=row.trouble,
        message=row.message,
    )
