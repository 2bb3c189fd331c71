"""The NAS's plug is not switched off under a NAS that runs."""

from __future__ import annotations

from django.utils import timezone

from balupi_site.lib.errors import RefusedError
from energy import services as energy
from energy.models import PlugRole, SmartPlug
from nasctl.models import NasStatus
from nasctl.moments import present_moment
from nasctl.reasons import REFUSALS
from nasctl.services.settings import limits
from nasctl.state import NasState, power_state

#: A toggle has just read the plug.
_FRESH_S = 2.0
#: The rest of the time in which whoever asks must be answered is for the switching itself.
_READ_WAIT_S = 3.0


def refuse_to_cut_power(plug: SmartPlug, on: bool) -> RefusedError | None:
    """Return why the relay must not be switched, or None.

    A NAS that does not answer but draws power may still be writing. For the worker only: the plug
    is read.
    """
    if on or plug.role != PlugRole.NAS:
        return None
    if _is_off() and not _draws_power() and _is_off():  # a wake may begin while the plug is read
        return None
    return RefusedError(str(REFUSALS["nas_on"]), code="nas_on")


def refuse_to_lose_role(plug: SmartPlug) -> RefusedError | None:
    """Return why a plug must keep the role NAS at present, or None: its relay is guarded by it."""
    state = NasStatus.current(present_moment()).state
    if plug.role != PlugRole.NAS or state in (NasState.OFFLINE, NasState.UNKNOWN):
        return None
    return RefusedError(str(REFUSALS["nas_role"]), code="nas_role")


def _is_off() -> bool:
    return NasStatus.current(present_moment()).state == NasState.OFFLINE


def _draws_power() -> bool:
    latest = energy.latest_of_role(PlugRole.NAS, timezone.now())
    if latest is not None and (latest.is_stale or (latest.age_s or 0) > _FRESH_S):
        # It may have been started by its button since the last poll.
        energy.read_role_now(PlugRole.NAS, wait_s=_READ_WAIT_S)
        latest = energy.latest_of_role(PlugRole.NAS, timezone.now())
    if latest is None or latest.is_stale:
        return False
    return power_state(latest.power_w, limits().power_w).is_running
