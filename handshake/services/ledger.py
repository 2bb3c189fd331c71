"""The ledger: what the database knows of each file of the inbox."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.rows import keep_newest
from handshake.inbox import Entry, path_text
from handshake.models import FileStatus, InboxFile, InboxRun
from nasctl.moments import Moment

#: So many failures of its own, and a file is set aside until a person has looked at it.
MAX_ATTEMPTS = 5
IN_USE = gettext_noop("Somebody has it open; it goes when it is closed.")
_KEPT = timedelta(days=30)
_RUNS_KEPT = 500
_CHUNK = 250
#: SQLite's waiting writers look again after 100 ms at the latest (sqlite3_busy_timeout).
_PAUSE_S = 0.12

_OPEN = (FileStatus.WAITING, FileStatus.SENDING, FileStatus.FAILED)

T = TypeVar("T")


@dataclass(frozen=True)
class Known:
    """A file with its row."""

    entry: Entry
    row: InboxFile


def sync(entries: Sequence[Entry], now: Moment) -> list[Known]:
    """Make the open rows agree with what lies in the inbox; return each file with its row.

    New files get a row, changed ones begin anew, rows of files that are gone end: as done where
    the file had been copied, else without a trace, for somebody has taken it away. Thousands of
    rows are written in turns, so that a call of the NAS need not wait for all of them.
    """
    rows = {row.key: row for row in InboxFile.objects.filter(status__in=_OPEN)}
    found = {entry.key: entry for entry in entries}
    fresh: list[InboxFile] = []
    replaced: dict[str, int] = {}
    for key, entry in found.items():
        old = rows.get(key)
        if old is None or old.version != entry.version:
            fresh.append(_row(entry, now))
            if old is not None:
                replaced[key] = old.pk
    for chunk in _in_turns(fresh):
        with transaction.atomic():
            # Much faster than an update with another value in every row.
            old_pks = [replaced[row.key] for row in chunk if row.key in replaced]
            InboxFile.objects.filter(pk__in=old_pks).delete()
            InboxFile.objects.bulk_create(chunk)
    _end_gone([row for key, row in rows.items() if key not in found], now)
    rows |= {row.key: row for row in fresh}
    return [Known(entry, rows[key]) for key, entry in found.items()]


def _row(entry: Entry, now: Moment) -> InboxFile:
    return InboxFile(
        key=entry.key,
        name=path_text(entry.path),
        size_bytes=entry.size_bytes,
        mtime_ns=entry.mtime_ns,
        ctime_ns=entry.ctime_ns,
        inode=entry.inode,
        noticed_at=now.at,
        uptime_s=now.uptime_s,
        boot_id=now.boot_id,
    )


def _end_gone(gone: Iterable[InboxFile], now: Moment) -> None:
    for chunk in _in_turns([row.pk for row in gone]):
        ended = InboxFile.objects.filter(pk__in=chunk)
        with transaction.atomic():
            ended.filter(is_copied=False).delete()
            ended.update(status=FileStatus.DONE, finished_at=now.at)


def is_anything_on_its_way() -> bool:
    """Tell whether files wait for the NAS, those that were set aside left out."""
    on_their_way = (FileStatus.WAITING, FileStatus.SENDING)
    return InboxFile.objects.filter(status__in=on_their_way).exists()


def mark_sending(files: Sequence[Known]) -> None:
    """Note that files are on their way."""
    _update(files, status=FileStatus.SENDING)


def mark_waiting(files: Sequence[Known]) -> None:
    """Note that files go later."""
    _update(files, status=FileStatus.WAITING)


def mark_copied(files: Sequence[Known], stored_as: str = "") -> None:
    """Note that these versions are on the NAS, whole; they are not confirmed and not removed yet."""
    _update(files, is_copied=True, stored_as=stored_as)


def mark_in_use(files: Sequence[Known]) -> None:
    """Note that somebody has files open, so that they wait; written only where that is new."""
    _update([known for known in files if known.row.message != IN_USE], message=IN_USE)


def end_sending() -> None:
    """Nothing is on its way any more: whatever still was waits for the next run."""
    InboxFile.objects.filter(status=FileStatus.SENDING).update(status=FileStatus.WAITING)


def mark_done(files: Sequence[Known], now: datetime) -> None:
    """Note that files have arrived and are gone from here."""
    _update(files, status=FileStatus.DONE, finished_at=now, message="")


def mark_failure(known: Known, message: str) -> None:
    """Note a failure that was the file's own, with a kept sentence; the fifth sets it aside."""
    row = known.row
    row.attempts += 1
    row.message = message[:600]
    is_over = row.attempts >= MAX_ATTEMPTS
    row.status = FileStatus.FAILED if is_over else FileStatus.WAITING
    row.save(update_fields=["attempts", "message", "status"])


def retry(rows: Iterable[InboxFile]) -> int:
    """Give files that were set aside another five tries; return how many there were."""
    keys = [row.pk for row in rows]
    failed = InboxFile.objects.filter(pk__in=keys, status=FileStatus.FAILED)
    with transaction.atomic():
        count = failed.update(status=FileStatus.WAITING, attempts=0, message="")
        if count:
            record(Kind.INBOX_RETRIED, timezone.now(), files=count)
    return count


def prune(now: datetime) -> None:
    """Forget what arrived long ago, and all but the newest runs."""
    old = InboxFile.objects.filter(status=FileStatus.DONE, finished_at__lt=now - _KEPT)
    for chunk in _in_turns(list(old.values_list("pk", flat=True))):
        InboxFile.objects.filter(pk__in=chunk).delete()
    keep_newest(InboxRun, _RUNS_KEPT)


def _update(files: Sequence[Known], **values: object) -> None:
    for chunk in _in_turns([known.row.pk for known in files]):
        InboxFile.objects.filter(pk__in=chunk).update(**values)
    for known in files:
        for name, value in values.items():
            setattr(known.row, name, value)


def _in_turns(items: Sequence[T]) -> Iterator[list[T]]:
    """Yield a few at a time, with a pause in which whoever waits for SQLite's one writer gets his turn."""
    for start in range(0, len(items), _CHUNK):
        if start:
            time.sleep(_PAUSE_S)
        yield list(items[start : start + _CHUNK])
