"""The nightly backup: made when it is due, old ones removed, a copy put into the inbox."""

from __future__ import annotations

import logging
import os
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext_noop

from balupi_site.backup import status
from balupi_site.backup.folder import (
    backups_in,
    half,
    make_folder,
    put_in_place,
    remove_halves,
    require_room,
    unusable,
)
from balupi_site.backup.making import alone, backup_folder, make_backup
from balupi_site.backup.problems import BackupBusyError, BackupError, BackupStoppedError
from balupi_site.backup.schedule import is_due, may_try, newest_of, superseded
from balupi_site.events.kinds import Kind
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.clock import household_zone
from balupi_site.lib.kept import kept, retold, unpacked
from handshake.folder import require_disk
from handshake.problems import InboxError

logger = logging.getLogger(__name__)

#: In the inbox, and so on the NAS.
INBOX_FOLDER = "BaluPi backups"

_BROKEN = gettext_noop("The backup broke: %(error)s")


def tend_backups(now: datetime, *, uptime_s: float) -> None:
    """Bring about that there is last night's backup, that old ones are gone, that the NAS gets its copy.

    Never raises for what can go wrong outside: that is in the status, and in the log of events once
    when it begins and once when it is over.

    Args:
        now: the present, by a clock that can be believed.
        uptime_s: for how long the Pi has been running.
    """
    if not may_try(status.parsed(status.load().failed_at), now, uptime_s=uptime_s):
        return
    try:
        with alone():
            _make_if_due(now)
            _hand_over()
    except (BackupBusyError, BackupStoppedError) as error:
        logger.info("%s", error)
    except BackupError as error:
        _note_failure(error.kept, now)
    except Exception as error:
        # A night without a backup must be seen, whatever it was.
        _note_failure(kept(_BROKEN, error=type(error).__name__), now)
        raise
    else:
        _note_success(now)


def _make_if_due(now: datetime) -> None:
    zone = household_zone()
    # What is noted is asked first: the disk of the backups may sleep.
    if not is_due(status.load().newest_at, now, zone):
        return
    folder = backup_folder()
    newest = newest_of(backups_in(folder), now)
    if is_due(newest.at if newest else None, now, zone):
        made = make_backup(now)
        logger.info("backup made: %s, %s bytes", made.path, made.bytes)
        _remove_superseded(folder, now, zone)
    else:  # only the note was lost
        size = (folder / str(newest)).stat().st_size
        status.note(newest=str(newest), folder=str(folder), bytes=size)


def _remove_superseded(folder: Path, now: datetime, zone: ZoneInfo) -> None:
    found = backups_in(folder)
    try:
        for name in superseded(found, now, zone):
            found[name].unlink(missing_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error


def _hand_over() -> None:
    """Put a copy of the newest backup into the inbox, once; the mover takes it to the NAS."""
    known = status.load()
    if not settings.BACKUP_TO_INBOX or known.newest in {"", known.handed_over}:
        return
    inbox = Path(settings.INBOX_DIR)
    try:
        require_disk(inbox)
    except InboxError as error:
        raise BackupError(error.kept) from error
    place = inbox / INBOX_FOLDER
    make_folder(place)
    remove_halves(place)
    try:
        _copy(Path(known.folder) / known.newest, place)
    except OSError as error:
        raise unusable(place, error) from error
    status.note(handed_over=known.newest)


def _copy(backup: Path, place: Path) -> None:
    """Copy a backup; older ones that still wait there go."""
    require_room(place, backup.stat().st_size)
    with half(place) as unfinished:
        shutil.copyfile(backup, unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        waiting = list(backups_in(place).values())
        put_in_place(unfinished, place / backup.name)
    for older in waiting:
        if older.name != backup.name:
            older.unlink(missing_ok=True)


def _note_failure(why: str, now: datetime) -> None:
    known = status.load()
    at = now.isoformat()
    status.note(why=why, failed_at=at, failing_since=known.failing_since or at)
    if _kind_of(known.why) == _kind_of(why):
        return
    logger.error("no backup: %s", retold(why))
    try:
        record(Kind.BACKUP_FAILED, now, is_trouble=True, by=BALUPI, why=unpacked(why))
    except DatabaseError as error:  # it may be what is ill
        logger.warning("the log of events did not take it: %s", error)


def _kind_of(why: str) -> object:
    """Return what failed without its figures, such as how many MB are free."""
    parts = unpacked(why)
    return parts[0] if isinstance(parts, list) else parts


def _note_success(now: datetime) -> None:
    known = status.load()
    if not known.why:
        return
    since = status.parsed(known.failing_since)
    status.note(why="", failed_at="", failing_since="")
    lasted_s = max((now - since).total_seconds(), 0.0) if since else None
    logger.info("backups work again")
    record(Kind.BACKUP_RECOVERED, now, duration_s=lasted_s, by=BALUPI)
