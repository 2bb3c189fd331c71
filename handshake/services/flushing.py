"""Moving the inbox to the NAS: whatever happens in between, each file is here or there, and whole."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from balupi_site.lib.locks import file_lock
from handshake import inbox
from handshake.folder import Held, NotHeld, NotHeldError, remove_empty_folders
from handshake.models import InboxRun
from handshake.problems import InboxError, Trouble
from handshake.rsync import Match, Nas, Stop
from handshake.services import ledger, looking, progress, runs
from handshake.services.ledger import Known
from nasctl.moments import present_moment

logger = logging.getLogger(__name__)

_LOCK = "inbox"
_MAX_RENAMES = 20
_NO_ROOM = frozenset({Trouble.NAS_FULL, Trouble.NAS_IO})
#: People's view of a run that waits ends after a minute of silence.
_TELL_AT_LEAST_S = 10.0
_NOT_OURS = "It belongs to another user, so BaluPi cannot take it; change its owner."

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
        try:
            found = looking.look(settings.INBOX_DIR)
            looking.require_nas_awake()
        except InboxError as trouble:
            return runs.note_trouble(asked_by, trouble)
        if not found.ready:
            runs.note_nothing_to_do()
            return None
        mover = _Mover(runs.begin(asked_by), target or nas(), sleep)
        return mover.run(found.ready)


@dataclass
class _Batch:
    """Files that are sent together.

    Attributes:
        files: by the path that they get on the NAS.
        renamed: the number in their names, where their own were taken; 0: they keep them.
        overwrite: what is there under their names is an older version that we copied.
        settled_s: when the NAS's disk should have them, by the monotonic clock.
    """

    files: dict[bytes, Known]
    renamed: int = 0
    overwrite: bool = False
    settled_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        return sum(known.entry.size_bytes for known in self.files.values())


@dataclass(frozen=True)
class _Copied:
    """What a batch looks like on the NAS, what rsync said, and why not all of it is there."""

    matches: dict[bytes, Match]
    complaints: str
    trouble: InboxError | None


@dataclass(frozen=True)
class _Left:
    """The files that are held, and those that cannot be: for now, or because they are not ours."""

    held: list[Held]
    waiting: list[Known]
    foreign: list[Known]


@dataclass
class _Mover:
    """One run: send a batch, send the next, and meanwhile confirm and remove the first."""

    run_row: InboxRun
    target: Nas
    sleep: Callable[[float], object]
    teller: progress.Teller = field(init=False)
    to_send: deque[_Batch] = field(default_factory=deque)
    sending: _Batch | None = None
    trouble: InboxError | None = None  # nothing more is sent, but what arrived is confirmed
    to_confirm: deque[_Batch] = field(default_factory=deque)

    def run(self, ready: Sequence[Known]) -> InboxRun:
        by_path = {known.entry.path: known for known in ready}
        files = [by_path[entry.path] for entry in inbox.in_order(known.entry for known in ready)]
        self.teller = progress.Teller(
            files_total=len(files), bytes_total=sum(known.entry.size_bytes for known in files)
        )
        try:
            self.target.require_marker()
            self.target.sweep(keep_partial=not runs.last_was_whole())
            for batch in inbox.batches(known.entry for known in files):
                self.to_send.append(_Batch({entry.path: by_path[entry.path] for entry in batch}))
            self._work()
        except InboxError as error:
            self.trouble = error
        finally:
            self._let_go()
            progress.clear()
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
            self._tell("confirming")
            self.sleep(min(wait_s, _TELL_AT_LEAST_S))

    # Sending

    def _send(self, batch: _Batch) -> None:
        """Send a batch and compare it, while nobody can write to its files.

        What somebody wants to write to leaves the batch; then the rest is sent again, of which
        only what is not there yet crosses the network.
        """
        self.sending = batch
        while batch.files:
            ledger.mark_sending(list(batch.files.values()))
            with ExitStack() as stack:  # no database in here: whoever wants to write is waiting
                left = _hold(batch, stack)
                copied = self._copy(batch, left.held) if batch.files else None
            self._leave(left)
            if copied is not None:
                self._conclude(batch, copied)
                break
        self.sending = None
        self.teller.finish_batch(batch.size_bytes)
        if batch.files:
            batch.settled_s = time.monotonic() + settings.INBOX_SETTLE_SECONDS
            self.to_confirm.append(batch)
        self.trouble = copied.trouble if copied else None

    def _copy(self, batch: _Batch, held: Sequence[Held]) -> _Copied | None:
        """Send and compare; None where somebody wants to write to one of the files."""
        paths, links, stop = list(batch.files), bool(batch.renamed), partial(_why_stop, held)
        trouble, complaints = None, ""
        with self._root(batch) as root:
            try:
                sent = self.target.send(
                    root,
                    paths,
                    size_bytes=batch.size_bytes,
                    overwrite=batch.overwrite,
                    follow_links=links,
                    stop=stop,
                    progress=lambda count: self._tell("sending", count),
                )
            except InboxError as error:
                if error.code not in _NO_ROOM:
                    raise
                trouble = error  # what arrived before that has arrived
            else:
                if sent.stopped:
                    return None
                complaints = sent.complaints

            def tell_and_stop() -> Stop | None:
                self._tell("comparing", batch.size_bytes)
                return stop()

            matches = self.target.compare(
                root, paths, size_bytes=batch.size_bytes, follow_links=links, stop=tell_and_stop
            )
        return None if matches is None else _Copied(matches, complaints, trouble)

    def _conclude(self, batch: _Batch, copied: _Copied) -> None:
        """Leave in the batch what is on the NAS as it is here; find another way for the rest."""
        matches = copied.matches
        others = {
            path: batch.files.pop(path)
            for path in list(batch.files)
            if matches.get(path) is not Match.SAME
        }
        ledger.mark_copied(list(batch.files.values()), _renamed_text(batch))
        differing = {
            path: known for path, known in others.items() if matches.get(path) is Match.DIFFERENT
        }
        self._find_other_way(differing, batch)
        absent = {path: known for path, known in others.items() if path not in differing}
        for path, known in absent.items():
            if copied.trouble is None and os.path.lexists(_place(known)):
                self._fail(known, _complaint_about(path, copied.complaints))
        ledger.mark_waiting([known for known in absent.values() if copied.trouble])

    def _leave(self, left: _Left) -> None:
        """Note that files could not be held now."""
        ledger.mark_waiting(left.waiting)
        for known in left.foreign:
            self._fail(known, _NOT_OURS)

    def _find_other_way(self, differing: dict[bytes, Known], batch: _Batch) -> None:
        """Replace what is an older copy of ours; everything else on the NAS stays, ours is renamed."""
        if not differing:
            return
        there = {} if batch.overwrite else self.target.versions(list(differing))
        for path, known in differing.items():
            if not batch.renamed and _is_our_copy(known, there.get(path)):
                self.to_send.append(_Batch({path: known}, overwrite=True))
            elif batch.renamed < _MAX_RENAMES:
                number = batch.renamed + 1
                zone = ZoneInfo(settings.TIME_ZONE)
                name = inbox.conflict_path(known.entry, number, zone)
                self.to_send.append(_Batch({name: known}, renamed=number))
            else:
                self._fail(known, "The NAS has other files under all names that it could get.")

    # Confirming

    def _confirm(self, batch: _Batch) -> None:
        """Remove what is still on the NAS now that its disk has had the time to keep it."""
        self._tell("confirming")
        there = self.target.versions(list(batch.files))
        kept: list[Known] = []
        lost: list[Known] = []  # by the NAS, as after a power cut: they go once more
        for path, known in batch.files.items():
            is_there = path in there and there[path][0] == known.entry.size_bytes
            (kept if is_there else lost).append(known)
        ledger.mark_waiting(lost)
        self._remove(kept, batch)

    def _remove(self, files: Sequence[Known], batch: _Batch) -> None:
        removed: list[Known] = []
        left: list[Known] = []
        for known in files:
            try:
                with Held(settings.INBOX_DIR, known.entry) as held:
                    held.remove()
            except NotHeldError:  # changed since; the next look sees the new version
                left.append(known)
            except OSError as error:
                self._fail(known, f"It is on the NAS, but cannot be removed here: {error.strerror}")
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
        self._tell("confirming", at_once=True)

    def _fail(self, known: Known, message: str) -> None:
        logger.warning("inbox: %s: %s", known.row.name, message)
        ledger.mark_failure(known, message)
        runs.add_failed(self.run_row)

    def _let_go(self) -> None:
        """Whatever was not confirmed waits for the next run."""
        left = (*self.to_send, *self.to_confirm, *([self.sending] if self.sending else []))
        ledger.mark_waiting([known for batch in left for known in batch.files.values()])

    @contextmanager
    def _root(self, batch: _Batch) -> Iterator[Path]:
        """Give the folder that a batch's paths begin at: the inbox, or links under other names."""
        if not batch.renamed:
            yield settings.INBOX_DIR
            return
        with tempfile.TemporaryDirectory(prefix="balupi-") as folder:
            for path, known in batch.files.items():
                link = os.path.join(os.fsencode(folder), path)  # noqa: PTH118  # bytes
                os.makedirs(os.path.dirname(link), exist_ok=True)  # noqa: PTH103, PTH120
                os.symlink(_place(known), link)  # noqa: PTH211
            yield Path(folder)

    def _tell(self, phase: str, sent_bytes: int = 0, *, at_once: bool = False) -> None:
        self.teller.phase = phase
        self.teller.tell(timezone.now(), sent_bytes, at_once=at_once)


