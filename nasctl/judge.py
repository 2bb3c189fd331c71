"""Rules: what the evidence argues for in each state (ADR 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from nasctl.evidence import Limits, Memory, RunningWake, Seen, Stage, Standing, remember, rose
from nasctl.state import MOVES, NasState, PowerState, Reason, planned_after, power_state


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What follows from a look.

    Attributes:
        memory: what to remember; of the old state, where there is a move.
        move: why the state changes, None: it stays.
        probed: whether the names may lead to the NAS, after the move.
        stages: stages of the running wake that are new.
        wake_is_over: its deadline has passed without BaluHost answering.
    """

    memory: Memory
    move: Reason | None
    probed: bool
    stages: tuple[Stage, ...]
    wake_is_over: bool


@dataclass(frozen=True, slots=True)
class _Case:
    standing: Standing
    before: Memory
    memory: Memory
    now_s: float
    limits: Limits

    @property
    def power(self) -> PowerState:
        return self.memory.fresh_power(self.standing, self.now_s, self.limits)

    @property
    def age_s(self) -> float:
        return self.now_s - self.standing.moved_s

    @property
    def wake_is_over(self) -> bool:
        wake = self.standing.wake
        return wake is not None and self.now_s >= wake.deadline_s


def judge(
    standing: Standing, before: Memory, seen: Seen | None, now_s: float, limits: Limits
) -> Verdict:
    """Return what follows from a look; None as the look: only time has passed."""
    memory = before if seen is None else remember(standing, before, seen, limits)
    case = _Case(standing, before, memory, now_s, limits)
    move = _DECISIONS[standing.state](case)
    after = standing if move is None else moved(standing, move, now_s)
    probed = after.probed or (
        move is None and standing.state is NasState.ONLINE and memory.goods > 0
    )
    stages = _new_stages(case, is_up=after.state is NasState.ONLINE and probed)
    return Verdict(
        memory=memory,
        move=move,
        probed=probed,
        stages=stages,
        wake_is_over=case.wake_is_over and Stage.HEALTHY not in stages,
    )


def moved(standing: Standing, reason: Reason, now_s: float) -> Standing:
    """Return where the NAS stands after a move."""
    return replace(
        standing,
        state=MOVES[reason].to,
        moved_s=now_s,
        reason=reason,
        probed=is_probed_after(reason),
        planned=planned_after(reason, before=standing.state, planned=standing.planned),
    )


def is_probed_after(reason: Reason) -> bool:
    """Tell whether a good probe led to this move."""
    return reason in (Reason.ANSWERS, Reason.SERVICE_RESTART)


def _in_unknown(case: _Case) -> Reason | None:
    return Reason.ANSWERS if _has_answered(case) else _loss(case)


def _in_online(case: _Case) -> Reason | None:
    is_awaited = case.standing.is_awaited(case.now_s, case.limits)
    loss = None if is_awaited else _loss(case)
    if loss is not None and case.standing.wake is not None and not case.wake_is_over:
        return Reason.WAKE
    return loss


def _in_offline(case: _Case) -> Reason | None:
    if _has_answered(case):
        return Reason.ANSWERS
    has_risen = rose(case.standing, case.before.power, case.memory.power, case.now_s, case.limits)
    return Reason.WOKEN_BY_OTHER if has_risen else None


def _in_booting(case: _Case) -> Reason | None:
    if _has_answered(case):
        return Reason.ANSWERS
    wake = case.standing.wake
    is_over = case.wake_is_over if wake else case.age_s >= case.limits.boot_s
    return Reason.BOOT_FAILED if is_over else None


def _in_shutting_down(case: _Case) -> Reason | None:
    """It still answers for a while, and a restart of its service looks the same at first."""
    answered_s, grace_ends_s = case.memory.good_probe_s, case.standing.moved_s + case.limits.grace_s
    if case.memory.goods and answered_s is not None and answered_s >= grace_ends_s:
        return Reason.SERVICE_RESTART
    # A machine that starts again is silent too, but its power stays.
    is_silent = case.memory.presence_misses >= case.limits.misses and not case.power.is_running
    if is_silent or (case.power.is_low and _measured_since_move(case)):
        return Reason.SHUT_DOWN
    return Reason.RESTARTING if case.age_s >= case.limits.farewell_s else None


_DECISIONS: Mapping[NasState, Callable[[_Case], Reason | None]] = MappingProxyType(
    {
        NasState.UNKNOWN: _in_unknown,
        NasState.ONLINE: _in_online,
        NasState.OFFLINE: _in_offline,
        NasState.BOOTING: _in_booting,
        NasState.SHUTTING_DOWN: _in_shutting_down,
    }
)


def _has_answered(case: _Case) -> bool:
    """One good probe is enough, but after an outage that nobody ended on purpose two in a row."""
    is_expected = case.standing.planned or case.standing.wake is not None
    return case.memory.goods >= (1 if is_expected else 2)


def _loss(case: _Case) -> Reason | None:
    memory, power = case.memory, case.power
    misses = max(memory.presence_misses, memory.probe_misses)
    if misses < (1 if power is PowerState.OFF else case.limits.misses):
        return None
    if power is PowerState.OFF:
        return Reason.POWER_GONE
    # What takes connections runs, plug or no plug.
    if power.is_running or memory.port_open_s is not None:
        return Reason.POWERED_NOT_ANSWERING
    return Reason.FELL_ASLEEP if power is PowerState.STANDBY else Reason.NO_ANSWER


def _measured_since_move(case: _Case) -> bool:
    power = case.memory.power
    return power is not None and power.measured_s > case.standing.moved_s


def _new_stages(case: _Case, *, is_up: bool) -> tuple[Stage, ...]:
    wake, memory = case.standing.wake, case.memory
    if wake is None or (wake.is_leaving and not memory.seen_gone):
        return ()
    reached = {
        Stage.POWER_SEEN: _has_power_since(case, wake),
        Stage.PORT_ANSWERED: memory.port_open_s is not None
        and _is_since(memory.answered_s, wake.requested_s),
        Stage.HEALTHY: is_up and _is_since(memory.good_probe_s, wake.requested_s),
    }
    return tuple(stage for stage, is_now in reached.items() if is_now and stage not in wake.reached)


def _has_power_since(case: _Case, wake: RunningWake) -> bool:
    """On its way down it draws power to the end; then only power after a low is the new boot's."""
    power = case.memory.power
    if power is None or power.measured_s <= wake.requested_s:
        return False
    is_running = power_state(power.power_w, case.limits.power_w).is_running
    return is_running and (case.memory.seen_low or not wake.is_leaving)


def _is_since(at_s: float | None, since_s: float) -> bool:
    return at_s is not None and at_s >= since_s
