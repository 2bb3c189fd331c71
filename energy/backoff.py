"""Rule: how long to leave a plug alone that does not answer."""

from __future__ import annotations

#: From the first to the longest wait after a failure, in seconds.
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 600.0
#: Beat is never exact: a wait of one interval must not cost the poll one interval later.
_SLACK_S = 2.0


class Backoff:
    """Doubles the wait from the second failure on; all times are monotonic seconds.

    So two polls in a row may be lost without a gap in what was measured (``metering.GAP_INTERVALS``).

    Args:
        first_wait_s: the first wait; the interval of the polls where that is shorter.
    """

    def __init__(self, first_wait_s: float = FIRST_WAIT_S) -> None:
        self._first_wait_s = first_wait_s
        self.failures = 0
        self._not_before_s = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Tell whether it may be tried again."""
        return now_s >= self._not_before_s

    def failed(self, *, started_s: float, slowly: bool = False) -> None:
        """Note a failure of the try that began at ``started_s``.

        Args:
            started_s: waits count from the start of a try, so that they fit the poll's interval.
            slowly: wait longest at once: only a person can help.
        """
        doublings = min(max(self.failures - 1, 0), 10)
        wait_s = min(self._first_wait_s * 2**doublings, LONGEST_WAIT_S)
        self.failures += 1
        self._not_before_s = started_s + (LONGEST_WAIT_S if slowly else wait_s) - _SLACK_S

    def reset(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self._not_before_s = float("-inf")
