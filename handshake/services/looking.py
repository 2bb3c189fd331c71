"""Looking into the inbox: what lies there, and what of it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from handshake import inbox
from handshake.folder import disk_mark, marker_of, require_disk, scan
from handshake.models import FileStatus, InboxStatus
from handshake.problems import InboxError, Trouble
from handshake.services import last_look, ledger
from handshake.services.ledger import Known
from nasctl.models import NasStatus
from nasctl.moments import Moment, present_moment
from nasctl.state import NasState

#: Without a sign that anything was written, the inbox of a NAS that is awake is looked into so often.
_REGULAR = timedelta(minutes=10)


@dataclass(frozen=True)
class Found:
    """What a look found: all files that go to the NAS one day, and those that go now."""

    files: Sequence[Known]
    ready: Sequence[Known]


def look(folder: Path) -> Found:
    """Look into the inbox and write down what is there; this may wake its disk.

    Raises:
        InboxError: not_set_up or no_disk.
    """
    require_set_up(folder)
    require_disk(folder)
    mark = disk_mark(folder)  # before the scan: what is written meanwhile is looked at again
    entries = scan(folder)
    wanted = [entry for entry in entries if not inbox.is_junk(entry.path)]
    now = present_moment()
    files = ledger.sync(wanted, now)
    _note(entries, wanted, mark, now.at)
    return Found(files, [known for known in files if _is_ready(known, now)])


def require_set_up(folder: Path) -> None:
    """Do nothing where somebody has begun to set up the inbox.

    Raises:
        InboxError: not_set_up.
    """
    signs = (folder, marker_of(folder), settings.NAS_SSH_KEY)
    if not any(sign.exists() for sign in signs):
        raise InboxError(Trouble.NOT_SET_UP)


def require_nas_awake() -> None:
    """Do nothing where the NAS can take files.

    Raises:
        InboxError: asleep.
    """
    if not is_nas_awake():
        raise InboxError(Trouble.ASLEEP)


def is_nas_awake() -> bool:
    """Tell whether BaluHost answers, as the watch has it."""
    status = NasStatus.current(present_moment())
    return status.state == NasState.ONLINE and status.probed


def is_look_due(now: datetime) -> bool:
    """Tell whether a look makes sense, without waking the inbox's disk."""
    known = last_look.current_status()
    if known.next_try_at and now < known.next_try_at <= now + _REGULAR:
        return False
    if known.scanned_at is None or known.trouble == Trouble.NO_DISK:
        return True
    if known.disk_mark != disk_mark(settings.INBOX_DIR):
        return True
    if not is_nas_awake():
        return False
    is_old = not timedelta() <= now - known.scanned_at < _REGULAR
    return is_old or bool(known.trouble) or ledger.is_anything_on_its_way()


def _is_ready(known: Known, now: Moment) -> bool:
    if known.row.status == FileStatus.FAILED:
        return False
    noticed_ago = timedelta(seconds=known.row.noticed.elapsed_s(now))
    return inbox.is_quiet(known.entry, noticed_ago, now.at, needed=settings.INBOX_QUIET_TIME)


def _note(
    entries: Sequence[inbox.Entry], wanted: Sequence[inbox.Entry], mark: str, now: datetime
) -> None:
    found = {
        "files": len(wanted),
        "bytes": sum(entry.size_bytes for entry in wanted),
        "left_lying": len(entries) - len(wanted),
    }
    known = last_look.current_status()
    is_new = known.scanned_at is None or any(
        getattr(known, name) != value for name, value in found.items()
    )
    is_old = known.scanned_at is None or not timedelta() <= now - known.scanned_at < _REGULAR
    # The card is spared where nothing is new: the row says what lies there, Redis since when it is so.
    if is_new or (is_old and not last_look.keep(now, mark)):
        InboxStatus.objects.update_or_create(
            pk=1, defaults={**found, "scanned_at": now, "disk_mark": mark}
        )
