"""A full run beside the web process's answers; no worker and no Redis needed, as those may be what is ill."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connections
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from balupi_site.doctor.checks import CHECKS
from balupi_site.doctor.findings import Area, Finding, Level
from balupi_site.doctor.running import run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far the run is.

    Attributes:
        is_running: it goes on.
        done, count: checks that are over, of how many.
        findings: of the last run that ended; None: none has since the web process started.
        at: when that one ended.
    """

    is_running: bool = False
    done: int = 0
    count: int = len(CHECKS)
    findings: Sequence[Finding] | None = None
    at: datetime | None = None


class Background:
    """At most one run at a time; what it found is kept in memory, as long as the process lives."""

    def __init__(self, look: Callable[..., list[Finding]] = run) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._progress = Progress()

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        return self._progress

    def start(self) -> bool:
        """Begin a run in the language of whoever asks; False where one goes on already."""
        with self._lock:
            if self._progress.is_running:
                return False
            self._progress = replace(self._progress, is_running=True, done=0)
        language = translation.get_language()
        threading.Thread(target=self._run, args=(language,), name="doctor", daemon=True).start()
        return True

    def _run(self, language: str | None) -> None:
        try:
            with translation.override(language):
                findings = self._findings()
        finally:
            connections.close_all()  # this thread's own
        self._progress = Progress(findings=findings, at=timezone.now())

    def _findings(self) -> list[Finding]:
        try:
            return self._look(timezone.now(), tell=self._tell)
        except Exception as error:
            # A thread's end is seen by nobody, and the page would wait for ever.
            logger.exception("the doctor's run broke")
            found = _("The run broke: %(error)s") % {"error": type(error).__name__}
            cure = _("Run 'sudo balupi doctor' on the Pi, and read BaluPi's log.")
            return [Finding("doctor", _("Doctor"), Level.FAIL, found, cure, Area.SETUP)]

    def _tell(self, done: int, count: int) -> None:
        self._progress = replace(self._progress, done=done, count=count)


#: This process's own.
background = Background()
