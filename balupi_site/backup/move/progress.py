"""Rule: what to tell of a work that takes its time, and when."""

from __future__ import annotations

from collections.abc import Callable

#: The clock is not asked for each row.
ROWS_PER_LOOK = 2000


class Progress:
    """Tells how far a work is, each time that some seconds have passed."""

    def __init__(
        self, tell: Callable[[str], None], clock: Callable[[], float], every_s: float
    ) -> None:
        """Keep whom to tell, what tells the seconds, and how many of them are worth a word."""
        self._tell, self._clock, self._every_s = tell, clock, every_s
        self._what, self._total, self._done = "", 0, 0
        self._told_at_s = clock()

    def say(self, what: str) -> None:
        """Tell what is done next, at once: it cannot be counted."""
        self._told_at_s = self._clock()
        self._tell(what)

    def begin(self, what: str, total_rows: int) -> None:
        """Begin a part of the work."""
        self._what, self._total, self._done = what, total_rows, 0

    def row(self) -> None:
        """Count one row."""
        self._done += 1
        if self._done % ROWS_PER_LOOK == 0 and self._clock() - self._told_at_s >= self._every_s:
            self._told_at_s = self._clock()
            self._tell(f"{self._what}: {self._done:,} of {self._total:,} rows")
