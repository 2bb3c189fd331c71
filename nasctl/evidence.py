"""Rules: what the witnesses say, and what is remembered of it from one look to the next.

All times are seconds of the monotonic clock, so that setting the clock proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from nasctl.state import NasState, PowerState, Reason, power_state


class Presence(StrEnum):
    """How a bare TCP connect to the NAS's port ended."""

    OK = "ok"
    REFUSED = "refused"
    SILENT = "silent"


class Answer(StrEnum):
    """What an HTTP probe brought; only GOOD is proof of BaluHost."""

    GOOD = "good"
    BAD_STATUS = "bad_status"
    NOT_JSON = "not_json"
    OURS = "ours"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    BROKEN = "broken"


class Stage(StrEnum):
    """What a wake goes through after its packets, in this order."""

    POWER_SEEN = "power_seen"
    PORT_ANSWERED = "port_answered"
    HEALTHY = "healthy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long and how much counts (ADR 11); seconds and W."""

    power_w: tuple[float, float, float] = (2.0, 15.0, 60.0)
    boot_s: float = 90.0
    presence_s: float = 10.0
    heartbeat_s: float = 30.0
    power_fresh_s: float = 35.0
    misses: int = 3
    fast_s: float = 3.0
    #: After coming-online: how long misses do not count, and how often the NAS is probed.
    window_s: float = 60.0
    window_probe_s: float = 1.0
    #: After going-offline: how long an answer proves nothing, and when silence is enough.
    grace_s: float = 120.0
    farewell_s: float = 300.0
    #: A port that answers without BaluHost behind it is looked at every 3 s for so long, then
    #: every 10 s: it may be another device that got the NAS's address.
    port_fast_s: float = 300.0
    packet_s: float = 5.0
    packets_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the NAS's plug measured, and when."""

    power_w: float
    measured_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one look brought, and when it began; None: not asked, or not known."""

    started_s: float
    presence: Presence | None = None
    probe: Answer | None = None
    power: Reading | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningWake:
    """Our own wake while it runs.

    Attributes:
        reached: its stages so far.
        is_leaving: it was asked for while the NAS was shutting down; until that was seen gone,
            whatever answers is the old system on its way out.
    """

    requested_s: float
    deadline_s: float
    reached: frozenset[Stage] = frozenset()
    is_leaving: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where the NAS stands, as the database has it."""

    state: NasState
    moved_s: float
    reason: Reason | None = None
    probed: bool = False
    planned: bool = True
    wake: RunningWake | None = None

    def is_awaited(self, at_s: float, limits: Limits) -> bool:
        """Tell whether coming-online was called and BaluHost need not serve yet."""
        called = self.reason is Reason.CALLED_COMING_ONLINE and not self.probed
        return self.state is NasState.ONLINE and called and at_s - self.moved_s < limits.window_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What is remembered since the last move; the power and the last answers outlive moves.

    Attributes:
        presence_misses: in a row; while shutting down only timeouts are misses.
        probe_misses: in a row.
        goods: good probes in a row.
        good_probe_s: start of the last good probe.
        answered_s: start of the last success of either witness.
        port_open_s: since when the port takes connections; None: it did not at the last look.
        seen_gone: anything was missed since the NAS was last online.
        seen_low: its power was, since then.
        power: the newest reading.
    """

    presence_misses: int = 0
    probe_misses: int = 0
    goods: int = 0
    good_probe_s: float | None = None
    answered_s: float | None = None
    port_open_s: float | None = None
    seen_gone: bool = False
    seen_low: bool = False
    power: Reading | None = None

    def after_move(self, to: NasState) -> Memory:
        """Return what is left of it in a new state."""
        begins_anew = to in (NasState.ONLINE, NasState.SHUTTING_DOWN)
        return replace(
            self,
            presence_misses=0,
            probe_misses=0,
            goods=0,
            seen_gone=self.seen_gone and not begins_anew,
            seen_low=self.seen_low and not begins_anew,
        )

    def fresh_power(self, standing: Standing, now_s: float, limits: Limits) -> PowerState:
        """Return the band of a reading that is newer than the last answer and our wake."""
        wake = standing.wake
        newer_than = (self.answered_s, wake.requested_s if wake else None)
        if self.power is None or not _is_recent(self.power, now_s, limits):
            return PowerState.UNKNOWN
        if any(self.power.measured_s <= at_s for at_s in newer_than if at_s is not None):
            return PowerState.UNKNOWN
        return power_state(self.power.power_w, limits.power_w)


def remember(standing: Standing, memory: Memory, seen: Seen, limits: Limits) -> Memory:
    """Return the memory with a look added; a look that began before the last move proves nothing."""
    if seen.started_s >= standing.moved_s:
        if seen.presence is not None:
            memory = _with_presence(standing, memory, seen, limits)
        if seen.probe is not None:
            memory = _with_probe(standing, memory, seen, limits)
    if seen.power and (not memory.power or seen.power.measured_s > memory.power.measured_s):
        is_low = power_state(seen.power.power_w, limits.power_w).is_low
        is_new = seen.power.measured_s > standing.moved_s
        memory = replace(memory, power=seen.power, seen_low=memory.seen_low or (is_low and is_new))
    return memory


def rose(
    standing: Standing, before: Reading | None, after: Reading | None, now_s: float, limits: Limits
) -> bool:
    """Tell whether the power went from off or standby to a running machine's, by itself."""
    if before is None or after is None or not _is_recent(after, now_s, limits):
        return False
    was, now = (power_state(reading.power_w, limits.power_w) for reading in (before, after))
    return was.is_low and now.is_running and after.measured_s > standing.moved_s


