"""Copying, checking, packing and putting back a SQLite database.

Also a program of its own that needs nothing but Python: the worker starts it as a child, so that its
memory does not stay grown, another core does the packing, and it can be ended at any moment.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import lzma
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

#: Larger ones are not restored into memory: a Pi has 1 GB for all.
MEMORY_BYTES = 64 * 1024 * 1024
#: A year of a household becomes a ninth, with gzip a fifth; higher presets save little and take long.
_PRESET = 0
_CHUNK = 256 * 1024
#: 1 MiB, then a pause: others want the card as well.
_STEP_PAGES, _PAUSE_S = 256, 0.02
_BUSY_S = 20.0
#: What damage looks like; anything else is not the file's fault.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Counts = dict[str, int]


class DamagedError(Exception):
    """The database, or the backup, is not whole."""


def save(database: Path, raw: Path, packed: Path) -> dict[str, object]:
    """Save a database that others may be writing to; returns what is known of the backup.

    Args:
        database: the database; it is only read.
        raw: an empty file for the unpacked copy; the caller removes it.
        packed: an empty file for the backup; on the disk when this returns.

    Raises:
        DamagedError: the database is not whole, or the copy is not what was written.
        OSError, sqlite3.Error: it cannot be read or written.
    """
    counts = copy(database, raw)
    raw_bytes = raw.stat().st_size
    is_in_memory = raw_bytes <= MEMORY_BYTES
    check(raw, counts)
    pack(raw, packed)
    return {
        "bytes": packed.stat().st_size,
        "raw_bytes": raw_bytes,
        "tables": len(counts),
        "rows": sum(counts.values()),
        "restored_into": "memory" if is_in_memory else "a file",
    }


def copy(database: Path, raw: Path, *, is_still: bool = False) -> Counts:
    """Copy one moment of a database by SQLite's online backup; returns the rows of its tables then.

    Args:
        database: the database.
        raw: an empty file.
        is_still: nobody writes to the database, so nothing is made beside it.
    """
    with _read_only(database, is_still=is_still) as source, closing(sqlite3.connect(raw)) as target:
        source.isolation_level = None
        source.execute("BEGIN")  # what others write meanwhile belongs to a later moment
        counts = counts_of(source)
        # Nobody needs this file after a crash; it is gone before the kernel brings it to the disk.
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target, pages=_STEP_PAGES, progress=lambda *_: time.sleep(_PAUSE_S))
        target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    return counts


def check(raw: Path, counts: Counts | None = None) -> Counts:
    """Restore a copy, into memory if it is small, and look whether all of it is there and whole.

    Args:
        raw: an unpacked copy that nobody writes to.
        counts: how many rows each table must have; None: not known.

    Returns:
        How many rows each table has.

    Raises:
        DamagedError: it is not whole.
    """
    try:
        with _read_only(raw) as file, closing(sqlite3.connect(":memory:")) as memory:
            looked_at = file
            if raw.stat().st_size <= MEMORY_BYTES:
                file.backup(memory)
                looked_at = memory
            said = [str(row[0]) for row in looked_at.execute("PRAGMA integrity_check(3)")]
            found = counts_of(looked_at) if said == ["ok"] else {}
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            raise DamagedError(str(error)) from error
        raise
    if said != ["ok"]:
        raise DamagedError(said[0])
    if counts is not None and found != counts:
        raise DamagedError("the copy does not have the rows that the database had")
    return found


def pack(raw: Path, packed: Path) -> None:
    """Pack a file, bring it to the disk, and read from there whether it is what was written.

    Raises:
        DamagedError: it is not.
    """
    written = hashlib.sha256()
    with (
        raw.open("rb") as source,
        packed.open("wb") as target,
        lzma.LZMAFile(target, "wb", preset=_PRESET) as packer,
    ):
        for chunk in _chunks(source.read):
            written.update(chunk)
            packer.write(chunk)
        packer.close()
        target.flush()
        os.fsync(target.fileno())
        # What is read next comes from the disk, not from memory.
        os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    seen = hashlib.sha256()
    for chunk in _unpacked(packed):
        seen.update(chunk)
    if seen.digest() != written.digest():
        raise DamagedError("what was read back is not what was written; the disk may be failing")


def unpack(packed: Path, raw: Path, *, most_bytes: int) -> None:
    """Unpack a backup.

    Args:
        packed: the backup.
        raw: where it is written to.
        most_bytes: so much room there is for it.

    Raises:
        DamagedError: it is cut off or damaged.
        OSError: no room, or it cannot be read.
    """
    with raw.open("wb") as target:
        for chunk in _unpacked(packed):
            if target.tell() + len(chunk) > most_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            target.write(chunk)


def put_back(
    raw: Path,
    database: Path,
    *,
    step_pages: int = -1,
    progress: Callable[[int, int, int], object] | None = None,
) -> None:
    """Put a copy into a database in one transaction: a power cut leaves the old one or the new one.

    A database that is missing or no database any more is replaced; nobody may have it open.

    Args:
        raw: the copy; used up where the database is replaced.
        database: the database.
        step_pages: so many at once; -1: all.
        progress: called after each step.
    """
    if database.exists() and not _must_be_replaced(raw, database):
        with _read_only(raw) as source, closing(sqlite3.connect(database)) as target:
            target.execute(f"PRAGMA busy_timeout={int(_BUSY_S * 1000)}")
            target.execute("PRAGMA synchronous=FULL")
            source.backup(target, pages=step_pages, progress=progress)
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    _replace(raw, database)


def _must_be_replaced(raw: Path, database: Path) -> bool:
    """Tell whether SQLite cannot write a copy into a file because of what is in it."""
    try:
        # Its last connection brings its log home, so that nothing of a good one is lost.
        with closing(sqlite3.connect(database, isolation_level=None)) as target:
            target.execute("BEGIN IMMEDIATE")
            target.execute("SELECT count(*) FROM sqlite_master").fetchone()
            target.execute("ROLLBACK")
            page_bytes = target.execute("PRAGMA page_size").fetchone()
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            return True
        raise
    with _read_only(raw) as source:
        return bool(source.execute("PRAGMA page_size").fetchone() != page_bytes)


def _replace(raw: Path, database: Path) -> None:
    """Put a copy in the place of a file that is missing or lost."""
    with raw.open("rb") as file:
        os.fsync(file.fileno())
    # First: the log of a lost database would be applied to the new one.
    for suffix in ("-wal", "-shm", "-journal"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    raw.replace(database)
    sync_folder(database.parent)


def sync_folder(folder: Path) -> None:
    """Bring to the disk what is called how in a folder."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def counts_of(database: sqlite3.Connection) -> Counts:
    """Return how many rows each table has."""
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    names = [str(name) for (name,) in found]
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
    return {
        name: int(database.execute(f"SELECT count(*) FROM {quoted[name]}").fetchone()[0])  # noqa: S608  # quoted
        for name in names
    }


