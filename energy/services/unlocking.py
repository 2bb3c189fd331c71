"""An admin lets a plug be switched for a moment, whatever guards say."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from energy.models import SmartPlug, SwitchUnlock

logger = logging.getLogger(__name__)


def unlock_plug(
    plug: SmartPlug, *, unlocked_by: str, unlocked_from: str, now: datetime
) -> datetime:
    """Unlock a plug for ``SwitchUnlock.DURATION`` and return until when; again: from now on.

    Args:
        plug: whose guards are overruled.
        unlocked_by: the admin's name.
        unlocked_from: the client's address, or "command".
        now: the present.
    """
    with transaction.atomic():
        SwitchUnlock.objects.create(
            plug=plug, at=now, unlocked_by=unlocked_by, unlocked_from=unlocked_from
        )
        seconds = SwitchUnlock.DURATION.total_seconds()
        record(Kind.PLUG_UNLOCKED, now, subject=plug.name, seconds=seconds)
    until = now + SwitchUnlock.DURATION
    logger.info(
        "plug %s is unlocked until %s by %s from %s",
        plug.name, until.isoformat(timespec="seconds"), unlocked_by, unlocked_from,
    )  # fmt: skip
    return until


def present_unlock(plug: SmartPlug, now: datetime) -> SwitchUnlock | None:
    """Return the unlock that holds at ``now``, the newest of them; None: the plug is locked."""
    return _holding(now).filter(plug=plug).first()


def unlock_left_s(plugs: Collection[SmartPlug], now: datetime) -> dict[int, float]:
    """Return by plug id for how many more seconds plugs are unlocked, in one query.

    Those that are locked are not in it.
    """
    unlocks = _holding(now).filter(plug__in=plugs).values_list("plug_id", "at").order_by("at")
    return {
        plug_id: (SwitchUnlock.DURATION - (now - at)).total_seconds() for plug_id, at in unlocks
    }


def _holding(now: datetime) -> QuerySet[SwitchUnlock]:
    """Return unlocks of the last moment; one of the future is of a clock that was set back."""
    return SwitchUnlock.objects.filter(at__gt=now - SwitchUnlock.DURATION, at__lte=now)
