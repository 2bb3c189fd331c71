"""Holding the files that are sent, so that nobody writes to them meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from handshake import inbox
from handshake.folder import Held, NotHeld, NotHeldError
from handshake.services import ledger
from handshake.services.ledger import Known
from nasctl.moments import present_moment

#: Links to the files that are sent: in memory, the card need not know of them.
_MEMORY = Path("/dev/shm")  # noqa: S108  # folders of their own, made by tempfile

_NOT_OURS = gettext_noop("It belongs to another user, so BaluPi cannot take it; change its owner.")
_NOT_SENT = gettext_noop("It cannot be sent: %(error)s")


@dataclass
class Batch:
    """Files that are sent together.

    Attributes:
        files: by the path that they get on the NAS.
        renamed: the number in their names, where their own were taken; 0: they keep them.
        settled_s: when the NAS's disk should have them, by the monotonic clock.
    """

    files: dict[bytes, Known]
    renamed: int = 0
    settled_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        """Return the size of all of them."""
        return sum(known.entry.size_bytes for known in self.files.values())


@dataclass
class Taken:
    """The files that are held, by their path on the NAS; those that wait; those that cannot be taken."""

    held: dict[bytes, Held] = field(default_factory=dict)
    waiting: list[Known] = field(default_factory=list)
    failed: list[tuple[Known, str]] = field(default_factory=list)


def free_ones(ready: Sequence[Known]) -> list[Known]:
    """Return the files that nobody writes to; of the others the ledger says so."""
    free: list[Known] = []
    in_use: list[Known] = []
    for known in ready:
        try:
            with Held(settings.INBOX_DIR, known.entry):
                free.append(known)
        except NotHeldError as error:
            if error.reason is NotHeld.IN_USE:
                in_use.append(known)
            elif error.reason is NotHeld.NOT_OURS:
                free.append(known)  # the run tells
    ledger.mark_in_use(in_use)
    return free


def take(batch: Batch, stack: ExitStack) -> Taken:
    """Hold the files of a batch; those that cannot be held leave it."""
    taken = Taken()
    for path, known in list(batch.files.items()):
        try:
            held = stack.enter_context(Held(settings.INBOX_DIR, known.entry))
        except NotHeldError as error:
            del batch.files[path]
            if error.reason is NotHeld.NOT_OURS:
                taken.failed.append((known, _NOT_OURS))
            else:
                taken.waiting.append(known)
            continue
        if held.has_lease or _is_long_quiet(known):
            taken.held[path] = held
        else:
            taken.waiting.append(batch.files.pop(path))
    return taken


@contextmanager
def links(batch: Batch, taken: Taken) -> Iterator[Path]:
    """Give a folder with a link to each held file, under the name that it gets on the NAS.

    The links lead to the very files that are held: a name may be given to another file meanwhile,
    which a lease does not prevent.
    """
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="balupi-", dir=where) as folder:
        for path, held in taken.held.items():
            link = os.path.join(os.fsencode(folder), path)  # noqa: PTH118  # bytes
            try:
                os.makedirs(os.path.dirname(link), exist_ok=True)  # noqa: PTH103, PTH120
                os.symlink(held.link_target, link)  # noqa: PTH211
            except OSError as error:
                taken.failed.append(
                    (batch.files.pop(path), kept(_NOT_SENT, error=str(error.strerror)))
                )
        yield Path(folder)


def _is_long_quiet(known: Known) -> bool:
    now = present_moment()
    noticed_ago = timedelta(seconds=known.row.noticed.elapsed_s(now))
    needed = inbox.QUIET_TIME_WITHOUT_LEASE
    return inbox.is_quiet(known.entry, noticed_ago, now.at, needed=needed)


def place_of(known: Known) -> bytes:
    """Return where a file is on this Pi."""
    return os.path.join(os.fsencode(settings.INBOX_DIR), known.entry.path)  # noqa: PTH118  # bytes
