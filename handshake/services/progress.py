"""How a running transfer goes, for people; lives in Redis, as it changes every second."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import datetime

from balupi_site.lib.redis import RedisError, client

logger = logging.getLogger(__name__)

_KEY = "inbox:progress"
#: Told every second while it goes on; older figures are of a run that was cut off.
_LASTS_S = 60
_TOLD_EVERY_S = 1.0
#: The rate is that of the last seconds, not of hours ago.
_RATE_OVER_S = 20.0


@dataclass(frozen=True)
class Progress:
    """A transfer that runs.

    Attributes:
        phase: "sending", or "confirming": everything was sent and is compared.
        bytes_sent: of this run, also of files that are not confirmed yet.
        rate_bytes_s: None in the first second.
        left_s: as the rate has it; None where there is none.
        at: when this was told.
    """

    phase: str
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
        self.phase = "sending"
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
        progress = Progress(
            phase=self.phase,
            files_total=self.files_total,
            files_done=self.files_done,
            bytes_total=self.bytes_total,
            bytes_sent=min(total, self.bytes_total),
            rate_bytes_s=rate,
            left_s=left / rate if rate else None,
            at=now,
        )
        save(progress)

    def _rate(self, now_s: float, total: int) -> float | None:
        self._marks = [mark for mark in self._marks if now_s - mark[0] <= _RATE_OVER_S][-60:]
        first_s, first = self._marks[0] if self._marks else (now_s, total)
        self._marks.append((now_s, total))
        return (
            (total - first) / (now_s - first_s) if now_s - first_s >= 1 and total > first else None
        )


def save(progress: Progress) -> None:
    """Keep it for pages."""
    try:
        client().set(_KEY, json.dumps(asdict(progress), default=str), ex=_LASTS_S)
    except RedisError as error:
        logger.debug("Redis does not keep the inbox's progress: %s", error)


def clear() -> None:
    """Nothing runs any more."""
    try:
        client().delete(_KEY)
    except RedisError as error:
        logger.debug("Redis keeps the inbox's old progress: %s", error)


def load() -> Progress | None:
    """Return how it goes; None where nothing runs or Redis is away."""
    try:
        text = client().get(_KEY)
        data = json.loads(str(text)) if text else None
        return Progress(**{**data, "at": datetime.fromisoformat(data["at"])}) if data else None
    except RedisError as error:
        logger.debug("Redis does not say how the inbox goes: %s", error)
    except (ValueError, TypeError, KeyError) as error:  # of another release
        logger.warning("what Redis knows of the inbox cannot be read: %s", error)
    return None
