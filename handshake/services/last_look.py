"""When the inbox was last found as its row has it: in Redis, as that is news at each look and no fact."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from balupi_site.lib.remembered import Remembered
from handshake.models import InboxStatus


@dataclass(frozen=True)
class _Look:
    """A look that found nothing new.

    Attributes:
        row_at: when the row was written that it found to be right still.
        at: when it was.
        disk_mark: what ``folder.disk_mark`` said then.
    """

    row_at: datetime
    at: datetime
    disk_mark: str


def _of_text(text: str) -> _Look:
    data = json.loads(text)
    time = datetime.fromisoformat
    return _Look(time(data["row_at"]), time(data["at"]), str(data["disk_mark"]))


_remembered = Remembered[_Look](
    "inbox:look",
    "when the inbox was looked into",
    to_text=lambda look: json.dumps(asdict(look), default=datetime.isoformat),
    of_text=_of_text,
)


def current_status() -> InboxStatus:
    """Return what is known of the inbox, with the time and disk mark of the last look.

    Without Redis they are those of the last look that found something new.
    """
    known, look = InboxStatus.current(), _remembered.load()
    # Only of this row: what was kept before the row was written is older than it.
    if look and look.row_at == known.scanned_at:
        known.scanned_at, known.disk_mark = look.at, look.disk_mark
    return known


def keep(now: datetime, disk_mark: str) -> bool:
    """Note that a look found what the row has already; False while Redis is away."""
    row_at = InboxStatus.current().scanned_at
    return row_at is not None and _remembered.save(_Look(row_at, now, disk_mark))
