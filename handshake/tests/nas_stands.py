"""Where the NAS stands, for the tests of its calls."""

from __future__ import annotations

from datetime import UTC, datetime

from nasctl.models import NasStatus
from nasctl.moments import present_moment
from nasctl.services import moves
from nasctl.state import NasState, Reason
from nasctl.tasks import watch_nas
from pihole.tasks import reconcile_names

S = NasState

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

STATUS, LATEST = "/api/handshake/status", "/api/handshake/snapshot"

WATCH, RECONCILE = watch_nas.name, reconcile_names.name


def status() -> NasStatus:
    return NasStatus.current(present_moment())


def be_online(*, probed: bool = True) -> None:
    """Let the NAS be up, as a probe has it."""
    now = present_moment()
    row = moves.current_status(now)
    assert moves.change_state(row, Reason.ANSWERS, now=now)
    assert moves.update_standing(row, probed=probed, wake=None, now=now)
