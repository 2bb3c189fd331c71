"""Adapter: the folder of backups - what is in it, half ones, putting a whole one in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext_noop

from balupi_site.backup.naming import BackupName
from balupi_site.backup.problems import BackupError
from balupi_site.backup.sqlite_work import sync_folder
from balupi_site.lib.kept import kept

#: Begins as everything that the inbox's mover leaves alone.
_HALF = ".balupi-backup-"
_RESERVE_BYTES = 16 * 1024 * 1024
_MB = 1_000_000

_NO_FOLDER = gettext_noop("The folder %(folder)s cannot be used: %(why)s")
_NO_ROOM = gettext_noop(
    "There is too little room at %(folder)s: %(needed)s MB are needed, %(free)s MB are free. Make room, "
    "or set BALUPI_BACKUP_DIR to a folder on a larger disk."
)


def backups_in(folder: Path) -> dict[BackupName, Path]:
    """Return the backups in a folder, oldest first; what is called differently is not ours."""
    try:
        files = list(folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unusable(folder, error) from error
    named = [(BackupName.of(file.name), file) for file in files]
    found = [(name, file) for name, file in named if name is not None and file.is_file()]
    return dict(sorted(found, key=lambda each: (each[0].at, str(each[0]))))


def unusable(folder: Path, error: OSError) -> BackupError:
    """Return the error that tells why a folder cannot be used."""
    return BackupError(kept(_NO_FOLDER, folder=str(folder), why=error.strerror or str(error)))


def make_folder(folder: Path) -> None:
    """Make a folder that only we can read.

    Raises:
        BackupError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error


def require_room(folder: Path, needed_bytes: int) -> None:
    """Do nothing where there is room for so much, and something is left for others.

    Raises:
        BackupError: there is too little.
    """
    free = shutil.disk_usage(folder).free
    needed = needed_bytes + _RESERVE_BYTES
    if free < needed:
        # Never "10 needed, 10 free".
        facts = {"needed": -(-needed // _MB), "free": free // _MB}
        raise BackupError(kept(_NO_ROOM, folder=str(folder), **facts))


def remove_halves(folder: Path) -> None:
    """Remove what cut-off backups have left; call it only while holding the lock of backups."""
    with contextlib.suppress(OSError):
        for file in folder.glob(f"{_HALF}*"):
            file.unlink(missing_ok=True)


@contextmanager
def half(folder: Path) -> Iterator[Path]:
    """Yield an empty file that only we can read; it is gone afterwards unless it was put in place.

    Raises:
        BackupError: the folder cannot be used.
    """
    try:
        opened, name = tempfile.mkstemp(prefix=_HALF, suffix=".part", dir=folder)  # mode 0600
    except OSError as error:
        raise unusable(folder, error) from error
    os.close(opened)
    path = Path(name)
    try:
        yield path
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def put_in_place(half_file: Path, target: Path) -> None:
    """Give a whole file, which is on the disk, its name; that it is called so is on the disk afterwards."""
    try:
        half_file.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise unusable(target.parent, error) from error
