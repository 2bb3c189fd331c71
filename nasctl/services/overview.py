"""Everything that is known of the NAS now, for the page and the API alike; each value with its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from energy import services as energy
from energy.services import PlugLatest
from nasctl.evidence import Stage
from nasctl.models import NasStatus, Wake, WakeResult
from nasctl.moments import Moment, moment_at
from nasctl.reasons import PACKET_LABEL, STAGE_LABELS, failure_text, reason_text, state_text
from nasctl.services.settings import limits
from nasctl.services.sightings import Notes, load_notes
from nasctl.services.wakes import estimated_boot_s, why_not_wake
from nasctl.state import NasState, PowerState, power_state, wanted_target

#: The watcher writes down what it saw at least every 10 s; three of them late, and nobody watches.
_WATCHED_INTERVALS = 3


@dataclass(frozen=True)
class Sighting:
    """When something was last seen, and how it was; ``result`` "" where only the time counts."""

    result: str
    at: datetime
    age_s: float
    status: int | None = None


@dataclass(frozen=True)
class Evidence:
    """What the witnesses said last; None: not known, as without Redis."""

    presence: Sighting | None = None
    presence_ok: Sighting | None = None
    probe: Sighting | None = None
    good_probe: Sighting | None = None
    presence_misses: int | None = None
    probe_misses: int | None = None
    watched_at: datetime | None = None
    watched_age_s: float | None = None
    is_watched: bool | None = None


@dataclass(frozen=True)
class StageOverview:
    """One stage of a wake: "done", "waiting", "failed" or "skipped"."""

    stage: str
    label: str
    status: str
    at: datetime | None
    after_s: float | None


@dataclass(frozen=True)
class WakeOverview:
    """One wake with its stages.

    Attributes:
        remaining_s: until it is given up; None once it has ended.
        expected_s: until BaluHost is ready, as the last wakes went; None once it has ended.
    """

    id: str
    result: str
    requested_by: str
    requested_from: str
    requested_at: datetime
    age_s: float
    previous_state: str
    deadline_at: datetime
    remaining_s: float | None
    expected_s: float | None
    finished_at: datetime | None
    failed_stage: str
    message: str
    stages: tuple[StageOverview, ...]


@dataclass(frozen=True)
class Refusal:
    """Why a wake makes no sense now."""

    code: str
    message: str


@dataclass(frozen=True)
class NasOverview:
    """Everything that is known of the NAS.

    Attributes:
        since: None before the first look ever.
        is_since_in_future: the clock was wrong when it was noted, or is now.
        power_state: by a reading that is not stale; "unknown" otherwise.
        power_w: as last read, however old; see ``power_age_s``.
        wanted: where the names should lead, "nas" or "pi"; "" to leave them.
        wake: the wake that runs.
        last_wake: the newest one, running or not.
        why_not_wake: None: a wake makes sense.
    """

    state: str
    state_text: str
    since: datetime | None
    age_s: float | None
    is_since_in_future: bool
    reason: str
    reason_text: str
    planned: bool
    probed: bool
    power_state: str
    power_w: float | None
    power_at: datetime | None
    power_age_s: float | None
    relay_on: bool | None
    evidence: Evidence
    wanted: str
    wake: WakeOverview | None
    last_wake: WakeOverview | None
    can_wake: bool
    why_not_wake: Refusal | None


def nas_overview(now: datetime) -> NasOverview:
    """Return what is known; what Redis knows is None while it is away."""
    moment = moment_at(now)
    status = NasStatus.current(moment)
    is_known = status.version > 0
    plug = energy.latest_of_role("nas", now)
    reading = plug.reading if plug else None
    refusal = why_not_wake(status, plug)
    last_wake = Wake.objects.first()
    return NasOverview(
        state=status.state,
        state_text=state_text(status.state),
        since=status.since if is_known else None,
        age_s=max((now - status.since).total_seconds(), 0.0) if is_known else None,
        is_since_in_future=status.since > now,
        reason=status.reason,
        reason_text=reason_text(status.reason),
        planned=status.planned,
        probed=status.probed,
        power_state=_power_state(plug),
        power_w=reading.power_w if reading else None,
        power_at=reading.at if reading else None,
        power_age_s=plug.age_s if plug else None,
        relay_on=reading.relay_on if reading else None,
        evidence=_evidence(load_notes(), moment),
        wanted=wanted_target(NasState(status.state), probed=status.probed),
        wake=wake_overview(status.wake, now) if status.wake else None,
        last_wake=wake_overview(last_wake, now) if last_wake else None,
        can_wake=refusal is None,
        why_not_wake=Refusal(refusal.code, str(refusal)) if refusal else None,
    )


def watched_until(now: datetime) -> datetime | None:
    """Return when the NAS was looked at last, if nobody looks any more; None: somebody does, or not known."""
    evidence = _evidence(load_notes(), moment_at(now))
    return evidence.watched_at if evidence.is_watched is False else None


def wake_overview(wake: Wake, now: datetime) -> WakeOverview:
    """Return a wake with its stages."""
    moment = moment_at(now)
    age_s = wake.requested.elapsed_s(moment)
    is_running = wake.result == WakeResult.RUNNING
    boot_s = (wake.deadline_at - wake.requested_at).total_seconds()
    return WakeOverview(
        id=str(wake.pk),
        result=wake.result,
        requested_by=wake.requested_by,
        requested_from=wake.requested_from,
        requested_at=wake.requested_at,
        age_s=age_s,
        previous_state=wake.previous_state,
        deadline_at=wake.deadline_at,
        remaining_s=max(boot_s - age_s, 0.0) if is_running else None,
        expected_s=max(estimated_boot_s() - age_s, 0.0) if is_running else None,
        finished_at=wake.finished_at,
        failed_stage=wake.failed_stage,
        message=failure_text(wake.message),
        stages=_stages(wake),
    )


def _stages(wake: Wake) -> tuple[StageOverview, ...]:
    sent_s = _after_s(wake, wake.packet_sent_at)
    sent = StageOverview("packet_sent", str(PACKET_LABEL), "done", wake.packet_sent_at, sent_s)
    found = [sent]
    for stage in Stage:
        at = getattr(wake, f"{stage}_at")
        label = str(STAGE_LABELS[stage])
        found.append(
            StageOverview(stage, label, _stage_status(wake, stage), at, _after_s(wake, at))
        )
    return tuple(found)


def _stage_status(wake: Wake, stage: Stage) -> str:
    if stage in wake.reached:
        return "done"
    if stage == wake.failed_stage:
        return "failed"
    is_passed = any(later in wake.reached for later in list(Stage)[list(Stage).index(stage) :])
    is_left_out = stage is Stage.POWER_SEEN and not wake.watches_power
    is_over = wake.result != WakeResult.RUNNING
    return "skipped" if is_passed or is_left_out or is_over else "waiting"


def _after_s(wake: Wake, at: datetime | None) -> float | None:
    return None if at is None else max((at - wake.requested_at).total_seconds(), 0.0)


def _power_state(plug: PlugLatest | None) -> PowerState:
    if plug is None or plug.is_stale:
        return PowerState.UNKNOWN
    return power_state(plug.power_w, limits().power_w)


def _evidence(notes: Notes | None, now: Moment) -> Evidence:
    if notes is None or not notes.boot_id or notes.boot_id != now.boot_id:
        return Evidence()

    def sighting(
        at_s: float | None, result: str = "", status: int | None = None
    ) -> Sighting | None:
        if at_s is None:
            return None
        age_s = max(now.uptime_s - at_s, 0.0)
        return Sighting(result, now.at - timedelta(seconds=age_s), age_s, status)

    seen = notes.sightings
    watched = sighting(notes.saved_s)
    return Evidence(
        presence=sighting(seen.presence_s, seen.presence or ""),
        presence_ok=sighting(seen.presence_ok_s),
        probe=sighting(seen.probe_s, seen.probe or "", seen.probe_status),
        good_probe=sighting(seen.good_probe_s),
        presence_misses=notes.memory.presence_misses,
        probe_misses=notes.memory.probe_misses,
        watched_at=watched.at if watched else None,
        watched_age_s=watched.age_s if watched else None,
        is_watched=watched is not None
        and watched.age_s <= _WATCHED_INTERVALS * limits().presence_s,
    )
