"""Anomalies: rows that follow what the detectors say is wrong at present."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from balupi_site.events.kinds import Kind
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.kept import retold, unpacked
from balupi_site.lib.words import NBSP, day_and_clock
from energy.anomalies import (
    BASE,
    FORGIVEN_AFTER,
    LEAST_COVERAGE,
    Verdict,
    plug_lost,
    unusual_power,
)
from energy.metering import HOUR, hour_start
from energy.models import Anomaly, EnergyHour, PlugStatus, SmartPlug
from energy.periods import Span

logger = logging.getLogger(__name__)

PLUG_LOST = "plug_lost"
UNUSUAL_POWER = "unusual_power"


@dataclass(frozen=True, slots=True)
class AnomalyDetector:
    """Somebody who knows what is wrong with plugs.

    Attributes:
        kind: what it looks for; a stable word for programs, at most 32 characters.
        find: takes the enabled plugs and the present, returns verdicts by plug id; where a plug has
            none, there is nothing to look for (any more).
        text: takes an anomaly of this kind and the present, returns a sentence for people.
    """

    kind: str
    find: Callable[[Sequence[SmartPlug], datetime], Mapping[int, Verdict]]
    text: Callable[[Anomaly, datetime], str]


@dataclass(frozen=True, slots=True)
class LookedFor:
    """What a look has changed."""

    begun: tuple[Anomaly, ...]
    ended: tuple[Anomaly, ...]


def register_anomaly_detector(detector: AnomalyDetector) -> None:
    """Have ``detector`` asked at each look; a second call does nothing."""
    if detector not in _detectors:
        _detectors.append(detector)


def look_for_anomalies(now: datetime) -> LookedFor:
    """Begin and end anomalies, so that they say what is wrong at ``now``; a second call does nothing.

    The caller makes sure that the clock can be believed.
    """
    plugs = {plug.pk: plug for plug in SmartPlug.objects.enabled()}
    begun: list[Anomaly] = []
    ended: list[Anomaly] = []
    for detector in _detectors:
        verdicts = detector.find(list(plugs.values()), now)
        known = _lasting(detector.kind)
        for plug_id, row in known.items():
            if _end(row, verdicts.get(plug_id, Verdict(is_wrong=False)), now):
                ended.append(row)
        for plug_id, verdict in verdicts.items():
            if verdict.is_wrong and plug_id not in known:
                begun += _begin(detector.kind, plugs[plug_id], verdict, now)
    return LookedFor(tuple(begun), tuple(ended))


def anomaly_text(anomaly: Anomaly, now: datetime) -> str:
    """Return an anomaly as a sentence; its kind alone where nobody here knows that kind."""
    for detector in _detectors:
        if detector.kind == anomaly.kind:
            return detector.text(anomaly, now)
    return str(anomaly)


def anomaly_duration_s(anomaly: Anomaly, now: datetime) -> float | None:
    """Return how long it has lasted, in s; None where the clock was set back meanwhile."""
    lasted_s = ((anomaly.ended_at or now) - anomaly.began_at).total_seconds()
    return lasted_s if lasted_s >= 0 else None


def _lasting(kind: str) -> dict[int, Anomaly]:
    """Return by plug id the anomalies of a kind that last."""
    rows = Anomaly.objects.filter(kind=kind, ended_at__isnull=True).select_related("plug")
    return {row.plug_id: row for row in rows.order_by()}


def _begin(kind: str, plug: SmartPlug, verdict: Verdict, now: datetime) -> list[Anomaly]:
    """Write an anomaly; empty where another process was faster, or the plug is gone."""
    began_at = min(verdict.since or now, now)
    row = Anomaly(plug=plug, kind=kind, began_at=began_at, facts=dict(verdict.facts))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _tell(Kind.PLUG_ANOMALY, row, now)
    except IntegrityError:
        return []
    logger.warning("anomaly began: %s", anomaly_text(row, now))
    return [row]


def _end(row: Anomaly, verdict: Verdict, now: datetime) -> bool:
    """End an anomaly that is over; False where it lasts or another process was faster."""
    if verdict.is_wrong is not False:
        return False
    row.ended_at = max(min(verdict.since or now, now), row.began_at)
    lasting = Anomaly.objects.filter(pk=row.pk, ended_at__isnull=True)
    with transaction.atomic():
        is_ours = bool(lasting.update(ended_at=row.ended_at))
        if is_ours:
            _tell(Kind.PLUG_ANOMALY_OVER, row, now)
    if is_ours:
        logger.info("anomaly ended: %s", anomaly_text(row, now))
    return is_ours


def _tell(kind: Kind, row: Anomaly, now: datetime) -> None:
    """Write into the log that an anomaly has begun or ended."""
    is_over = kind is Kind.PLUG_ANOMALY_OVER
    record(
        kind,
        now,
        subject=row.plug.name,
        is_trouble=not is_over,
        duration_s=anomaly_duration_s(row, now) if is_over else None,
        by=BALUPI,
        anomaly=row.kind,
        began_at=row.began_at.isoformat(),
        figures=dict(row.facts),
    )


def _find_lost(plugs: Sequence[SmartPlug], now: datetime) -> dict[int, Verdict]:
    return {plug.pk: _lost(plug, now) for plug in plugs}


def _lost(plug: SmartPlug, now: datetime) -> Verdict:
    is_lost = plug.status not in (PlugStatus.OK, PlugStatus.UNKNOWN)
    verdict = plug_lost(is_lost=is_lost, since=plug.status_since, now=now)
    facts = {"status": plug.status, "status_message": unpacked(plug.status_message)}
    return replace(verdict, facts=facts) if verdict.is_wrong else verdict


def _lost_text(anomaly: Anomaly, now: datetime) -> str:
    names = {"plug": anomaly.plug.name, "since": day_and_clock(anomaly.began_at, now)}
    if anomaly.ended_at is not None:
        names["until"] = day_and_clock(anomaly.ended_at, now)
        return _("%(plug)s did not answer from %(since)s to %(until)s.") % names
    text = _("%(plug)s has not answered since %(since)s.") % names
    return f"{text} {retold(anomaly.facts.get('status_message', ''))}".rstrip()


def _find_unusual(plugs: Sequence[SmartPlug], now: datetime) -> dict[int, Verdict]:
    # The last samples of an hour may still wait in the buffer.
    stored_until = now - timedelta(seconds=settings.ENERGY_FLUSH_INTERVAL_SECONDS)
    hour = hour_start(stored_until) - HOUR
    unusual = _unusual_spans(plugs, hour)
    return {
        plug.pk: unusual_power(_means_w(plug.pk, hour), unusual.get(plug.pk, ()), hour)
        for plug in plugs
    }


def _unusual_spans(plugs: Sequence[SmartPlug], hour: datetime) -> dict[int, list[Span]]:
    """Return by plug id when it was unusual, as far as that is not forgiven yet."""
    is_recent = Q(ended_at__isnull=True) | Q(ended_at__gt=hour - FORGIVEN_AFTER)
    rows = Anomaly.objects.filter(is_recent, plug__in=plugs, kind=UNUSUAL_POWER).order_by()
    spans: dict[int, list[Span]] = {}
    for row in rows:
        until = row.ended_at or hour + HOUR
        spans.setdefault(row.plug_id, []).append(Span(row.began_at, until))
    return spans


def _means_w(plug_id: int, hour: datetime) -> dict[datetime, float]:
    measured = EnergyHour.objects.filter(
        plug_id=plug_id,
        hour__gte=hour - BASE,
        hour__lte=hour,
        coverage__gte=LEAST_COVERAGE,
    ).values_list("hour", "power_avg_w")
    return {at: mean_w for at, mean_w in measured.iterator() if mean_w is not None}


def _unusual_text(anomaly: Anomaly, _now: datetime) -> str:
    known = {
        "plug": anomaly.plug.name,
        "mean": _watts(anomaly.facts.get("mean_w")),
        "usual": _watts(anomaly.facts.get("usual_max_w")),
    }
    if anomaly.ended_at is None:
        return _("%(plug)s draws %(mean)s, usually at most %(usual)s.") % known
    return _("%(plug)s drew %(mean)s, usually at most %(usual)s.") % known


def _watts(power_w: float | None) -> str:
    return "?" if power_w is None else f"{power_w:.0f}{NBSP}W"


#: In order; those of other apps come when they are ready.
_detectors: list[AnomalyDetector] = [
    AnomalyDetector(PLUG_LOST, _find_lost, _lost_text),
    AnomalyDetector(UNUSUAL_POWER, _find_unusual, _unusual_text),
]
