"""Adapter: backups of SQLite."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import struct
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext_noop

from balupi_site.backup import sqlite_work
from balupi_site.backup.child import run
from balupi_site.backup.folder import half, remove_halves, require_room
from balupi_site.backup.problems import BackupError
from balupi_site.lib.kept import kept

_FIRST_BYTES = b"SQLite format 3\0"
_PACKED = b"\xfd7zXZ\0"
#: SQLite's lock bytes (file format, "The Lock-Byte Page"): in WAL mode whoever has it open locks some.
_LOCK_AT, _LOCK_BYTES = 0x40000000, 512
#: struct flock on 64-bit Linux: type, whence, start, length, pid.
_FLOCK = "hhqqi4x"

_NO_FILE = gettext_noop("The database %(database)s does not exist.")
_DAMAGED = gettext_noop(
    "The database is damaged (%(why)s), so no backup was made of it; the older ones are kept. Stop "
    "BaluPi and put back the last one: 'sudo balupi restore latest'."
)
_FAILED = gettext_noop("The backup could not be written: %(why)s")


class DamagedDatabaseError(BackupError):
    """The database itself is not whole."""


def database_path() -> Path:
    """Return where the database is."""
    return Path(str(connection.settings_dict["NAME"])).absolute()


def database_bytes() -> int:
    """Return how much the database has, its log included; 0 where it is missing."""
    files = (Path(f"{database_path()}{suffix}") for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def save(target: Path) -> dict[str, Any]:
    """Write a verified backup of the database, which others may use meanwhile.

    Args:
        target: an empty file.

    Returns:
        What is known of it: bytes, raw_bytes, tables, rows, restored_into.

    Raises:
        DamagedDatabaseError: the database is not whole.
        BackupError: there is none.
    """
    database = database_path()
    if not database.is_file():
        raise BackupError(kept(_NO_FILE, database=str(database)))
    require_room(target.parent, 2 * database_bytes())
    with half(target.parent) as raw:
        work = Path(sqlite_work.__file__)
        said = run([sys.executable, "-I", "-S", work, database, raw, target])
    try:
        known: dict[str, Any] = json.loads(said.out)
    except ValueError:  # ended by the kernel, such as for want of memory
        known = {"failed": said.last_words or f"exit code {said.code}"}
    if why := known.get("damaged"):
        raise DamagedDatabaseError(kept(_DAMAGED, why=why))
    if why := known.get("failed"):
        raise BackupError(kept(_FAILED, why=why))
    return known


def save_damaged(target: Path) -> None:
    """Keep the files of a database that cannot be copied any more, for whoever can repair it.

    Raises:
        BackupError: they cannot be kept.
    """
    require_room(target.parent, database_bytes())
    files = [Path(f"{database_path()}{suffix}") for suffix in ("", "-wal")]
    try:
        with tarfile.open(target, "w:gz", compresslevel=1) as packed:
            for file in filter(Path.exists, files):
                packed.add(file, file.name)
        with target.open("rb") as written:
            os.fsync(written.fileno())
    except OSError as error:  # a card that fails cannot be read at all
        raise BackupError(
            f"The damaged database cannot be kept ({error.strerror or error}); --no-copy does without."
        ) from error


def user_of_database() -> int | None:
    """Return the pid of a process that has the database open; None: nobody has.

    The kernel tells, so that no lock file can be left over. Call it only where this process has not
    opened the database: to close a file drops the locks that SQLite holds on it.
    """
    try:
        with database_path().open("rb") as file:
            wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _LOCK_AT, _LOCK_BYTES, 0)
            found = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, wanted))
    except FileNotFoundError:
        return None
    return None if found[0] == fcntl.F_UNLCK else int(found[4])


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """Yield a checked copy of a backup, beside the database; call it only while nobody makes a backup.

    Raises:
        BackupError: it is damaged, foreign, or there is too little room.
    """
    folder = database_path().parent
    remove_halves(folder)
    with half(folder) as raw:
        _unpack(file, raw)
        require_room(folder, raw.stat().st_size)  # once more, in the database's log
        yield raw


def _unpack(file: Path, raw: Path) -> None:
    try:
        with file.open("rb") as opened:
            first = opened.read(len(_FIRST_BYTES))
        if first.startswith(_PACKED):
            # What it unpacks to goes into the database's log as well.
            sqlite_work.unpack(file, raw, most_bytes=shutil.disk_usage(raw.parent).free // 2)
        elif first != _FIRST_BYTES:
            raise BackupError(_foreign(file))
        else:
            sqlite_work.copy(file, raw, is_still=not Path(f"{file}-wal").exists())
        with raw.open("rb") as opened:
            if opened.read(len(_FIRST_BYTES)) != _FIRST_BYTES:
                raise BackupError(_foreign(file))
        sqlite_work.check(raw)
    except (sqlite_work.DamagedError, sqlite3.Error) as error:
        raise BackupError(f"{file} is damaged: {error}. Take another one.") from error
    except OSError as error:
        raise BackupError(f"{file} cannot be unpacked: {error.strerror or error}.") from error


def _foreign(file: Path) -> str:
    return (
        f"{file} is no backup that can be read here: it is neither a packed nor a plain SQLite database. "
        "An encrypted one must be decrypted first."
    )


def migrations_in(raw: Path, file: Path) -> set[tuple[str, str]]:
    """Return the migrations that an unpacked backup has seen.

    Raises:
        BackupError: it is no database of ours.
    """
    with closing(sqlite3.connect(raw)) as opened:
        try:
            rows = opened.execute("SELECT app, name FROM django_migrations").fetchall()
        except sqlite3.OperationalError as error:  # no such table
            raise BackupError(f"{file} is a database, but not one of BaluPi's.") from error
    return {(str(app), str(name)) for app, name in rows}


def put_back(raw: Path) -> None:
    """Put an unpacked backup into the database: after a power cut it is the old one or the new one.

    Raises:
        BackupError: it was not.
    """
    try:
        sqlite_work.put_back(raw, database_path())
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"The database could not be written: {error}.") from error
