"""What all checks may know: read once, in the thread of whoever asks, so that no other needs the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from balupi_site.lib.errors import in_a_line
from balupi_site.lib.redis import RedisError, client
from nasctl.models import NasStatus
from nasctl.moments import Moment, moment_at
from nasctl.services.sightings import load_notes
from nasctl.state import NasState, Reason
from pihole.models import NameStatus


@dataclass(frozen=True)
class Known:
    """The present, as far as it could be read.

    Attributes:
        now: the present time.
        nas_is_awake: BaluHost answers, as the watch has it.
        nas_draws_power: the watch does not see it, but its plug does.
        watched_age_s: seconds since the worker last looked at the NAS; None: not since the start.
        wanted: where the names should lead, "nas" or "pi"; "" leave them; None: not known.
        redis: what Redis says of itself; None: it is away.
        redis_error: why it is away.
        database_error: why the database cannot be read; "" where it can.
        is_cut_off: tells whether the run was cut off, so that nothing new is begun.
    """

    now: datetime
    nas_is_awake: bool = False
    nas_draws_power: bool = False
    watched_age_s: float | None = None
    wanted: str | None = None
    redis: dict[str, Any] | None = None
    redis_error: str = ""
    database_error: str = ""
    is_cut_off: Callable[[], bool] = lambda: False

    @property
    def wanted_address(self) -> str | None:
        """Where the names should lead; None: not known, or they are left as they are."""
        return {"nas": settings.NAS_IP, "pi": settings.PI_IP}.get(self.wanted or "") or None

    def since_s(self, then: datetime) -> float:
        """Return the seconds since a moment, never below 0."""
        return max((self.now - then).total_seconds(), 0.0)


def known_at(now: datetime) -> Known:
    """Return what is known; asks the database, and Redis twice."""
    moment = moment_at(now)
    redis, redis_error = _redis()
    try:
        status = NasStatus.current(moment)
        wanted = NameStatus.current().target
    except DatabaseError as error:
        return Known(now, redis=redis, redis_error=redis_error, database_error=_shortly(error))
    return Known(
        now,
        nas_is_awake=status.state == NasState.ONLINE and status.probed,
        nas_draws_power=status.reason == Reason.POWERED_NOT_ANSWERING,
        # A Redis that hangs would cost its deadline once more.
        watched_age_s=_watched_age_s(moment) if redis is not None else None,
        wanted=wanted,
        redis=redis,
        redis_error=redis_error,
    )


def _watched_age_s(now: Moment) -> float | None:
    notes = load_notes()
    if notes is None or notes.boot_id != now.boot_id:
        return None
    return max(now.uptime_s - notes.saved_s, 0.0)


def _redis() -> tuple[dict[str, Any] | None, str]:
    try:
        return dict(client().info()), ""
    except RedisError as error:
        return None, _shortly(error)


def _shortly(error: Exception) -> str:
    return in_a_line(error)[:200] or type(error).__name__
