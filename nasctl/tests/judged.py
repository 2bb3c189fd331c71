"""Helpers of the tests."""

from __future__ import annotations

from nasctl.evidence import (
    Answer,
    Limits,
    Presence,
    Reading,
    RunningWake,
    Seen,
)
from nasctl.state import NasState, Reason

S, R = NasState, Reason

OK, REFUSED, SILENT = Presence.OK, Presence.REFUSED, Presence.SILENT

GOOD, BAD, LATE = Answer.GOOD, Answer.BAD_STATUS, Answer.TIMEOUT

LIMITS = Limits()

NOW = 10_000.0


def seen(
    presence: Presence | None = None, probe: Answer | None = None, power_w: float | None = None
) -> Seen:
    power = None if power_w is None else Reading(power_w, NOW)
    return Seen(started_s=NOW - 0.1, presence=presence, probe=probe, power=power)


WAKE = RunningWake(requested_s=NOW - 20, deadline_s=NOW + 70)

OVER = RunningWake(requested_s=NOW - 90, deadline_s=NOW)
