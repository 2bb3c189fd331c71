"""Keeping the log short enough to be read, whatever strangers send."""

from __future__ import annotations

import logging
import threading
import time

from django.db.utils import DatabaseError, InterfaceError


class Rarely:
    """Lets a thing be said once in a while for each key, and counts what was not said meanwhile."""

    def __init__(self, *, seconds: float = 60, max_keys: int = 500) -> None:
        self._seconds, self._max_keys = seconds, max_keys
        self._lock = threading.Lock()
        #: When it was said last (monotonic), and how many were not said since; oldest first.
        self._said: dict[str, tuple[float, int]] = {}

    def unsaid(self, key: str) -> int | None:
        """Return how many were kept quiet since the last time; None: keep this one quiet too."""
        now_s = time.monotonic()
        with self._lock:
            at_s, count = self._said.get(key, (None, 0))
            if at_s is not None and now_s - at_s < self._seconds:
                self._said[key] = (at_s, count + 1)
                return None
            self._said.pop(key, None)
            while len(self._said) >= self._max_keys:
                del self._said[next(iter(self._said))]
            self._said[key] = (now_s, 0)
            return count


class CalmFilter(logging.Filter):
    """Keeps strangers from filling the log by requests that are refused anyway.

    Django writes a line for each answer of 5xx, which the wake page is made of, and a traceback for
    each suspicious request. What fails unexpectedly is told whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rarely = Rarely()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written; one of a kind that anybody can cause loses its traceback."""
        if record.name == "django.request":
            error = record.exc_info[1] if record.exc_info else None
            # A database that fails is told by whoever answers (error_pages.py).
            return error is not None and not isinstance(error, DatabaseError | InterfaceError)
        if record.name == "django_celery_beat.schedulers" and record.exc_info:
            # At a start with a full disk: a line for each entry of the schedule, which is there already.
            if isinstance(record.exc_info[1], DatabaseError | InterfaceError):
                record.exc_info = record.exc_text = None
            return True
        if not record.name.startswith("django.security"):
            return True
        unsaid = self._rarely.unsaid(record.name)
        if unsaid:
            record.msg = f"{record.getMessage()} (and {unsaid} more of its kind before)"
            record.args = ()
        record.exc_info = record.exc_text = None
        return unsaid is not None
