"""What stands behind a plug: power as a pure function of time, the same for a seed for ever.

Every value can be asked for any instant, past or future, in any order.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


class Load(Protocol):
    """Something that draws power."""

    def power_w(self, at: datetime) -> float:
        """Return the active power in W that it draws at ``at`` (aware) when it has mains."""
        ...


@runtime_checkable
class SteppedLoad(Protocol):
    """A load whose power stays the same from one change to the next, so energy is exact."""

    def power_w(self, at: datetime) -> float:
        """Return the active power in W."""
        ...

    def next_change(self, at: datetime) -> datetime | None:
        """Return the first instant after ``at`` where power may differ; None: it never will."""
        ...


@dataclass(frozen=True)
class ConstantLoad:
    """A load that always draws ``watts``."""

    watts: float

    def power_w(self, at: datetime) -> float:
        """Return the active power in W."""
        return self.watts

    def next_change(self, at: datetime) -> datetime | None:
        """Return None: it never changes."""
        return None


class FreezerLoad:
    """A freezer: a compressor that runs 8 to 12 minutes in every 30 to 45.

    Starts are a slot's beginning plus a delay, so any cycle is found without walking there.
    """

    STANDBY_W = 0.8
    START_PEAK_W = 118.0
    START_PEAK_S = 2
    FIRST_MINUTE_W = 46.0
    LAST_MINUTE_W = 42.0
    SLOT_S = 37 * 60
    MAX_DELAY_S = 6 * 60
    MIN_RUN_S = 8 * 60
    MAX_RUN_S = 12 * 60

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._phase_s = int(_fraction("freezer", seed, "phase") * self.SLOT_S)
        self._cycle = lru_cache(maxsize=4)(self._new_cycle)

    def power_w(self, at: datetime) -> float:
        """Return the active power in W."""
        start_s, run_s = self._cycle_at(at)
        since_s = at.timestamp() - start_s
        if not 0 <= since_s < run_s:
            return self.STANDBY_W
        if since_s < self.START_PEAK_S:
            return self.START_PEAK_W
        # The motor draws less as the pressure settles; a step per minute keeps energy exact.
        done = (since_s // 60) * 60 / run_s
        return self.FIRST_MINUTE_W + done * (self.LAST_MINUTE_W - self.FIRST_MINUTE_W)

    def next_change(self, at: datetime) -> datetime:
        """Return the next minute step, start or stop of the compressor."""
        start_s, run_s = self._cycle_at(at)
        since_s = at.timestamp() - start_s
        if since_s < 0:
            change_s = start_s
        elif since_s < self.START_PEAK_S:
            change_s = start_s + self.START_PEAK_S
        elif since_s < run_s:
            change_s = start_s + min(int(since_s // 60 + 1) * 60, run_s)
        else:
            change_s, _ = self._cycle(self._slot(at) + 1)
        return datetime.fromtimestamp(change_s, UTC)

    def _slot(self, at: datetime) -> int:
        return int((at.timestamp() - self._phase_s) // self.SLOT_S)

    def _cycle_at(self, at: datetime) -> tuple[int, int]:
        return self._cycle(self._slot(at))

    def _new_cycle(self, slot: int) -> tuple[int, int]:
        """Return start (Unix seconds) and length in s of the one run in a slot.

        Whole seconds, because a datetime holds them exactly: ``next_change`` never stands still.
        """
        delay_s = int(_fraction("freezer", self._seed, slot, "delay") * self.MAX_DELAY_S)
        spread_s = self.MAX_RUN_S - self.MIN_RUN_S
        run_s = self.MIN_RUN_S + int(_fraction("freezer", self._seed, slot, "run") * spread_s)
        return self._phase_s + slot * self.SLOT_S + delay_s, run_s


class MonitorLoad:
    """A monitor: 18 to 22 W while somebody sits before it, 0.3 W standby.

    On workdays most evenings and some days, at weekends some days and most evenings.
    """

    STANDBY_W = 0.3
    MIN_W = 18.0
    MAX_W = 22.0
    STEP_S = 300

    def __init__(self, seed: int, time_zone: ZoneInfo = BERLIN) -> None:
        """Follow the habits of ``seed`` in the household's ``time_zone``."""
        self._seed = seed
        self._time_zone = time_zone
        self._sessions = lru_cache(maxsize=4)(self._new_sessions)

    def power_w(self, at: datetime) -> float:
        """Return the active power in W."""
        if not any(start <= at < end for start, end in self._sessions(self._day(at))):
            return self.STANDBY_W
        picture = _fraction("monitor", self._seed, int(at.timestamp() // self.STEP_S))
        return self.MIN_W + picture * (self.MAX_W - self.MIN_W)

    def next_change(self, at: datetime) -> datetime:
        """Return the next step, switching on or off, or midnight."""
        day = self._day(at)
        for start, end in self._sessions(day):
            if at < start:
                return start
            if at < end:
                step_s = (at.timestamp() // self.STEP_S + 1) * self.STEP_S
                return min(datetime.fromtimestamp(step_s, UTC), end)
        return self._moment(day + timedelta(days=1), 0)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._time_zone).date()

    def _moment(self, day: date, minute: int) -> datetime:
        midnight = datetime.combine(day, time(), self._time_zone)
        return (midnight + timedelta(minutes=minute)).astimezone(UTC)

    def _new_sessions(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the day's sessions in order; they end before midnight and never touch."""
        weekend = day.weekday() >= 5  # noqa: PLR2004 - Saturday is 5
        sessions = []
        for name, chance, start_min, length_min in (
            ("morning", 0.5 if weekend else 0.4, 8 * 60 + 30, 180),
            ("afternoon", 0.4, 13 * 60, 210),
            ("evening", 0.85, 18 * 60 + 30, 180),
        ):
            if _fraction("monitor", self._seed, day, name) < chance:
                begin = start_min + int(_fraction("monitor", self._seed, day, name, "at") * 60)
                length = length_min * (0.6 + 0.4 * _fraction("monitor", self._seed, day, name, "n"))
                sessions.append(
                    (self._moment(day, begin), self._moment(day, begin + int(length))),
                )
        return sessions


def mains_voltage_v(at: datetime) -> float:
    """Return the household's mains voltage in V: about 230, drifting, with a new value per second.

    One function for all plugs, for they hang on the same mains.
    """
    second = int(at.timestamp())
    drift_v = 2.5 * math.sin(2 * math.pi * second / 5400)
    return round(230.0 + drift_v + (_fraction("mains", second) - 0.5), 3)


def _fraction(*parts: object) -> float:
    """Return a number in [0, 1) that looks random and is always the same for ``parts``."""
    digest = hashlib.blake2b(":".join(map(str, parts)).encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48
