"""What the worker does for the names."""

from __future__ import annotations

import threading

from celery import shared_task
from django.db import connections
from django.utils import timezone

from pihole import services

_guard = threading.Lock()
#: The next look of this process that is not a regular one; None: there is none.
_follow_up: threading.Timer | None = None


@shared_task(ignore_result=True)
def reconcile_names() -> None:
    """Make the names lead where they should; look again soon after a write or a problem."""
    outcome = services.reconcile(timezone.now())
    if outcome.follow_up_s is not None:
        look_again(outcome.follow_up_s)


def look_again(delay_s: float) -> None:
    """Have the names looked at again, unless that is under way: looks must not breed looks.

    By a timer of this process, which needs no Redis and knows no wall clock: a task with a
    countdown is thrown away, or waits for an hour, where the clock is set meanwhile.
    """
    global _follow_up  # noqa: PLW0603  # one per process, guarded by the lock
    with _guard:
        if _follow_up is None:
            timer = threading.Timer(delay_s, _follow)
            timer.daemon = True
            timer.start()
            _follow_up = timer  # not before: one that could not start would be waited for for ever


def _follow() -> None:
    global _follow_up  # noqa: PLW0603  # one per process, guarded by the lock
    with _guard:
        _follow_up = None  # before the look, so that it can have the next one follow
    try:
        reconcile_names()
    finally:
        connections.close_all()
