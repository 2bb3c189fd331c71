"""Which of several workers leads: it has beat, the plugs of its site and, at home, the watch of the NAS.

A plug has one session and each regular task one beat, so these are never shared. Who leads holds a
lock that ends with its process; the others wait for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import Error

from balupi_site.lib.locks import HouseholdLock

logger = logging.getLogger(__name__)

#: So long a household may be without a lead when its process has died, and with two after a database has.
LOOK_S = 2.0


class Lead:
    """This process's part in it."""

    def __init__(self, name: str) -> None:
        """Prepare without trying; ``name`` is what is led, the same in all processes."""
        self.is_ours = False
        self._lock = HouseholdLock(name)
        self._told = ""

    def take(self) -> bool:
        """Try to become the one who leads; once it is ours, it stays so until ``keep`` says otherwise."""
        level, why = logging.INFO, "another one leads"
        try:
            self.is_ours = self.is_ours or self._lock.take()
        except Error as error:
            why = f"the database does not answer: {error}"
        except OSError as error:  # a card that became read-only, a file of root's
            level, why = logging.ERROR, f"the file of its lock cannot be opened: {error}"
        if not self.is_ours and why != self._told:
            self._told = why
            logger.log(level, "this worker does not lead, %s; it tries again", why)
        return self.is_ours

    def wait(self, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until it is ours, for a process that is good for nothing else."""
        while not self.take():
            meanwhile()
            time.sleep(LOOK_S)

    def keep(self, *, begin: Callable[[], object], lost: Callable[[], object]) -> None:
        """Look after it from a thread, as long as the process lives.

        Args:
            begin: called when it becomes ours, if it is not yet.
            lost: called where another one has it, while the database was restarted; and where
                looking after it fails, so that nobody would.
        """
        threading.Thread(target=self._run, args=(begin, lost), name="lead", daemon=True).start()

    def _run(self, begin: Callable[[], object], lost: Callable[[], object]) -> None:
        try:
            self._look_after(begin)
            logger.critical("another worker leads; this one ends, to be started again")
        except Exception:
            # An edge: the thread would end, and the lock stay without anybody who leads.
            logger.exception("leading failed; this worker ends, to be started again")
        lost()

    def _look_after(self, begin: Callable[[], object]) -> None:
        """Return when it is not ours any more."""
        if not self.is_ours:
            self.wait()
            logger.info("this worker leads now")
            begin()
        while self._lock.is_kept():
            time.sleep(LOOK_S)
