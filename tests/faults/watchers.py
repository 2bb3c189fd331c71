"""Threads that look all the while: what the name server answers, what the plugs' meters say."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks import follow
from simhome.control_client import ControlError
from tests.faults.checks.energy import Meter
from tests.faults.checks.names import Answers
from tests.faults.household import now

#: A real Pi-hole answers 1,000 questions a minute to a client.
_QUERY_S = 0.1
_LOOK_S = 1.0


class NameWatch(threading.Thread):
    """Asks for the name without a pause; equal answers in a row are kept as one."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(name="names", daemon=True)
        server, _, port = facts["pihole_dns"].rpartition(":")
        # A Pi-hole that stood still must not be looked for with a question of long ago.
        self._names = follow.Names(server, int(port), facts["dns_names"][0], patience_s=1.0)
        self._ended = threading.Event()
        self.counts: Counter[str] = Counter()
        self.answers: list[Answers] = []

    def run(self) -> None:
        while not self._ended.wait(_QUERY_S):
            asked_at = now()
            kind, address = self._names.ask()
            self.counts[kind] += 1
            last = self.answers[-1] if self.answers else None
            if last and (last.kind, last.address) == (kind, address):
                self.answers[-1] = Answers(last.start_at, now(), kind, address)
            else:
                self.answers.append(Answers(asked_at, now(), kind, address))

    @property
    def leads_to(self) -> str:
        """The last answer: an address, or what else came."""
        if not self.answers:
            return ""
        return self.answers[-1].address or self.answers[-1].kind

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        self.join()


class HomeWatch(threading.Thread):
    """Looks at the simulated home each second.

    Attributes:
        meters: by plug, each second.
        calls: the NAS's calls, by when they were made.
        departures: how often the NAS stopped answering.
    """

    def __init__(self, truth: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="home", daemon=True)
        self._truth = truth
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._was_healthy = False
        self.meters: dict[str, list[Meter]] = {}
        self.calls: dict[str, dict[str, Any]] = {}
        self.departures = 0
        self.pihole_crashes = 0

    def run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.look()

    def look(self) -> None:
        """Look now."""
        with self._lock, suppress(ControlError):
            self._note(self._truth())

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def _note(self, truth: dict[str, Any]) -> None:
        at = dt.datetime.fromisoformat(truth["at"]).timestamp()
        for alias, plug in truth["plugs"].items():
            meter = Meter(at, plug["power_w"], plug["energy_wh"])
            self.meters.setdefault(alias, []).append(meter)
        self.calls |= {call["at"]: call for call in truth["nas"]["sent_calls"]}
        self.pihole_crashes = truth["pihole"]["crashes"]
        is_healthy = truth["nas"]["face"] == "healthy"
        self.departures += self._was_healthy and not is_healthy
        self._was_healthy = is_healthy
