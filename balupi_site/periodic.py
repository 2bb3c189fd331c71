"""Rule: when a periodic task runs next, and whether it should have run long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Beat saves run times only every 30 minutes, to spare the card; half of that is left for its work.
SAVED_LATE = timedelta(minutes=45)
#: What runs more often is never known to the minute.
_OFTEN = timedelta(minutes=30)


@dataclass(frozen=True)
class Outlook:
    """What is known of a task's runs.

    Attributes:
        next_at: when it runs next, as far as its noted last run tells; None: not known.
        within: it runs at least so often; None: seldom, ``next_at`` says when.
        is_overdue: it should have run, and the run should have been noted, long ago.
    """

    next_at: datetime | None
    within: timedelta | None
    is_overdue: bool


def outlook(
    last_run_at: datetime | None, every: timedelta | None, now: datetime, *, uptime_s: float
) -> Outlook:
    """Return when a task runs next.

    Args:
        last_run_at: its last run as it was noted, up to 45 minutes late; None: none yet.
        every: its period; None: it has no fixed one.
        now: the present time.
        uptime_s: how long this Pi has been running: before that nothing could run.
    """
    if every is None:
        return Outlook(None, None, is_overdue=False)
    within = every if every <= _OFTEN else None
    if last_run_at is None:
        return Outlook(None, within, is_overdue=False)
    next_at = last_run_at + every
    is_late = next_at + SAVED_LATE < now
    was_able_to = timedelta(seconds=uptime_s) > min(every, 2 * SAVED_LATE) + SAVED_LATE
    return Outlook(next_at, within, is_overdue=is_late and was_able_to)
