"""Moving the inbox to the NAS: whatever happens in between, each file is here or there, and whole."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_noop

from balupi_site.lib.clock import household_zone
from balupi_site.lib.kept import kept, retold
from balupi_site.lib.locks import file_lock
from handshake import inbox
from handshake.folder import Held, NotHeldError, remove_empty_folders
from handshake.models import InboxRun
from handshake.problems import InboxError, Trouble
from handshake.rsync import Nas
from handshake.rsync_run import Stop
from handshake.rsync_words import Match, complaint_about
from handshake.services import ledger, looking, progress, runs
from handshake.services.ledger import Known
from handshake.services.progress import Phase
from handshake.services.taking import Batch, free_ones, links, place_of, take

logger = logging.getLogger(__name__)

_LOCK = "inbox"
_MAX_RENAMES = 20
#: People's view of a run that waits ends after a minute of silence.
_TELL_AT_LEAST_S = 10.0
#: What arrived before one of these has arrived; no more is sent in the same run.
_ENDS_SENDING = frozenset({Trouble.NAS_FULL, Trouble.NAS_IO, Trouble.TOO_SLOW})

_TAKEN = gettext_noop("The NAS has other files under all names that it could get.")
_STAYS = gettext_noop("It is on the NAS, but cannot be removed here: %(error)s")
_NOT_ARRIVED = gettext_noop("It did not arrive, and rsync does not say why.")
_VANISHED = gettext_noop(
    "It was copied, but a moment later it was not on the NAS any more. Who takes it away there?"
)

_ending = threading.Event()


def stop_flushing() -> None:
    """End a transfer of this process soon, and begin no other; safe in a signal handler."""
    _ending.set()


def nas() -> Nas:
    """Return the NAS as the settings have it."""
    return Nas(
        host=settings.NAS_IP,
        port=settings.NAS_SSH_PORT,
        user=settings.NAS_SSH_USER,
        key=settings.NAS_SSH_KEY,
        known_hosts=settings.NAS_SSH_KNOWN_HOSTS,
        stop=lambda: Stop.ENDING if _ending.is_set() else None,
    )


def flush(
    asked_by: str, *, target: Nas | None = None, sleep: Callable[[float], object] = _ending.wait
) -> InboxRun | None:
    """Look into the inbox and move to the NAS what is ready; a second call at once does nothing.

    Never raises for what can go wrong outside: that is in the run that is returned.

    Args:
        asked_by: one of ``AskedBy``.
        target: the NAS; None: as the settings have it.
        sleep: waits for a number of seconds.

    Returns:
        The run; None where there was nothing to move and nothing wrong.
    """
    with file_lock(_LOCK) as is_ours:
        if not is_ours:
            return runs.quiet_run(asked_by, Trouble.BUSY)
        ledger.end_sending()
        try:
            found = looking.look(settings.INBOX_DIR)
            looking.require_nas_awake()
            ready = free_ones(found.ready)
        except InboxError as trouble:
            return runs.note_trouble(asked_by, trouble)
        except OSError as error:
            return runs.note_trouble(asked_by, _local(error))
        if not ready:
            runs.note_nothing_to_do()
            return None
        return _Mover(runs.begin(asked_by), target or nas(), sleep).run(ready)


def _local(error: OSError) -> InboxError:
    return InboxError(Trouble.LOCAL, f"{error.strerror or error}")


@dataclass(frozen=True)
class _Copied:
    """What a batch looks like on the NAS, what rsync said, and why not all of it is there."""

    matches: Mapping[bytes, Match]
    complaints: str
    trouble: InboxError | None


@dataclass
class _Mover:
    """One run: send a batch, send the next, and meanwhile confirm and remove the first."""

    run_row: InboxRun
    target: Nas
    sleep: Callable[[float], object]
    teller: progress.Teller = field(init=False)
    to_send: deque[Batch] = field(default_factory=deque)
    to_confirm: deque[Batch] = field(default_factory=deque)
    trouble: InboxError | None = None  # nothing more is sent, but what arrived is confirmed

    def run(self, ready: Sequence[Known]) -> InboxRun:
        by_path = {known.entry.path: known for known in ready}
        files = inbox.in_order(known.entry for known in ready)
        self.teller = progress.Teller(
            files_total=len(files), bytes_total=sum(entry.size_bytes for entry in files)
        )
        try:
            self.target.require_marker()
            self.target.sweep(keep_partial=runs.left_something_half_sent())
            for batch in inbox.batches(files):
                self.to_send.append(Batch({entry.path: by_path[entry.path] for entry in batch}))
            self._work()
        except InboxError as error:
            self.trouble = error
        except OSError as error:
            self.trouble = _local(error)
        finally:
            progress.clear()
            ledger.end_sending()
        return runs.end(self.run_row, self.trouble)

    def _work(self) -> None:
        while self.to_confirm or (self.to_send and self.trouble is None):
            if self.to_send and self.trouble is None:
                self._send(self.to_send.popleft())
            else:
                self._wait_until(self.to_confirm[0].settled_s)
            if _ending.is_set():
                raise InboxError(Trouble.STOPPED)
            while self.to_confirm and self.to_confirm[0].settled_s <= time.monotonic():
                self._confirm(self.to_confirm.popleft())

    def _wait_until(self, at_s: float) -> None:
        while (wait_s := at_s - time.monotonic()) > 0 and not _ending.is_set():
            self._tell(Phase.CONFIRMING)
            self.sleep(min(wait_s, _TELL_AT_LEAST_S))

    # Sending

    def _send(self, batch: Batch) -> None:
        """Send a batch and compare it, while nobody can write to its files.

        What somebody wants to write to leaves the batch; then the rest is sent again, of which
        only what is not there yet crosses the network.
        """
        copied: _Copied | None = None
        while batch.files and copied is None:
            ledger.mark_sending(list(batch.files.values()))
            with ExitStack() as stack:  # no database in here: whoever wants to write is waiting
                taken = take(batch, stack)
                with links(batch, taken) as folder:
                    copied = self._copy(batch, folder, taken.held) if batch.files else None
            ledger.mark_waiting(taken.waiting)
            for known, message in taken.failed:
                self._fail(known, message)
        self.teller.finish_batch(batch.size_bytes)
        if copied is None:
            return
        self._conclude(batch, copied)
        self.trouble = copied.trouble
        if batch.files:
            batch.settled_s = time.monotonic() + settings.INBOX_SETTLE_SECONDS
            self.to_confirm.append(batch)

    def _copy(self, batch: Batch, folder: Path, held: Mapping[bytes, Held]) -> _Copied | None:
        """Send and compare; None where somebody wants to write to one of the files."""
        paths, size_bytes = list(batch.files), batch.size_bytes
        trouble, complaints = None, ""

        def stop() -> Stop | None:
            return _why_stop(held)

        def tell_and_stop() -> Stop | None:
            self._tell(Phase.COMPARING, size_bytes)
            return _why_stop(held)

        try:
            sent = self.target.send(
                folder,
                paths,
                size_bytes=size_bytes,
                stop=stop,
                progress=lambda count: self._tell(Phase.SENDING, count),
            )
        except InboxError as error:
            if error.code not in _ENDS_SENDING:
                raise
            trouble = error
        else:
            if sent.stopped:
                return None
            complaints = sent.complaints
        matches = self.target.compare(folder, paths, size_bytes=size_bytes, stop=tell_and_stop)
        return None if matches is None else _Copied(matches, complaints, trouble)

    def _conclude(self, batch: Batch, copied: _Copied) -> None:
        """Leave in the batch what is on the NAS as it is here; find another way for the rest."""
        same = {path for path in batch.files if copied.matches.get(path) is Match.SAME}
        others = {path: known for path, known in batch.files.items() if path not in same}
        batch.files = {path: known for path, known in batch.files.items() if path in same}
        stored_as = inbox.path_text(next(iter(same))) if batch.renamed and same else ""
        ledger.mark_copied(list(batch.files.values()), stored_as)
        if not same and copied.trouble is None and "Permission denied (13)" in copied.complaints:
            raise InboxError(Trouble.NAS_NOT_WRITABLE, copied.complaints.partition("\n")[0])
        for path, known in others.items():
            if copied.matches.get(path) is Match.DIFFERENT:
                self._rename(known, batch.renamed + 1)
            elif copied.trouble is None and os.path.lexists(place_of(known)):
                self._fail(known, complaint_about(path, copied.complaints) or _NOT_ARRIVED)

    def _rename(self, known: Known, number: int) -> None:
        """Send a file under another name: nothing on the NAS is ever overwritten."""
        if number > _MAX_RENAMES:
            self._fail(known, _TAKEN)
            return
        path = inbox.conflict_path(known.entry, number, household_zone())
        self.to_send.append(Batch({path: known}, renamed=number))

    # Confirming

    def _confirm(self, batch: Batch) -> None:
        """Remove what is still on the NAS now that its disk has had the time to keep it."""
        self._tell(Phase.CONFIRMING)
        there = self.target.versions(list(batch.files))
        still: list[Known] = []
        for path, known in batch.files.items():
            if path in there and there[path][0] == known.entry.size_bytes:
                still.append(known)
            else:
                self._fail(known, _VANISHED)
        self._remove(still, batch)

    def _remove(self, files: Sequence[Known], batch: Batch) -> None:
        removed: list[Known] = []
        left: list[Known] = []
        for known in files:
            try:
                with Held(settings.INBOX_DIR, known.entry) as held:
                    held.remove()
            except NotHeldError:  # changed since; the next look sees the new version
                left.append(known)
            except OSError as error:
                self._fail(known, kept(_STAYS, error=str(error.strerror)))
            else:
                removed.append(known)
        ledger.mark_waiting(left)
        ledger.mark_done(removed, timezone.now())
        remove_empty_folders(settings.INBOX_DIR, [known.entry.path for known in removed])
        self.teller.files_done += len(removed)
        runs.add_moved(
            self.run_row,
            files=len(removed),
            size_bytes=sum(known.entry.size_bytes for known in removed),
            renamed=len(removed) if batch.renamed else 0,
        )
        self._tell(Phase.CONFIRMING, at_once=True)

    def _fail(self, known: Known, message: str) -> None:
        logger.warning("inbox: %s: %s", known.row.name, retold(message))
        ledger.mark_failure(known, message)
        runs.add_failed(self.run_row)

    def _tell(self, phase: Phase, sent_bytes: int = 0, *, at_once: bool = False) -> None:
        self.teller.phase = phase
        self.teller.tell(timezone.now(), sent_bytes, at_once=at_once)


def _why_stop(held: Mapping[bytes, Held]) -> Stop | None:
    if _ending.is_set():
        return Stop.ENDING
    return Stop.WANTED if any(one.is_wanted for one in held.values()) else None
