"""Rules of the inbox: which files go to the NAS, when, in which order, and under which name.

Paths are bytes relative to the inbox, as the file system has them: a name need not be UTF-8.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

#: Everything of ours, here and on the NAS, begins like this and is never moved.
OWN_PREFIX = b".balupi-"
#: Size and times must have stood still for so long (ADR 5).
QUIET_TIME = timedelta(seconds=30)
#: Where the file system knows no leases, only time tells that nobody writes any more.
QUIET_TIME_WITHOUT_LEASE = timedelta(minutes=10)

#: What systems leave behind, and what programs write before a file has its real name; lower case.
_JUNK = (
    *(".ds_store", "._*", "thumbs.db", "desktop.ini", ".smbdelete*"),
    *("~$*", "*.part", "*.tmp", "*.partial", "*.filepart", "*.crdownload", ".goutputstream-*"),
)
_NAME_MAX_BYTES = 255
_CHARACTER_MAX_BYTES = 4  # in UTF-8
_BATCH_FILES = 500
_BATCH_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as one look found it; another size or time is another version of it."""

    path: bytes
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def key(self) -> str:
        """A word for the path that any database can hold and compare."""
        return path_key(self.path)

    @property
    def version(self) -> tuple[int, int, int, int]:
        """What changes when the content may have changed."""
        return (self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)


def path_key(path: bytes) -> str:
    """Return a word for a path that any database can hold and compare."""
    return hashlib.sha256(path).hexdigest()


def path_text(path: bytes) -> str:
    """Return a path for people; what is not UTF-8 is shown as an escape."""
    return path.decode(errors="backslashreplace")


def is_junk(path: bytes) -> bool:
    """Tell whether a file is never moved: junk, half a file, or something of ours."""
    parts = path.split(b"/")
    if any(part.startswith(OWN_PREFIX) for part in parts):
        return True
    name = os.fsdecode(parts[-1]).lower()
    return any(fnmatchcase(name, pattern) for pattern in _JUNK)


def is_quiet(
    entry: Entry, noticed_ago: timedelta, now: datetime, *, needed: timedelta = QUIET_TIME
) -> bool:
    """Tell whether a file has stood still long enough.

    The change time is the kernel's and moves with every change, whatever a client sets. Where it
    lies in the future, the clock was wrong; then only how long we have known this version counts.

    Args:
        entry: the file now.
        noticed_ago: how long ago this version was first seen, by a clock that nobody sets.
        now: the present.
        needed: how long is enough.
    """
    # In UTC: within one zone, datetimes are subtracted by the clock on the wall.
    changed_ago = now - datetime.fromtimestamp(entry.ctime_ns / 1e9, UTC)
    return changed_ago >= needed or noticed_ago >= needed


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return files in the order they are moved: what was put here first goes first."""
    return sorted(entries, key=lambda entry: (entry.ctime_ns, entry.path))


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield files in their order, so many at once that a cut link costs little."""
    batch: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        is_full = len(batch) >= _BATCH_FILES or size_bytes + entry.size_bytes > _BATCH_BYTES
        if batch and is_full:
            yield batch
            batch, size_bytes = [], 0
        batch.append(entry)
        size_bytes += entry.size_bytes
    if batch:
        yield batch


def conflict_path(entry: Entry, number: int, zone: tzinfo) -> bytes:
    """Return the path for a file whose own is taken on the NAS: ``name (BaluPi 2026-01-31 1412).ext``.

    The time is the file's own, so that a transfer that is repeated arrives at the same name.

    Args:
        entry: the file.
        number: 1 for the first try; from 2 on it becomes part of the name.
        zone: the household's.
    """
    folder, slash, name = entry.path.rpartition(b"/")
    stem, extension = os.path.splitext(name)  # noqa: PTH122  # bytes
    at = datetime.fromtimestamp(entry.mtime_ns / 1e9, zone)
    count = f" {number}" if number > 1 else ""
    mark = f" (BaluPi {at:%Y-%m-%d %H%M}{count})".encode()
    room = _NAME_MAX_BYTES - len(mark) - len(extension)
    if room < _CHARACTER_MAX_BYTES:  # a sentence with an early dot has no extension
        stem, extension, room = name, b"", _NAME_MAX_BYTES - len(mark)
    return folder + slash + _shortened(stem, room) + mark + extension


def _shortened(stem: bytes, room: int) -> bytes:
    """Return what fits, without half a character at the end."""
    if len(stem) <= room:
        return stem
    return stem[:room].decode(errors="ignore").encode() or stem[:room]
