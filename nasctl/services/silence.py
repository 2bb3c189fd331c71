"""A NAS that draws power for hours and does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Avg, Count, Q

from energy.anomalies import UNTOLD, Verdict
from energy.models import Anomaly, PlugRole, PowerSample, SmartPlug
from energy.services import AnomalyDetector, anomaly_duration_s
from nasctl.models import NasStatus, StateChange
from nasctl.moments import moment_at
from nasctl.reasons import silence_text
from nasctl.services.settings import limits
from nasctl.state import NasState

SILENT_AFTER = timedelta(hours=2)
#: So much of that time must have been measured, and so many of the readings be of a machine that runs.
_LEAST_MEASURED = 0.5
_LEAST_RUNNING = 0.9

_THERE = (NasState.ONLINE, NasState.SHUTTING_DOWN)


@dataclass(frozen=True, slots=True)
class PowerSeen:
    """What the NAS's plug has measured in the last ``SILENT_AFTER``.

    Attributes:
        mean_w: None: nothing was measured.
        measured: the part of the planned readings that there are, 0 to 1.
        running: the part of those at which a machine runs, 0 to 1.
    """

    mean_w: float | None
    measured: float
    running: float


def silence(
    state: NasState, since: datetime, *, was_there: bool, power: PowerSeen, now: datetime
) -> Verdict:
    """Return whether the NAS runs without answering; while a wake is tried it cannot be told.

    Args:
        state: its state.
        since: since when it is in it.
        was_there: it was online, or on its way down from there, within ``SILENT_AFTER``.
        power: what its plug has measured meanwhile.
        now: the present.
    """
    if state in _THERE:
        return Verdict(is_wrong=False, since=since)
    if power.mean_w is None or power.measured < _LEAST_MEASURED:
        return UNTOLD
    if power.running < _LEAST_RUNNING:
        return Verdict(is_wrong=False)
    if state is not NasState.OFFLINE or was_there:
        return UNTOLD
    # Where a wake was tried meanwhile, its power since before that tells the same.
    began_at = min(since, now - SILENT_AFTER)
    facts = {"power_w": round(power.mean_w, 1), "since": began_at.isoformat()}
    return Verdict(is_wrong=True, since=began_at, facts=facts)


def _find(plugs: Sequence[SmartPlug], now: datetime) -> dict[int, Verdict]:
    plug = next((plug for plug in plugs if plug.role == PlugRole.NAS), None)
    if plug is None:
        return {}
    status = NasStatus.current(moment_at(now))
    verdict = silence(
        NasState(status.state),
        status.since,
        was_there=_was_there(now),
        power=_power_seen(plug, now),
        now=now,
    )
    return {plug.pk: verdict}


def _was_there(now: datetime) -> bool:
    recent = StateChange.objects.filter(at__gt=now - SILENT_AFTER, at__lte=now)
    return recent.filter(from_state__in=_THERE).exists()  # it is not there now, so it has left


def _power_seen(plug: SmartPlug, now: datetime) -> PowerSeen:
    _off_w, standby_w, _idle_w = limits().power_w
    seen = PowerSample.objects.filter(plug=plug, at__gt=now - SILENT_AFTER, at__lte=now).aggregate(
        mean_w=Avg("power_w"),
        count=Count("pk"),
        running=Count("pk", filter=Q(power_w__gte=standby_w)),
    )
    planned = SILENT_AFTER.total_seconds() / settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    return PowerSeen(
        mean_w=seen["mean_w"],
        measured=seen["count"] / planned,
        running=seen["running"] / max(seen["count"], 1),
    )


def _text(anomaly: Anomaly, now: datetime) -> str:
    return silence_text(
        anomaly.facts["power_w"],
        anomaly_duration_s(anomaly, now) or 0.0,
        lasts=anomaly.ended_at is None,
    )


nas_silent = AnomalyDetector("nas_silent", _find, _text)
