"""Asking the witnesses, each in a thread of its own, so that none waits for another."""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import connections
from django.utils import timezone

from balupi_site.lib.errors import TransientError
from energy import services as energy
from energy.readings import Reading as PlugReading
from nasctl.evidence import Presence, Reading, Seen
from nasctl.pace import Job
from nasctl.probe import Probe, presence, probe
from nasctl.services.wakes import send_packets

logger = logging.getLogger(__name__)

#: Asked instead of the probe path while our own wake runs: it may end soft sleep, which is welcome then.
_HEALTH_PATH = "/api/health"
_POWER_DEADLINE_S = 2.0
#: A reading from further in the future is of a clock that was wrong.
_FUTURE_S = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a job brought; all None: nothing, as with packets or a plug that does not answer."""

    job: Job
    started_s: float
    presence: Presence | None = None
    probe: Probe | None = None
    power: Reading | None = None

    @property
    def seen(self) -> Seen:
        """The evidence in it."""
        return Seen(
            started_s=self.started_s,
            presence=self.presence,
            probe=self.probe.answer if self.probe else None,
            power=self.power,
        )


@dataclass(frozen=True, slots=True)
class Errand:
    """A job to begin: ``is_live`` asks the plug itself, ``after_wake`` asks for BaluHost's health."""

    job: Job
    started_s: float
    is_live: bool = False
    after_wake: bool = False


def run(errand: Errand) -> Look:
    """Do a job within its deadline; what fails brings nothing."""
    look = Look(errand.job, errand.started_s)
    if errand.job is Job.PRESENCE:
        return replace(look, presence=presence(settings.NAS_IP, settings.NAS_PORT))
    if errand.job is Job.PROBE:
        path = _HEALTH_PATH if errand.after_wake else settings.NAS_PROBE_PATH
        return replace(look, probe=probe(settings.NAS_URL, settings.NAS_IP, path))
    if errand.job is Job.POWER:
        return replace(look, power=_power(is_live=errand.is_live))
    try:
        send_packets()
    except TransientError as error:
        logger.warning("%s", error)
    return look


def _power(*, is_live: bool) -> Reading | None:
    reading = energy.read_role_now("nas", wait_s=_POWER_DEADLINE_S) if is_live else None
    if reading is None:
        latest = energy.latest_of_role("nas", timezone.now())
        reading = latest.reading if latest else None
    return _by_uptime(reading)


def _by_uptime(reading: PlugReading | None) -> Reading | None:
    if reading is None or reading.power_w is None:
        return None
    age_s = (timezone.now() - reading.at).total_seconds()
    if age_s < -_FUTURE_S:
        return None
    return Reading(reading.power_w, time.monotonic() - max(age_s, 0.0))


class Askers:
    """Threads that run errands and put what they bring into one queue.

    They stay, because each has a database connection; and they are daemons, because the process
    must not wait at its end for a NAS that does not answer.
    """

    def __init__(self, results: queue.SimpleQueue[Look | None]) -> None:
        self._results = results
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = self._count = 0

    def start(self, errand: Errand) -> None:
        """Begin an errand at once, with one more thread where all are busy."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._count += 1
                threading.Thread(target=self._serve, name=f"nas-{self._count}", daemon=True).start()
        self._errands.put(errand)

    def stop(self) -> None:
        """Let the threads end when they have nothing to do; nobody waits for them."""
        for _thread in range(self._count):
            self._errands.put(None)

    def _serve(self) -> None:
        try:
            while (errand := self._errands.get()) is not None:
                self._results.put(_run_safely(errand))
                with self._lock:
                    self._idle += 1
        finally:
            connections.close_all()


def _run_safely(errand: Errand) -> Look:
    try:
        return run(errand)
    except Exception:  # whatever it is, the other witnesses go on, and this one is asked again
        logger.exception("the NAS's %s could not be looked at", errand.job)
        return Look(errand.job, errand.started_s)
