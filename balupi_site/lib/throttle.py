"""How often something may be tried: counted in the database, so a restart forgives nothing."""

from __future__ import annotations

import hashlib
import logging
import threading
import time

from django.core.cache import caches
from django.db import DatabaseError

from balupi_site.lib.busy import busy_for_at_most
from balupi_site.lib.errors import TooManyAttemptsError
from balupi_site.lib.logs import Rarely

logger = logging.getLogger(__name__)


class Limit:
    """So many attempts in a span of time for one key: an address, or an address and a user.

    It fails open: a database that does not answer locks nobody out.

    Attributes:
        longest_wait_s: for a database that is busy; None: as long as for all else. Short where the
            answer is no in any case, and must not hold up a thread of the web's.
    """

    def __init__(
        self, name: str, *, attempts: int, seconds: int, longest_wait_s: float | None = None
    ) -> None:
        self.name, self.attempts, self.seconds = name, attempts, seconds
        self.longest_wait_s = longest_wait_s
        # One process serves requests; its threads take turns, so 50 at once count as 50. Each limit
        # has its own: a busy database must not make one wait for another.
        self._turn = threading.Lock()
        self._complaints = Rarely()

    def wait_s(self, key: str) -> int:
        """Return the seconds until ``key`` may try again, 0: now. Counts nothing."""
        try:
            with self._turn, busy_for_at_most(self.longest_wait_s):
                return self._wait_s(self._seen(key))
        except DatabaseError as error:
            return self._open(error)

    def take(self, key: str) -> int:
        """Count an attempt of ``key``, if it may; return as ``wait_s``. A refused one is not counted."""
        try:
            with self._turn, busy_for_at_most(self.longest_wait_s):
                seen = self._seen(key)
                wait_s = self._wait_s(seen)
                if not wait_s:
                    caches["throttle"].set(self._entry(key), [*seen, time.time()], self.seconds)
                return wait_s
        except DatabaseError as error:
            return self._open(error)

    def spend(self, key: str, message: str) -> None:
        """Count an attempt of ``key``.

        Raises:
            TooManyAttemptsError: it may not yet; the text is ``message``.
        """
        wait_s = self.take(key)
        if wait_s:
            raise TooManyAttemptsError(message, wait_s=wait_s)

    def forget(self, key: str) -> None:
        """Let ``key`` begin anew, for instance after the right password."""
        try:
            caches["throttle"].delete(self._entry(key))
        except DatabaseError as error:
            self._open(error)

    def _seen(self, key: str) -> list[float]:
        """Return the attempts that still count, oldest first; a clock that was set back forgives them."""
        now = time.time()
        found: list[float] = caches["throttle"].get(self._entry(key)) or []
        return [at for at in found if 0 <= now - at < self.seconds]

    def _wait_s(self, seen: list[float]) -> int:
        if len(seen) < self.attempts:
            return 0
        return max(1, round(seen[-self.attempts] + self.seconds - time.time()))

    def _entry(self, key: str) -> str:
        """Return the cache's key: a hash, as a name may be long or have any character."""
        return f"{self.name}:{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}"

    def _open(self, error: DatabaseError) -> int:
        if self._complaints.unsaid(self.name) is not None:
            logger.warning("attempts (%s) cannot be counted, all may pass: %s", self.name, error)
        return 0
