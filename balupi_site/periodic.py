"""What a periodic task is called, when it runs next, and whether it should have run long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from balupi_site.lib.boot import uptime_s

#: Beat saves run times only every 30 minutes, to spare the card; half of that is left for its work.
SAVED_LATE = timedelta(minutes=45)
#: What runs more often is never known to the minute.
_OFTEN = timedelta(minutes=30)

#: Our own tasks: name in settings.py, which the database keeps, -> what people call it.
_NAMES: dict[str, Promise] = {
    "watch the NAS": _("watch the NAS"),
    "poll the plugs": _("poll the plugs"),
    "complete the hours": _("complete the hours"),
    "fill the hours": _("fill the hours"),
    "split the hours by the NAS's state": _("split the hours by the NAS's state"),
    "prune the samples": _("prune the samples"),
    "store the samples": _("store the samples"),
    "look for anomalies": _("look for anomalies"),
    "reconcile the names": _("reconcile the names"),
    "sample this machine": _("sample this machine"),
    "tend the inbox": _("tend the inbox"),
    "tend the accounts": _("tend the accounts"),
    "prune the events": _("prune the events"),
    "tend the backups": _("tend the backups"),
}


def shown_name(name: str) -> str:
    """Return what people call a task; one that somebody has added is called as it is."""
    return str(_NAMES.get(name, name))


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


def period_of(task: PeriodicTask) -> timedelta | None:
    """Return how often a task runs; None where it runs at certain times."""
    return task.interval.schedule.run_every if task.interval else None


def outlook_of(task: PeriodicTask, now: datetime) -> Outlook:
    """Return when a task runs next on this machine."""
    return outlook(task.last_run_at, period_of(task), now, uptime_s=uptime_s())
