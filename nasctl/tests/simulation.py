"""The rules and their rhythm against a NAS that is a function of time; no sockets, no sleeping."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from itertools import count

from nasctl.evidence import (
    Answer,
    Limits,
    Memory,
    Presence,
    Reading,
    RunningWake,
    Seen,
    Standing,
)
from nasctl.judge import judge, moved
from nasctl.pace import Job, Rounds, pace_of
from nasctl.state import NasState, Reason, Target, wanted_target


class Face(StrEnum):
    """What the network sees of the NAS."""

    GOOD = "good"
    SILENT = "silent"
    REFUSED = "refused"
    BAD_GATEWAY = "bad_gateway"
    HANG = "hang"


#: How long each witness takes to come back, by face; a connect begun in silence stays silent.
_PRESENCE = {
    Face.GOOD: (Presence.OK, 0.005),
    Face.BAD_GATEWAY: (Presence.OK, 0.005),
    Face.HANG: (Presence.OK, 0.005),
    Face.REFUSED: (Presence.REFUSED, 0.005),
    Face.SILENT: (Presence.SILENT, 2.0),
}
_PROBE = {
    Face.GOOD: (Answer.GOOD, 0.05),
    Face.BAD_GATEWAY: (Answer.BAD_STATUS, 0.05),
    Face.HANG: (Answer.TIMEOUT, 5.0),
    Face.REFUSED: (Answer.REFUSED, 0.005),
    Face.SILENT: (Answer.TIMEOUT, 5.0),
}
_POLL_S = 30.0


class Household:
    """Runs the rules from 0 on against a NAS.

    Args:
        face: what the network sees at a second.
        power_w: what its plug measures at a second; None: it has no plug.
        standing: where the NAS stands at the start.
    """

    def __init__(
        self,
        face: Callable[[float], Face],
        *,
        power_w: Callable[[float], float] | None = None,
        standing: Standing | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.standing = standing or Standing(state=NasState.ONLINE, moved_s=-1000.0, probed=True)
        self.memory = Memory()
        self.targets: list[tuple[float, Target]] = []
        self.moves: list[tuple[float, Reason]] = []
        self.starts: dict[Job, list[float]] = {job: [] for job in Job}
        self._face, self._power_w = face, power_w
        self._rounds = Rounds()
        self._under_way: Counter[Job] = Counter()
        self._events: list[
            tuple[float, int, Callable[[Standing], Standing] | Seen, Job | None]
        ] = []
        self._numbers = count()
        self._note(0.0)

    def at(self, second: float, change: Callable[[Standing], Standing]) -> None:
        """Have something else change the standing: a call or a wake."""
        heapq.heappush(self._events, (second, next(self._numbers), change, None))

    def run(self, until_s: float, first_s: float = 0.0) -> Household:
        """Let time pass."""
        now_s = first_s
        while now_s < until_s:
            next_s = self._begin_due(now_s)
            if self._events and self._events[0][0] <= next_s:
                now_s, _, event, job = heapq.heappop(self._events)
                self._happen(now_s, event, job)
            else:
                now_s = next_s
                self._judge(now_s, None)
        return self

    def _begin_due(self, now_s: float) -> float:
        pace = pace_of(self.standing, self.memory, now_s, self.limits)
        for job in self._rounds.due(pace, now_s, +self._under_way):
            self.starts[job].append(now_s)
            if job is not Job.PACKET:
                self._under_way[job] += 1
                seen, ends_s = self._look(job, now_s, is_live=pace.is_fast)
                heapq.heappush(self._events, (ends_s, next(self._numbers), seen, job))
        next_s = self._rounds.next_s(pace, +self._under_way)
        return min(next_s, now_s + pace.every_s[Job.PRESENCE])

    def _look(self, job: Job, now_s: float, *, is_live: bool) -> tuple[Seen, float]:
        if job is Job.PRESENCE:
            presence, lasts_s = _PRESENCE[self._face(now_s)]
            return Seen(started_s=now_s, presence=presence), now_s + lasts_s
        if job is Job.PROBE:
            answer, lasts_s = _PROBE[self._face(now_s)]
            return Seen(started_s=now_s, probe=answer), now_s + lasts_s
        ends_s = now_s + 0.3
        if self._power_w is None:
            return Seen(started_s=now_s), ends_s
        at_s = ends_s if is_live else now_s // _POLL_S * _POLL_S
        return Seen(started_s=now_s, power=Reading(self._power_w(at_s), at_s)), ends_s

    def _happen(
        self, now_s: float, event: Callable[[Standing], Standing] | Seen, job: Job | None
    ) -> None:
        if isinstance(event, Seen):
            assert job is not None
            self._under_way[job] -= 1
            self._judge(now_s, event)
        else:
            self.standing = event(self.standing)
            self.memory = self.memory.after_move(self.standing.state)
            self._note(now_s)

    def _judge(self, now_s: float, seen: Seen | None) -> None:
        verdict = judge(self.standing, self.memory, seen, now_s, self.limits)
        self.memory = verdict.memory
        wake = self.standing.wake
        if wake is not None:
            wake = replace(wake, reached=wake.reached | set(verdict.stages))
            ends = verdict.wake_is_over or len(wake.reached & {"healthy"}) == 1
            wake = None if ends else wake
        if verdict.move:
            self.moves.append((now_s, verdict.move))
            self.standing = moved(self.standing, verdict.move, now_s)
            self.memory = self.memory.after_move(self.standing.state)
        self.standing = replace(self.standing, probed=verdict.probed, wake=wake)
        self._note(now_s)

    def _note(self, now_s: float) -> None:
        target = wanted_target(self.standing.state, probed=self.standing.probed)
        if not self.targets or self.targets[-1][1] is not target:
            self.targets.append((now_s, target))

    def target_s(self, target: Target, after_s: float) -> float:
        """Return when the names were first wanted there, from a second on."""
        return next(at_s for at_s, wanted in self.targets if wanted is target and at_s >= after_s)


def going_offline(at_s: float) -> Callable[[Standing], Standing]:
    return lambda standing: moved(standing, Reason.CALLED_GOING_OFFLINE, at_s)


def coming_online(at_s: float) -> Callable[[Standing], Standing]:
    return lambda standing: moved(standing, Reason.CALLED_COMING_ONLINE, at_s)


def woken(at_s: float, limits: Limits) -> Callable[[Standing], Standing]:
    def change(standing: Standing) -> Standing:
        wake = RunningWake(
            requested_s=at_s,
            deadline_s=at_s + limits.boot_s,
            is_leaving=standing.state is NasState.SHUTTING_DOWN,
        )
        return replace(moved(standing, Reason.WAKE, at_s), wake=wake)

    return change
