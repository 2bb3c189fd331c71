"""What the simulated NAS draws, in watts: a pure curve, the same for the same seed."""

import hashlib
from bisect import bisect_right
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum

from simhome.nas_stages import Draw

STEP_SECONDS = 5
"""The curve is constant within steps of this length, counted from the epoch."""

_BUSY_SLOT_SECONDS = 600
_BUSY_SHARE_BY_HOUR = (0.05,) * 6 + (0.15,) * 10 + (0.45,) * 6 + (0.2,) * 2
_HISTORY_LENGTH = 4096

_FIXED_W = {Draw.NONE: 0.0, Draw.OFF: 1.2, Draw.SUSPENDED: 2.6}
_RANGE_W = {Draw.SOFT_SLEEP: (21.5, 22.5), Draw.STARTING: (41.0, 43.5)}
_BUSY_W = (38.0, 55.0)
_IDLE_W = (31.0, 36.0)


class Activity(StrEnum):
    """How much the running NAS has to do; AUTO changes by itself, more in the evening (UTC).

    STEADY draws the same all the while, for comparisons that must not depend on chance.
    """

    AUTO = "auto"
    BUSY = "busy"
    IDLE = "idle"
    STEADY = "steady"


def _fraction(seed: int, kind: str, slot: int) -> float:
    """Return a number in [0, 1) that looks random and depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}:{kind}:{slot}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def is_busy(activity: Activity, at: datetime, seed: int) -> bool:
    """Tell whether the running NAS has work at that moment."""
    if activity is not Activity.AUTO:
        return activity is Activity.BUSY
    slot = int(at.timestamp() // _BUSY_SLOT_SECONDS)
    hour = slot * _BUSY_SLOT_SECONDS // 3600 % 24
    return _fraction(seed, "busy", slot) < _BUSY_SHARE_BY_HOUR[hour]


def drawn_power_w(draw: Draw, activity: Activity, at: datetime, seed: int) -> float:
    """Return the power in W. The figures are those of a small NAS with disks."""
    if draw in _FIXED_W:
        return _FIXED_W[draw]
    if draw is Draw.RUNNING:
        low, high = _BUSY_W if is_busy(activity, at, seed) else _IDLE_W
    else:
        low, high = _RANGE_W[draw]
    share = 0.5
    if activity is not Activity.STEADY:
        share = _fraction(seed, draw.value, int(at.timestamp() // STEP_SECONDS))
    return round(low + (high - low) * share, 2)


class PowerHistory:
    """Remembers what was drawn when, so that a meter may ask for moments that have passed."""

    def __init__(self, *, now: datetime, draw: Draw, activity: Activity, seed: int) -> None:
        self._seed = seed
        self._since: deque[datetime] = deque([now], maxlen=_HISTORY_LENGTH)
        self._drawn: deque[tuple[Draw, Activity]] = deque(
            [(draw, activity)], maxlen=_HISTORY_LENGTH
        )

    @property
    def draw(self) -> Draw:
        """What is being drawn since the last note."""
        return self._drawn[-1][0]

    def record(self, draw: Draw, activity: Activity, at: datetime) -> None:
        """Note what is drawn from then on. The same as before is not noted again.

        After the clock was set back, what was noted for later is forgotten.
        """
        while len(self._since) > 1 and self._since[-1] > at:
            self._since.pop()
            self._drawn.pop()
        if self._drawn[-1] != (draw, activity):
            self._since.append(at)
            self._drawn.append((draw, activity))

    def power_w(self, at: datetime) -> float:
        """Return the power in W at a moment; before the first note, as at the first note."""
        draw, activity = self._drawn[max(0, bisect_right(self._since, at) - 1)]
        return drawn_power_w(draw, activity, at, self._seed)

    def next_change(self, at: datetime) -> datetime | None:
        """Return the first moment after ``at`` where the power may differ, as far as is known.

        None: it stays as it is until something happens to the NAS.
        """
        later = bisect_right(self._since, at)
        noted = self._since[later] if later < len(self._since) else None
        if self._drawn[max(0, later - 1)][0] in _FIXED_W:
            return noted
        step = (at.timestamp() // STEP_SECONDS + 1) * STEP_SECONDS
        stepped = datetime.fromtimestamp(step, UTC)
        return stepped if noted is None else min(stepped, noted)
