"""Keeping the log short enough to be read, whatever strangers send."""

from __future__ import annotations

import logging
import threading
import time

from django.db.utils import DatabaseError, InterfaceError, OperationalError

#: Each task that runs again and again would say the same, as long as it lasts.
_DATABASE_TOLD_EVERY_S = 900


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
    """Keeps strangers, and a database that is away, from filling the log.

    Django writes a line for each answer of 5xx, which the wake page is made of, and a traceback for
    each suspicious request; Celery a traceback for each task that found the database locked. What
    fails unexpectedly is told whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rarely = Rarely()
        self._tasks = Rarely(seconds=_DATABASE_TOLD_EVERY_S)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written; one of a kind that anybody can cause loses its traceback."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "django.request":
            # A database that fails is told by whoever answers (error_pages.py).
            return error is not None and not isinstance(error, DatabaseError | InterfaceError)
        if record.name == "celery.app.trace" and isinstance(error, OperationalError):
            task = record.args.get("name", "") if isinstance(record.args, dict) else ""
            text = (
                f"{task} is left out until it is due again, the database does not answer: {error}"
            )
            return self._is_said(record, self._tasks.unsaid(str(task)), text)
        if record.name.startswith("django.security"):
            return self._is_said(record, self._rarely.unsaid(record.name), record.getMessage())
        return True

    @staticmethod
    def _is_said(record: logging.LogRecord, unsaid: int | None, text: str) -> bool:
        """Give a record this text alone; False where it is kept quiet."""
        record.msg = f"{text} (and {unsaid} more of its kind before)" if unsaid else text
        record.args = ()
        record.exc_info = record.exc_text = None
        return unsaid is not None