def _is_recent(reading: Reading, now_s: float, limits: Limits) -> bool:
    return now_s - reading.measured_s <= limits.power_fresh_s


def _with_presence(standing: Standing, memory: Memory, seen: Seen, limits: Limits) -> Memory:
    if seen.presence is Presence.OK:
        return replace(
            memory,
            presence_misses=0,
            answered_s=_later(memory.answered_s, seen.started_s),
            port_open_s=seen.started_s if memory.port_open_s is None else memory.port_open_s,
        )
    memory = replace(memory, port_open_s=None, seen_gone=True)
    if standing.is_awaited(seen.started_s, limits):
        return memory
    is_miss = standing.state is not NasState.SHUTTING_DOWN or seen.presence is Presence.SILENT
    misses = min(memory.presence_misses + 1, limits.misses) if is_miss else 0
    return replace(memory, presence_misses=misses)


def _with_probe(standing: Standing, memory: Memory, seen: Seen, limits: Limits) -> Memory:
    if seen.probe is Answer.GOOD:
        is_old_system = standing.wake and standing.wake.is_leaving and not memory.seen_gone
        return replace(
            memory,
            # The port took this connection too.
            presence_misses=0,
            probe_misses=0,
            goods=memory.goods if is_old_system else min(memory.goods + 1, limits.misses),
            good_probe_s=_later(memory.good_probe_s, seen.started_s),
            answered_s=_later(memory.answered_s, seen.started_s),
            port_open_s=seen.started_s if memory.port_open_s is None else memory.port_open_s,
        )
    if memory.good_probe_s is not None and seen.started_s < memory.good_probe_s:
        return memory  # probes overlap: a later one has brought better news already
    memory = replace(memory, goods=0, seen_gone=True)
    counts = standing.state is not NasState.SHUTTING_DOWN  # a restart of the service looks so
    if not counts or standing.is_awaited(seen.started_s, limits):
        return memory
    return replace(memory, probe_misses=min(memory.probe_misses + 1, limits.misses))


def _later(one_s: float | None, other_s: float) -> float:
    return other_s if one_s is None else max(one_s, other_s)
