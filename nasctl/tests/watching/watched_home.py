"""A home that is watched, look by look, in a time of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nasctl import services
from nasctl.evidence import Answer, Presence, Reading
from nasctl.models import NasStatus, StateChange, Wake
from nasctl.moments import Moment
from nasctl.pace import Job
from nasctl.probe import Probe
from nasctl.services.looks import Errand, Look
from nasctl.services.watcher import Watcher
from nasctl.state import NasState, Reason

S, R = NasState, Reason

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

GOOD = Probe(Answer.GOOD, 401)

BAD_GATEWAY = Probe(Answer.BAD_STATUS, 502)

GONE = Probe(Answer.TIMEOUT)


class Home:
    """A watcher, its clocks, and a NAS whose answers arrive at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = NOON
        self.uptime_s = 5000.0
        self.boot_id = "one"
        self.presence, self.probe = Presence.OK, GOOD
        self.power_w: float | None = None
        self.errands: list[Errand] = []
        self.name_switches = self.arrivals = 0
        monkeypatch.setattr("nasctl.services.moves.moment_at", lambda _now: self.clock())
        monkeypatch.setattr("nasctl.services.wakes.moment_at", lambda _now: self.clock())
        self.restart()

    def restart(self) -> None:
        """Begin a new watch, as after a restart of the worker."""
        self.watcher = Watcher(
            names_changed=self._names_changed,
            has_arrived=self._has_arrived,
            clock=self.clock,
            start=self.errands.append,
        )

    def _names_changed(self) -> None:
        self.name_switches += 1

    def _has_arrived(self) -> None:
        self.arrivals += 1

    def clock(self) -> Moment:
        return Moment(self.wall, self.uptime_s, self.boot_id)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in steps of half a second."""
        for _step in range(int(seconds * 2)):
            self.look()
            self.wall += timedelta(seconds=0.5)
            self.uptime_s += 0.5
        self.look()

    def look(self) -> None:
        """Begin what is due and bring what it found."""
        self.watcher.step(longest_s=0)
        while self.errands_to_do:
            self.watcher.inbox.put(self._done(self.errands_to_do.pop(0)))
            self.watcher.step(longest_s=0)

    @property
    def errands_to_do(self) -> list[Errand]:
        return self.errands

    def _done(self, errand: Errand) -> Look:
        if errand.job is Job.PRESENCE:
            return Look(errand.job, errand.started_s, presence=self.presence)
        if errand.job is Job.PROBE:
            return Look(errand.job, errand.started_s, probe=self.probe)
        power = None if self.power_w is None else Reading(self.power_w, self.uptime_s)
        is_power = errand.job is Job.POWER
        return Look(errand.job, errand.started_s, power=power if is_power else None)

    def vanish(self, power_w: float | None = None) -> None:
        self.presence, self.probe, self.power_w = Presence.SILENT, GONE, power_w

    def appear(self, power_w: float | None = None) -> None:
        self.presence, self.probe, self.power_w = Presence.OK, GOOD, power_w

    @property
    def status(self) -> NasStatus:
        return NasStatus.current(self.clock())

    def wake(self) -> Wake:
        return services.request_wake(
            requested_by="kim", requested_from="api", anyway=False, now=self.wall
        )


def reasons() -> list[str]:
    return list(StateChange.objects.order_by("pk").values_list("reason", flat=True))
