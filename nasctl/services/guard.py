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


def refuse_to_cut_power(plug: SmartPlug, on: bool) -> RefusedError | None:
    """Return why the relay must not be switched, or None.

    A NAS that does not answer but draws power may still be writing.
    """
    if on or plug.role != PlugRole.NAS:
        return None
    is_off = NasStatus.current(present_moment()).state == NasState.OFFLINE
    if is_off and not _draws_power():
        return None
    return RefusedError(str(REFUSALS["nas_on"]), code="nas_on")


def _draws_power() -> bool:
    latest = energy.latest_of_role(PlugRole.NAS, timezone.now())
    if latest is None or latest.is_stale:
        return False
    return power_state(latest.power_w, limits().power_w).is_running
