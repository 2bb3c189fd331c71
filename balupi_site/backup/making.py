"""Making a backup: whole, verified and under its name, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from balupi_site.backup import postgres, sqlite, status
from balupi_site.backup.folder import half, make_folder, put_in_place, remove_halves
from balupi_site.backup.naming import POSTGRES_SUFFIX, SQLITE_SUFFIX, BackupName
from balupi_site.backup.problems import BackupBusyError, BackupError
from balupi_site.lib.kept import kept
from balupi_site.lib.locks import file_lock
from balupi_site.version import VERSION
from handshake.folder import marker_of

_BUSY = gettext_noop("Another backup, or a restore, is under way; try again when it has ended.")
_NO_DISK = gettext_noop(
    "The data disk is not mounted: %(marker)s is missing. Mount it, or set BALUPI_BACKUP_DIR to another "
    "folder."
)


@dataclass(frozen=True)
class Made:
    """A backup that was made.

    Attributes:
        path: where it is.
        bytes: how large it is.
        raw_bytes: how large it is unpacked; of PostgreSQL, the database.
        tables, rows: what was counted in it; None: not counted.
        restored_into: "memory" or "a file", to verify it; "": it was only read to its end.
        duration_s: how long it took.
    """

    path: Path
    bytes: int
    raw_bytes: int
    tables: int
    rows: int | None
    restored_into: str
    duration_s: float


def is_sqlite() -> bool:
    """Tell whether the database is a SQLite file."""
    return connection.vendor == "sqlite"


@contextmanager
def alone(*, wait_s: float = 0.0) -> Iterator[None]:
    """Be the only one who makes or puts back a backup.

    Raises:
        BackupBusyError: somebody else does.
    """
    with file_lock("backup", wait_s=wait_s) as is_ours:
        if not is_ours:
            raise BackupBusyError(_BUSY)
        yield


def new_name(now: datetime, *, is_before_restore: bool = False) -> BackupName:
    """Return what a backup of this moment is called."""
    suffix = SQLITE_SUFFIX if is_sqlite() else POSTGRES_SUFFIX
    return BackupName(now.replace(microsecond=0), VERSION, suffix, is_before_restore)


def backup_folder() -> Path:
    """Return the folder of backups, made where it was missing.

    Raises:
        BackupError: it cannot be made, or its disk is not mounted.
    """
    folder = Path(settings.BACKUP_DIR)
    marker = marker_of(settings.INBOX_DIR)
    is_on_data_disk = folder.is_relative_to(marker.parent)
    if is_on_data_disk and not folder.is_relative_to(settings.DATA_DIR) and not marker.exists():
        raise BackupError(kept(_NO_DISK, marker=str(marker)))
    make_folder(folder)
    return folder


def make_backup(now: datetime, *, target: Path | None = None) -> Made:
    """Make a verified backup; call it only within ``alone``.

    Args:
        now: the present.
        target: where it shall be, replacing what is there; None: in the folder of backups under a
            name that tells its time.

    Raises:
        BackupError: there is none; nothing is left of it, and older ones stay.
    """
    if target is not None and target.is_dir():
        raise BackupError(f"{target} is a folder; give the name of a file.")
    place = target or backup_folder() / str(new_name(now))
    for folder in (place.parent, Path(settings.DATA_DIR)):
        remove_halves(folder)
    made = _write(place, sqlite.save if is_sqlite() else postgres.save)
    if target is None:
        # Whatever failed before is tried again soon: perhaps it works as well.
        status.note(newest=place.name, folder=str(place.parent), bytes=made.bytes, failed_at="")
    return made


def make_safety_copy(now: datetime) -> Path | None:
    """Keep what a restore is about to overwrite, also where it is damaged; None: there is nothing.

    Raises:
        BackupError: it cannot be kept.
    """
    if is_sqlite() and not sqlite.database_bytes():
        return None
    name = new_name(now, is_before_restore=True)
    place = backup_folder() / str(name)
    try:
        return _write(place, sqlite.save if is_sqlite() else postgres.save).path
    except sqlite.DamagedDatabaseError:
        place = place.with_name(place.name.removesuffix(name.suffix) + ".damaged.tar.gz")
        with half(place.parent) as packed:
            sqlite.save_damaged(packed)
            put_in_place(packed, place)
        return place


def _write(place: Path, save: Callable[[Path], dict[str, Any]]) -> Made:
    started_s = time.monotonic()
    with half(place.parent) as unfinished:
        known = save(unfinished)
        put_in_place(unfinished, place)
    return Made(
        path=place,
        bytes=int(known["bytes"]),
        raw_bytes=int(known["raw_bytes"]),
        tables=int(known["tables"]),
        rows=known.get("rows"),
        restored_into=str(known["restored_into"]),
        duration_s=time.monotonic() - started_s,
    )
