"""The log of the inbox's runs, and what holds it up at present."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from balupi_site.events.kinds import Kind
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.kept import unpacked
from handshake.models import InboxRun, InboxStatus
from handshake.problems import QUIET, InboxError, Trouble
from handshake.services import ledger

logger = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(minutes=10)


def begin(asked_by: str) -> InboxRun:
    """Write that a run begins."""
    return InboxRun.objects.create(asked_by=asked_by, started_at=timezone.now())


def left_something_half_sent() -> bool:
    """Tell whether the run before the present one did; what filled the NAS up counts as nothing."""
    last = InboxRun.objects.order_by("-pk")[1:2].first()
    if last is None or last.trouble in (Trouble.NAS_FULL, Trouble.NAS_IO):
        return False
    return last.finished_at is None or bool(last.trouble)


def add_moved(run: InboxRun, *, files: int, size_bytes: int, renamed: int) -> None:
    """Add files that have arrived."""
    run.files_moved += files
    run.bytes_moved += size_bytes
    run.files_renamed += renamed
    run.save(update_fields=["files_moved", "bytes_moved", "files_renamed"])
    InboxStatus.objects.filter(pk=1, files__gte=files, bytes__gte=size_bytes).update(
        files=F("files") - files, bytes=F("bytes") - size_bytes
    )


def add_failed(run: InboxRun) -> None:
    """Add a file that failed by itself."""
    run.files_failed += 1
    run.save(update_fields=["files_failed"])


@transaction.atomic
def end(run: InboxRun, trouble: InboxError | None) -> InboxRun:
    """Write how a run ended; one that ended just as the one before it only counts there."""
    now = timezone.now()
    run.finished_at = now
    if run.files_moved or run.files_failed:
        _tell_moved(run, now)
    if trouble:
        run.trouble, run.trouble_detail = trouble.code, trouble.detail[:200]
    else:
        logger.info("inbox: %s files, %s bytes moved", run.files_moved, run.bytes_moved)
    if trouble is None or trouble.code not in QUIET:
        _note_trouble(trouble, now)
    before = InboxRun.objects.filter(pk__lt=run.pk).order_by("-pk").first()
    if before and _is_repetition(before, run):
        before.tries += 1
        before.finished_at = now
        before.save(update_fields=["tries", "finished_at"])
        run.delete()
        ledger.prune(now)
        return before
    run.save()
    ledger.prune(now)
    return run


def note_trouble(asked_by: str, trouble: InboxError) -> InboxRun:
    """Note that a run could not even begin; the run that is returned is in no log."""
    if trouble.code not in QUIET:
        _note_trouble(trouble, timezone.now())
    elif trouble.code is Trouble.ASLEEP and InboxStatus.current().trouble == Trouble.NO_DISK:
        _note_trouble(None, timezone.now())  # the look before it has found the disk
    return quiet_run(asked_by, trouble.code, trouble.detail)


def note_nothing_to_do() -> None:
    """Note that nothing is wrong; written only where something was."""
    if InboxStatus.current().trouble and not ledger.is_anything_on_its_way():
        _note_trouble(None, timezone.now())


def quiet_run(asked_by: str, trouble: Trouble, detail: str = "") -> InboxRun:
    """Return a run that did not begin and is in no log."""
    return InboxRun(
        asked_by=asked_by,
        started_at=timezone.now(),
        trouble=trouble.value,
        trouble_detail=detail[:200],
    )


def _is_repetition(before: InboxRun, run: InboxRun) -> bool:
    is_idle = run.files_moved == run.files_failed == before.files_moved == before.files_failed == 0
    return is_idle and bool(run.trouble) and before.trouble == run.trouble


def _tell_moved(run: InboxRun, now: datetime) -> None:
    """Write into the log what a run has moved, and what failed."""
    took_s = (now - run.started_at).total_seconds()
    record(
        Kind.INBOX_MOVED,
        now,
        is_trouble=run.files_failed > 0,
        duration_s=took_s if took_s >= 0 else None,
        by=BALUPI,
        asked_by=str(run.asked_by),
        files=run.files_moved,
        bytes=run.bytes_moved,
        renamed=run.files_renamed,
        failed=run.files_failed,
    )


def _tell_trouble(known: InboxStatus, trouble: InboxError | None, code: str, now: datetime) -> None:
    """Write into the log that the inbox is held up by something new, or by nothing any more."""
    if code and trouble and known.trouble != code:
        why = unpacked(trouble.kept)
        record(Kind.INBOX_HELD_UP, now, is_trouble=True, by=BALUPI, trouble=str(code), why=why)
    elif not code and known.trouble:
        held_s = (now - known.trouble_since).total_seconds() if known.trouble_since else -1.0
        record(
            Kind.INBOX_RECOVERED,
            now,
            duration_s=held_s if held_s >= 0 else None,
            by=BALUPI,
            trouble=known.trouble,
        )


@transaction.atomic
def _note_trouble(trouble: InboxError | None, now: datetime) -> None:
    """Keep what holds up the inbox; told once when it comes and once when it goes."""
    known = InboxStatus.current()
    code = trouble.code if trouble and trouble.code not in QUIET else ""
    if known.trouble == code == "":
        return
    if code and known.trouble != code:
        logger.warning("inbox: %s", trouble)
    elif not code:
        logger.info("inbox: all right again (it was: %s)", known.trouble)
    _tell_trouble(known, trouble, code, now)
    failures = known.failures + 1 if code else 0
    pause = min(_FIRST_PAUSE * 2 ** min(failures - 1, 8), _LONGEST_PAUSE) if code else None
    InboxStatus.objects.update_or_create(
        pk=1,
        defaults={
            "trouble": code,
            "trouble_detail": trouble.detail[:200] if trouble and code else "",
            "trouble_since": known.trouble_since
            if known.trouble == code
            else (now if code else None),
            "failures": failures,
            "next_try_at": now + pause if pause else None,
        },
    )