@contextlib.contextmanager
def _read_only(path: Path, *, is_still: bool = False) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_still else ''}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as opened:
        yield opened


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGE  # the lowest byte is the kind, the others say more


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(_CHUNK):
        yield chunk


def _unpacked(packed: Path) -> Iterator[bytes]:
    with lzma.open(packed, "rb") as source:
        try:
            yield from _chunks(source.read)
        except (EOFError, lzma.LZMAError) as error:
            raise DamagedError(str(error)) from error


def main() -> int:
    """Save: DATABASE RAW PACKED. Prints what is known, or what went wrong, as JSON."""
    with contextlib.suppress(OSError):  # a service may not be allowed to
        os.nice(10)
    database, raw, packed = map(Path, sys.argv[1:4])
    try:
        said, code = save(database, raw, packed), 0
    except DamagedError as error:
        said, code = {"damaged": str(error)}, 1
    except (OSError, sqlite3.Error) as error:
        said, code = {"failed": _in_words(error, packed.parent)}, 1
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            said = {"damaged": str(error)}
    sys.stdout.write(json.dumps(said))
    return code


def _in_words(error: OSError | sqlite3.Error, folder: Path) -> str:
    free = shutil.disk_usage(folder).free // 1_000_000
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return f"{text} ({free} MB free)"


if __name__ == "__main__":
    sys.exit(main())