def _hold(batch: _Batch, stack: ExitStack) -> _Left:
    """Hold the files of a batch; those that cannot be held leave it."""
    left = _Left([], [], [])
    for path, known in list(batch.files.items()):
        try:
            one = stack.enter_context(Held(settings.INBOX_DIR, known.entry))
        except NotHeldError as error:
            is_foreign = error.reason is NotHeld.NOT_OURS
            (left.foreign if is_foreign else left.waiting).append(batch.files.pop(path))
            continue
        if one.has_lease or _is_long_quiet(known):
            left.held.append(one)
        else:
            left.waiting.append(batch.files.pop(path))
    return left


def _place(known: Known) -> bytes:
    """Return where a file is on this Pi."""
    return os.path.join(os.fsencode(settings.INBOX_DIR), known.entry.path)  # noqa: PTH118  # bytes


def _why_stop(held: Sequence[Held]) -> Stop | None:
    if _ending.is_set():
        return Stop.ENDING
    return Stop.WANTED if any(one.is_wanted for one in held) else None


def _is_long_quiet(known: Known) -> bool:
    now = present_moment()
    noticed_ago = timedelta(seconds=known.row.noticed.elapsed_s(now))
    needed = inbox.QUIET_TIME_WITHOUT_LEASE
    return inbox.is_quiet(known.entry, noticed_ago, now.at, needed=needed)


def _is_our_copy(known: Known, there: tuple[int, int | None] | None) -> bool:
    """Tell whether what the NAS has under a name is exactly what we copied there before."""
    row = known.row
    if there is None or row.copied_size_bytes is None or row.copied_mtime_ns is None:
        return False
    return there == (row.copied_size_bytes, row.copied_mtime_ns // 10**9)


def _renamed_text(batch: _Batch) -> str:
    return inbox.path_text(next(iter(batch.files))) if batch.renamed and batch.files else ""


def _complaint_about(path: bytes, complaints: str) -> str:
    """Return what rsync said of a file, or what it said at all."""
    name = inbox.path_text(path.rpartition(b"/")[2])
    lines = [line for line in complaints.splitlines() if line.strip()]
    about = [line for line in lines if name in line]
    return next(iter(about or lines), "It did not arrive, and rsync does not say why.")
