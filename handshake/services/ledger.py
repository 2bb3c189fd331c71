"""The ledger: what the database knows of each file of the inbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from handshake.inbox import Entry, path_text
from handshake.models import FileStatus, InboxFile, InboxRun
from nasctl.moments import Moment

#: So many failures of its own, and a file is set aside until a person has looked at it.
MAX_ATTEMPTS = 5
_KEPT = timedelta(days=30)
_RUNS_KEPT = 500
_CHUNK = 500

_OPEN = (FileStatus.WAITING, FileStatus.SENDING, FileStatus.FAILED)
_VERSION = ("size_bytes", "mtime_ns", "ctime_ns", "inode")


@dataclass(frozen=True)
class Known:
    """A file with its row."""

    entry: Entry
    row: InboxFile


def sync(entries: Sequence[Entry], now: Moment) -> list[Known]:
    """Make the open rows agree with what lies in the inbox; return each file with its row.

    New files get a row, changed ones begin anew, rows of files that are gone end: as done where
    the file had been copied, else without a trace, for somebody has taken it away.
    """
    rows = {row.key: row for row in InboxFile.objects.filter(status__in=_OPEN)}
    found = {entry.key: entry for entry in entries}
    new = [_row(entry, now) for key, entry in found.items() if key not in rows]
    changed = [
        _begun_anew(rows[key], entry, now)
        for key, entry in found.items()
        if key in rows and rows[key].version != entry.version
    ]
    gone = [row for key, row in rows.items() if key not in found]
    if new or changed or gone:
        with transaction.atomic():
            InboxFile.objects.bulk_create(new, batch_size=_CHUNK)
            fields = ["name", "noticed_at", "uptime_s", "boot_id", "status", "attempts", "message"]
            InboxFile.objects.bulk_update(changed, [*_VERSION, *fields], batch_size=_CHUNK)
            _end_gone(gone, now)
    rows |= {row.key: row for row in new}
    return [Known(entry, rows[key]) for key, entry in found.items()]


def _row(entry: Entry, now: Moment) -> InboxFile:
    return _begun_anew(InboxFile(key=entry.key), entry, now)


def _begun_anew(row: InboxFile, entry: Entry, now: Moment) -> InboxFile:
    row.name = path_text(entry.path)
    row.size_bytes, row.mtime_ns, row.ctime_ns, row.inode = entry.version
    row.noticed_at, row.uptime_s, row.boot_id = now.at, now.uptime_s, now.boot_id
    row.status, row.attempts, row.message = FileStatus.WAITING, 0, ""
    return row


def _end_gone(gone: Iterable[InboxFile], now: Moment) -> None:
    moved = [row.pk for row in gone if row.copied_size_bytes is not None]
    for keys in _chunks(moved):
        InboxFile.objects.filter(pk__in=keys).update(status=FileStatus.DONE, finished_at=now.at)
    for keys in _chunks([row.pk for row in gone if row.copied_size_bytes is None]):
        InboxFile.objects.filter(pk__in=keys).delete()


def mark_sending(files: Sequence[Known]) -> None:
    """Note that files are on their way."""
    _update(files, status=FileStatus.SENDING)


def mark_waiting(files: Sequence[Known]) -> None:
    """Note that files go later."""
    _update(files, status=FileStatus.WAITING)


def mark_copied(files: Sequence[Known], stored_as: str = "") -> None:
    """Note that these versions are on the NAS, unconfirmed; then they may be replaced there by ours."""
    for known in files:
        known.row.copied_size_bytes = known.entry.size_bytes
        known.row.copied_mtime_ns = known.entry.mtime_ns
        known.row.stored_as = stored_as
    rows = [known.row for known in files]
    fields = ["copied_size_bytes", "copied_mtime_ns", "stored_as"]
    InboxFile.objects.bulk_update(rows, fields, batch_size=_CHUNK)


def mark_done(files: Sequence[Known], now: datetime) -> None:
    """Note that files have arrived and are gone from here."""
    _update(files, status=FileStatus.DONE, finished_at=now, message="")


def mark_failure(known: Known, message: str) -> None:
    """Note a failure that was the file's own; the fifth sets it aside."""
    row = known.row
    row.attempts += 1
    row.message = message[:300]
    is_over = row.attempts >= MAX_ATTEMPTS
    row.status = FileStatus.FAILED if is_over else FileStatus.WAITING
    row.save(update_fields=["attempts", "message", "status"])


def retry(rows: Iterable[InboxFile]) -> int:
    """Give files that were set aside another five tries; return how many there were."""
    keys = [row.pk for row in rows]
    failed = InboxFile.objects.filter(pk__in=keys, status=FileStatus.FAILED)
    return failed.update(status=FileStatus.WAITING, attempts=0, message="")


def prune(now: datetime) -> None:
    """Forget what arrived long ago, and all but the newest runs."""
    InboxFile.objects.filter(status=FileStatus.DONE, finished_at__lt=now - _KEPT).delete()
    oldest = InboxRun.objects.values_list("pk", flat=True)[_RUNS_KEPT : _RUNS_KEPT + 1]
    for pk in oldest:
        InboxRun.objects.filter(pk__lte=pk).delete()


def _update(files: Sequence[Known], **values: object) -> None:
    for keys in _chunks([known.row.pk for known in files]):
        InboxFile.objects.filter(pk__in=keys).update(**values)
    for known in files:
        for name, value in values.items():
            setattr(known.row, name, value)


def _chunks(keys: list[int]) -> Iterable[list[int]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
