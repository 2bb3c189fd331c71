"""Rules: what is unusual about a plug at present, by its own past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from energy.metering import HOUR
from energy.periods import Span

#: A plug that is away for less is no news: a router restarts, a socket is plugged elsewhere.
LOST_AFTER = timedelta(minutes=10)

#: The past that an hour is compared with. The newest day of it does not count: what began today
#: must not be the measure of today, also where the hours were stored late, all at once.
BASE = timedelta(days=28)
RECENT = timedelta(days=1)
#: Unusual hours join the base so long after they ended: what comes every week is unusual once only.
FORGIVEN_AFTER = timedelta(days=6)
LEAST_BASE_HOURS = 72
#: An hour that was measured less tells nothing: a freezer's compressor may be in the gap.
LEAST_COVERAGE = 0.9
_FACTOR = 1.5
_MARGIN_W = 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at one plug says.

    Attributes:
        is_wrong: None: it cannot be told now, so an anomaly that lasts goes on.
        since: since when it is so; None: not known, so from now on.
        facts: the figures, with units in their names; JSON.
    """

    is_wrong: bool | None
    since: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


UNTOLD = Verdict(None)


def plug_lost(*, is_lost: bool, since: datetime | None, now: datetime) -> Verdict:
    """Return whether a plug is lost; shorter than ``LOST_AFTER`` it cannot be told.

    Args:
        is_lost: talking to it fails.
        since: since when it succeeds or fails in the way that it does; None: it was never asked.
        now: the present.
    """
    if not is_lost:
        return Verdict(is_wrong=False, since=since)
    if since is None or now - since < LOST_AFTER:
        return UNTOLD
    return Verdict(is_wrong=True, since=since)


def unusual_power(
    means_w: Mapping[datetime, float], unusual: Iterable[Span], hour: datetime
) -> Verdict:
    """Return whether an hour's mean power is far above all that is usual for this plug.

    Without a base of ``LEAST_BASE_HOURS`` everything is usual: also what has lasted so long that
    nothing else is left of the base.

    Args:
        means_w: mean power in W of well measured hours (starts, UTC), in any order.
        unusual: what was found unusual before and is not forgiven yet.
        hour: the one to judge; it cannot be told where it is not in ``means_w``.
    """
    spans = list(unusual)
    base_w = [
        mean_w
        for at, mean_w in means_w.items()
        if hour - BASE <= at < hour - RECENT and not _is_in(at, spans)
    ]
    if len(base_w) < LEAST_BASE_HOURS:
        return Verdict(is_wrong=False)
    if hour not in means_w:
        return UNTOLD
    usual_max_w = max(base_w)
    limit_w = max(usual_max_w * _FACTOR, usual_max_w + _MARGIN_W)
    if means_w[hour] <= limit_w:
        return Verdict(is_wrong=False, since=hour)
    first = hour
    while means_w.get(first - HOUR, 0.0) > limit_w and not _is_in(first - HOUR, spans):
        first -= HOUR
    facts = {
        "mean_w": round(means_w[hour], 1),
        "usual_max_w": round(usual_max_w, 1),
        "hour": hour.isoformat(),
    }
    return Verdict(is_wrong=True, since=first, facts=facts)


def _is_in(at: datetime, spans: Iterable[Span]) -> bool:
    return any(span.start <= at < span.end for span in spans)
