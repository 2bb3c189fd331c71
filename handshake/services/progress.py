"""How a running transfer goes, for people; lives in Redis, as it changes every second."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from balupi_site.lib.remembered import Remembered

#: Told every second while it goes on; older figures are of a run that was cut off.
_LASTS_S = 60
_TOLD_EVERY_S = 1.0
#: The rate is that of the last seconds, not of hours ago.
_RATE_OVER_S = 20.0


class Phase(StrEnum):
    """What a transfer is at."""

    SENDING = "sending"
    COMPARING = "comparing"  # what was sent, with what is here
    CONFIRMING = "confirming"  # the NAS's disk is given time, then all of it is still there


@dataclass(frozen=True)
class Progress:
    """A transfer that runs.

    Attributes:
        bytes_sent: of this run, also of files that are not confirmed yet.
        rate_bytes_s: None in the first second.
        left_s: as the rate has it; None where there is none.
        at: when this was told.
    """

    phase: Phase
    files_total: int
    files_done: int
    bytes_total: int
    bytes_sent: int
    rate_bytes_s: float | None
    left_s: float | None
    at: datetime


class Teller:
    """Tells how far a run is, once a second; Redis away: nobody is told."""

    def __init__(self, *, files_total: int, bytes_total: int) -> None:
        self.files_total, self.bytes_total = files_total, bytes_total
        self.files_done = 0
        self.phase = Phase.SENDING
        self._sent_before = 0
        self._told_s = float("-inf")
        self._marks: list[tuple[float, int]] = [(time.monotonic(), 0)]

    def finish_batch(self, size_bytes: int) -> None:
        """Add a batch that was sent; the next one counts from 0 again."""
        self._sent_before += size_bytes

    def tell(self, now: datetime, sent_bytes: int = 0, *, at_once: bool = False) -> None:
        """Tell how much of the present batch was sent."""
        now_s, total = time.monotonic(), self._sent_before + sent_bytes
        if now_s - self._told_s < _TOLD_EVERY_S and not at_once:
            return
        self._told_s = now_s
        rate = self._rate(now_s, total)
        left = max(self.bytes_total - total, 0)
        save(
            Progress(
                phase=self.phase,
                files_total=self.files_total,
                files_done=self.files_done,
                bytes_total=self.bytes_total,
                bytes_sent=min(total, self.bytes_total),
                rate_bytes_s=rate,
                left_s=left / rate if rate else None,
                at=now,
            )
        )

    def _rate(self, now_s: float, total: int) -> float | None:
        self._marks = [mark for mark in self._marks if now_s - mark[0] <= _RATE_OVER_S][-60:]
        first_s, first = self._marks[0] if self._marks else (now_s, total)
        self._marks.append((now_s, total))
        return (
            (total - first) / (now_s - first_s) if now_s - first_s >= 1 and total > first else None
        )


def _of_text(text: str) -> Progress:
    data = json.loads(text)
    return Progress(
        **{**data, "phase": Phase(data["phase"]), "at": datetime.fromisoformat(data["at"])}
    )


_remembered = Remembered[Progress](
    "inbox:progress",
    "how the inbox goes",
    to_text=lambda progress: json.dumps(asdict(progress), default=str),
    of_text=_of_text,
    lasts_s=_LASTS_S,
)
save, load, clear = _remembered.save, _remembered.load, _remembered.forget
