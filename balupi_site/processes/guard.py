"""The thread that tells the service manager that this process works, and when it does not any more.

A service manager that asks for it (``WatchdogSec=`` of the units) hears that we are alive only while
work advances, so that a process that merely exists is not mistaken for one that works.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable

from balupi_site.lib import notify
from balupi_site.processes.watchdog import LOOKS, WebJudge, WorkerJudge

logger = logging.getLogger(__name__)

#: What is done before the end may take this long; it may be what hangs.
_LAST_WORK_S = 5.0


def patience_s() -> float | None:
    """Return after how much silence the service manager ends this process; None: it does not."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or pid not in {"", str(os.getpid())}:  # said to our parent, not to us
        return None
    return int(usec) / 1_000_000


class Guard:
    """Tells the service manager again and again that this process works, until it does not."""

    def __init__(
        self,
        judge: WorkerJudge | WebJudge,
        *,
        patience_s: float,
        last_work: Callable[[], object] = lambda: None,
        looked: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare to guard.

        Args:
            judge: says whether this process is stuck.
            patience_s: after how much silence the service manager acts.
            last_work: called before a stuck process ends, to save what it still can.
            looked: called after each look.
        """
        self._judge, self._last_work, self._looked = judge, last_work, looked
        self._every_s = patience_s / LOOKS

    def start(self) -> None:
        """Guard from a thread of its own, as long as the process lives."""
        # The service manager ends a stuck process by SIGABRT: then each thread says where it was.
        faulthandler.enable()
        threading.Thread(target=self._run, name="guard", daemon=True).start()

    def _run(self) -> None:
        slept_s = 0.0
        while self.look(time.monotonic(), slept_s):
            begun_s = time.monotonic()
            time.sleep(self._every_s)
            slept_s = time.monotonic() - begun_s

    def look(self, now_s: float, slept_s: float) -> bool:
        """Look once and tell the service manager; False where this process is at its end.

        Args:
            now_s: the present, on the monotonic clock.
            slept_s: since the last look; far more than was meant where the whole process was stopped.
        """
        if slept_s > 3 * self._every_s:
            self._judge.forgive(now_s)
        why = self._judge.why_stuck(now_s)
        self._looked()
        if why is None:
            notify.notify(notify.ALIVE)
            return True
        logger.critical("stuck: %s; this process ends, to be started again", why)
        last = threading.Thread(target=self._last_work, name="last-work", daemon=True)
        last.start()
        last.join(_LAST_WORK_S)
        notify.notify(notify.STUCK)
        return False
