"""The time a simulated device lives by: the machine's, or one that tests move by hand."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow, from an unspecified start."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        """Stand at ``start``, which must be aware."""
        self._now = start.astimezone(UTC)
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        """Return the wall time it was moved to, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced since the start."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, for the wall time and for the monotonic time alike.

        Raises:
            ValueError: if ``seconds`` is negative; only ``set_wall_time`` goes back.
        """
        if seconds < 0:
            raise ValueError(f"Time does not pass backwards: {seconds} s")
        self._now += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def set_wall_time(self, now: datetime) -> None:
        """Set the wall time as NTP or a person would; no monotonic time passes."""
        self._now = now.astimezone(UTC)
