"""Rules: how often each witness is asked, and when it is due; intervals run start to start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nasctl.evidence import Limits, Memory, Standing
from nasctl.state import NasState


class Job(StrEnum):
    """What the watcher does again and again."""

    PRESENCE = "presence"
    PROBE = "probe"
    POWER = "power"
    PACKET = "packet"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds; a job that is not in ``every_s`` is not done.

    Attributes:
        every_s: from start to start.
        is_fast: something is to be decided: the plug itself is asked, not what it said lately.
        may_overlap: a probe may begin while one is under way, so that a hanging one delays none.
    """

    every_s: Mapping[Job, float]
    is_fast: bool
    may_overlap: bool


_TO_BE_DECIDED = (NasState.UNKNOWN, NasState.BOOTING, NasState.SHUTTING_DOWN)


def pace_of(standing: Standing, memory: Memory, now_s: float, limits: Limits) -> Pace:
    """Return how often to look now."""
    is_online = standing.state is NasState.ONLINE
    is_fast = _is_fast(standing, memory, now_s, limits)
    look_s = limits.fast_s if is_fast else limits.presence_s
    # Not online with an open port: BaluHost may be there any moment; else the port comes first.
    keen = is_fast or (not is_online and memory.port_open_s is not None)
    every_s = {
        Job.PRESENCE: look_s,
        Job.PROBE: look_s if keen else limits.heartbeat_s,
        Job.POWER: look_s,
    }
    if standing.is_awaited(now_s, limits):
        every_s[Job.PROBE] = limits.window_probe_s
    if _is_to_be_woken(standing, memory, now_s, limits):
        every_s[Job.PACKET] = limits.packet_s
    may_overlap = not (is_online and standing.probed)
    return Pace(MappingProxyType(every_s), is_fast, may_overlap)


def _is_fast(standing: Standing, memory: Memory, now_s: float, limits: Limits) -> bool:
    if standing.state in _TO_BE_DECIDED or standing.wake is not None:
        return True
    if standing.state is NasState.ONLINE:
        return not standing.probed or bool(memory.presence_misses or memory.probe_misses)
    open_s = memory.port_open_s
    return memory.goods > 0 or (open_s is not None and now_s - open_s < limits.port_fast_s)


def _is_to_be_woken(standing: Standing, memory: Memory, now_s: float, limits: Limits) -> bool:
    """A sign of life ends the packets; a machine still on its way down does not hear them."""
    wake = standing.wake
    if wake is None or wake.reached:
        return False
    if wake.is_leaving and not memory.seen_gone:
        return True
    until_s = wake.deadline_s if wake.is_leaving else wake.requested_s + limits.packets_s
    return now_s < until_s


class Rounds:
    """Remembers when each job last began and says which is due."""

    def __init__(self) -> None:
        self._started_s: dict[Job, float] = {}

    def due(self, pace: Pace, now_s: float, under_way: Collection[Job]) -> list[Job]:
        """Return the jobs to begin now and note that they do."""
        jobs = [job for job in self._free(pace, under_way) if self._next_s(job, pace) <= now_s]
        self._started_s.update(dict.fromkeys(jobs, now_s))
        return jobs

    def next_s(self, pace: Pace, under_way: Collection[Job]) -> float:
        """Return when the next job is due; infinity where all are under way."""
        free = self._free(pace, under_way)
        return min((self._next_s(job, pace) for job in free), default=float("inf"))

    def _next_s(self, job: Job, pace: Pace) -> float:
        return self._started_s.get(job, float("-inf")) + pace.every_s[job]

    @staticmethod
    def _free(pace: Pace, under_way: Collection[Job]) -> list[Job]:
        return [
            job
            for job in pace.every_s
            if job not in under_way or (job is Job.PROBE and pace.may_overlap)
        ]
