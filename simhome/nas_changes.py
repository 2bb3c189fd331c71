"""What changes the simulated NAS by itself: BaluHost's idle rule, its calls; and how a change is told."""

from dataclasses import dataclass
from datetime import datetime

from simhome.nas_stages import Call, NasState

HARMLESS_PREFIXES = (
    "/api/system/sleep/status",
    "/api/system/sleep/config",
    "/api/system/sleep/history",
    "/api/system/sleep/capabilities",
    "/api/power/status",
    "/api/system/info",
    "/api/monitoring/",
    "/api/admin/services",
)
"""BaluHost leaves soft sleep on any request but these (its sleep middleware). What its front
server answers alone, such as static files, never reaches it."""

IDLE_REQUESTS_PER_MINUTE = 5
"""BaluHost's default ``idle_http_threshold``: more requests than that a minute is not idle."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of the machine's state: when, from, to and why."""

    at: datetime
    before: NasState
    after: NasState
    why: str


@dataclass(frozen=True, kw_only=True)
class PendingCall:
    """A call that BaluHost makes now; ``serial`` tells one from the next."""

    serial: int
    call: Call
