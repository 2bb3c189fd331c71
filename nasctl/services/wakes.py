"""Waking the NAS: whether it makes sense, the first packets, and the row the watcher goes on with."""

from __future__ import annotations

import logging
import statistics
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.errors import RefusedError, TransientError
from energy import services as energy
from energy.services import PlugLatest
from nasctl.models import NasStatus, Wake, WakeResult
from nasctl.moments import Moment, moment_at
from nasctl.reasons import REFUSALS
from nasctl.services.moves import change_state, current_status, tell_stage, update_standing
from nasctl.state import NasState, Reason
from nasctl.wol import send_magic_packets

logger = logging.getLogger(__name__)

_ATTEMPTS = 5
#: What a boot takes where none was seen yet: the figure the NAS-built page always got.
_USUAL_BOOT_S = 60
_BOOTS_AVERAGED = 5

_AWAKE_CODES = {NasState.ONLINE: "already_online", NasState.BOOTING: "already_booting"}


def why_not_wake(status: NasStatus, plug: PlugLatest | None) -> RefusedError | None:
    """Return why a wake makes no sense now, or None.

    Below 2 W is a NAS that is off in the usual way; only a relay that is off, as the plug itself
    said lately, means that no signal can wake it.
    """
    code = _AWAKE_CODES.get(NasState(status.state))
    if code is None and plug and plug.reading and not plug.is_stale:
        code = "no_power" if plug.reading.relay_on is False else None
    return RefusedError(str(REFUSALS[code]), code=code) if code else None


def request_wake(*, requested_by: str, requested_from: str, anyway: bool, now: datetime) -> Wake:
    """Send the first packets and begin a wake; the watcher goes on with it. Needs no Redis.

    Args:
        requested_by: who, for the history, which everybody reads; "": a visitor.
        requested_from: "api", "page" or "command".
        anyway: also where it makes no sense; a wake that runs already is then repeated.
        now: the present time.

    Raises:
        RefusedError: it makes no sense; ``already_online``, ``already_booting``, ``no_power``.
        TransientError: no packet could be sent.
    """
    moment = moment_at(now)
    plug = energy.latest_of_role("nas", now)
    has_sent = False
    for _attempt in range(_ATTEMPTS):
        status = current_status(moment)
        refusal = why_not_wake(status, plug)
        if refusal and not anyway:
            raise refusal
        if not has_sent:
            send_packets()
            has_sent = True
        if status.wake:
            _tell_request(status.wake, now, is_repeated=True)
            return status.wake
        wake = _new_wake(status, moment, plug)
        wake.requested_by, wake.requested_from = requested_by[:150], requested_from
        if _begin(status, wake, moment):
            logger.info("wake asked for by %s (%s)", requested_by or "a visitor", requested_from)
            return wake
    raise TransientError(
        gettext_noop("The NAS's state changes too fast to begin a wake; try again.")
    )


def estimated_boot_s() -> int:
    """Return the seconds from signal to BaluHost's first answer: the median of the last wakes."""
    wakes = Wake.objects.filter(result=WakeResult.SUCCEEDED, healthy_at__isnull=False)
    times = wakes.values_list("requested_at", "healthy_at")[:_BOOTS_AVERAGED]
    seconds = [(healthy - requested).total_seconds() for requested, healthy in times if healthy]
    # A clock set in between makes nonsense of the difference.
    plausible = [value for value in seconds if 0 < value <= settings.NAS_BOOT_SECONDS]
    return max(1, round(statistics.median(plausible))) if plausible else _USUAL_BOOT_S


def send_packets() -> None:
    """Send a few magic packets; takes 0.2 s.

    Raises:
        TransientError: no address took any.
    """
    send_magic_packets(
        settings.NAS_MAC_ADDRESS,
        broadcast=settings.WOL_BROADCAST,
        nas_ip=settings.NAS_IP,
        port=settings.WOL_PORT,
    )


def _new_wake(status: NasStatus, now: Moment, plug: PlugLatest | None) -> Wake:
    return Wake(
        requested_at=now.at,
        uptime_s=now.uptime_s,
        boot_id=now.boot_id,
        previous_state=status.state,
        deadline_at=now.at + timedelta(seconds=settings.NAS_BOOT_SECONDS),
        watches_power=plug is not None and not plug.is_stale,
        packet_sent_at=now.at,
    )


def _begin(status: NasStatus, wake: Wake, now: Moment) -> bool:
    """Write the wake and, where the NAS is not up, the move to booting; False: somebody was faster."""
    is_up = status.state in _AWAKE_CODES
    with transaction.atomic():
        wake.save(force_insert=True)
        if is_up:
            noted = update_standing(status, probed=status.probed, wake=wake, now=now)
        else:
            noted = change_state(
                status, Reason.WAKE, now=now, evidence={"wake": str(wake.pk)}, wake=wake
            )
        if noted is None:
            transaction.set_rollback(True)
        else:
            _tell_request(wake, now.at, is_repeated=False)
            tell_stage(wake, "packet_sent", now)
    return noted is not None


def _tell_request(wake: Wake, now: datetime, *, is_repeated: bool) -> None:
    """Write into the log who asked; a wake that runs already had only its signal sent again."""
    record(
        Kind.WAKE_REQUESTED,
        now,
        subject="NAS",
        wake=str(wake.pk),
        previous_state=wake.previous_state,
        is_repeated=is_repeated,
    )
