"""How a household uses its NAS: when it is awake, who woke it, what it draws.

The same for a seed and a day, whatever range is asked for. All figures are our own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from simhome.loads import BERLIN
from simhome.nas_power import Activity, PowerHistory
from simhome.nas_stages import Draw

MINUTE = timedelta(minutes=1)
#: Nothing changes so shortly before the end of a history: what is running then has settled.
_SETTLED = 10 * MINUTE
SUNDAY = 6
_SATURDAY = 5
_FAILED_WAKE_EVERY_DAYS = 14
_BUTTON_CHANCE = 0.2
_EVENING_CHANCE = 0.9


@dataclass(frozen=True, kw_only=True)
class Session:
    """One time the NAS is awake, ``[woken_at, asleep_at)``; ``asleep_at`` None: it still is.

    ``by_person``: woken through BaluPi, else by something else, such as its own timer.
    ``failed_first``: a first attempt, minutes before, did not wake it.
    """

    woken_at: datetime
    asleep_at: datetime | None
    by_person: bool
    failed_first: bool = False
    boot_seconds: float = 70.0

    @property
    def healthy_at(self) -> datetime:
        """When BaluHost first answers."""
        return self.woken_at + timedelta(seconds=self.boot_seconds)

    @property
    def off_at(self) -> datetime | None:
        """When it draws no more than standby power; None: it is still awake."""
        return None if self.asleep_at is None else self.asleep_at + timedelta(seconds=9)


def sessions(start: datetime, until: datetime, *, seed: int, ends_awake: bool) -> list[Session]:
    """Return the sessions that begin in ``[start, until)``, in order, without overlap.

    Args:
        start: the first moment of the history; the NAS sleeps then.
        until: its last moment.
        seed: of the household.
        ends_awake: how the NAS is at the end; the last session is bent to fit.
    """
    first, last = start.astimezone(BERLIN).date(), until.astimezone(BERLIN).date()
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    settled = until - _SETTLED
    planned = [
        session
        for day in days
        for session in _sessions_of_day(day, seed)
        if start + _SETTLED <= session.woken_at < settled - _SETTLED
    ]
    return _awake_at_the_end(planned, until) if ends_awake else _asleep_by(planned, settled)


def power_of(planned: Sequence[Session], start: datetime, seed: int) -> PowerHistory:
    """Return what the NAS draws in these sessions, asleep at ``start``."""
    power = PowerHistory(now=start, draw=Draw.OFF, activity=Activity.AUTO, seed=seed)
    for session in planned:
        power.record(Draw.STARTING, Activity.AUTO, session.woken_at)
        power.record(Draw.RUNNING, Activity.AUTO, session.healthy_at)
        if session.off_at is not None:
            power.record(Draw.OFF, Activity.AUTO, session.off_at)
    return power


def _sessions_of_day(day: date, seed: int) -> Iterator[Session]:
    chance = Random(f"{seed}:nas:{day}")

    def session(begin_min: float, end_min: float, *, by_person: bool) -> Session:
        fails = by_person and (day.toordinal() + seed) % _FAILED_WAKE_EVERY_DAYS == 0
        return Session(
            woken_at=_moment(day, begin_min),
            asleep_at=_moment(day, end_min),
            by_person=by_person,
            failed_first=fails,
            boot_seconds=chance.uniform(64, 76),
        )

    if day.weekday() == SUNDAY:  # its own timer: a look over all disks
        begin_min = chance.uniform(185, 195)
        yield session(begin_min, begin_min + chance.uniform(50, 80), by_person=False)
    if day.weekday() >= _SATURDAY:
        yield session(chance.uniform(530, 640), chance.uniform(1380, 1425), by_person=True)
        return
    if chance.random() < _BUTTON_CHANCE:  # somebody is at home and presses the NAS's own button
        begin_min = chance.uniform(800, 900)
        yield session(begin_min, begin_min + chance.uniform(25, 60), by_person=False)
    if chance.random() < _EVENING_CHANCE:
        yield session(chance.uniform(1040, 1140), chance.uniform(1320, 1420), by_person=True)


def _moment(day: date, minutes: float) -> datetime:
    midnight = datetime.combine(day, time(), BERLIN)
    return (midnight + timedelta(minutes=minutes)).astimezone(UTC)


def _awake_at_the_end(planned: list[Session], until: datetime) -> list[Session]:
    """Let the last session go on, or add one if it ended long ago."""
    last = planned[-1] if planned else None
    if last and last.asleep_at and last.asleep_at > until - 90 * MINUTE:
        return [*planned[:-1], replace(last, asleep_at=None)]
    return [*planned, Session(woken_at=until - 40 * MINUTE, asleep_at=None, by_person=True)]


def _asleep_by(planned: list[Session], settled: datetime) -> list[Session]:
    """Let the last session end in time."""
    last = planned[-1] if planned else None
    if last and last.asleep_at and last.asleep_at > settled:
        return [*planned[:-1], replace(last, asleep_at=settled)]
    return planned
