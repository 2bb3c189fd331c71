"""Rules: what sleeping saved, against the same NAS left on without work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import quantiles

#: How far back hours tell what the NAS draws while it idles, and how many it takes.
IDLE_DAYS = timedelta(days=30)
IDLE_HOURS = 3
#: Whoever saw less of the time than this cannot say that the NAS never slept.
_LEAST_WATCHED = 0.5
#: The most decimals that a formula is shown with.
_MOST_DECIMALS = 6


class WhyUnknown(StrEnum):
    """Why there is no figure, or none to explain."""

    NOTHING_KNOWN = "nothing_known"
    NOT_WATCHED = "not_watched"
    NEVER_ASLEEP = "never_asleep"
    SLEEP_NOT_READ = "sleep_not_read"
    NO_IDLE_POWER = "no_idle_power"


@dataclass(frozen=True, slots=True)
class IdleHour:
    """An hour that the NAS was awake for, from start to end, and its mean power."""

    hour: datetime
    power_w: float


@dataclass(frozen=True, slots=True)
class Asleep:
    """How the NAS slept in a span.

    Attributes:
        duration_h: how long.
        known_h: how much of that the energy is known of.
        energy_wh: of the known part.
    """

    duration_h: float
    known_h: float
    energy_wh: float

    @property
    def power_w(self) -> float | None:
        """Mean power asleep; None: not known."""
        return self.energy_wh / self.known_h if self.known_h > 0 else None


def idle_power_w(hours: Sequence[IdleHour], end: datetime) -> float | None:
    """Return what the NAS draws while it is on without work; None: too few hours tell.

    The lower quartile of whole hours awake: idle is "on without work", and work only ever adds to
    it. The median would count the work of a NAS that is mostly awake to be used as saved.

    Args:
        hours: whole hours awake, the newest first.
        end: of the span that is asked about; later hours do not count. Those of the 30 days before
            it do; where they are fewer than three, the latest 30 days that have three.
    """
    before = [hour for hour in hours if hour.hour < end]
    chosen: Sequence[IdleHour] = [hour for hour in before if hour.hour >= end - IDLE_DAYS]
    if len(chosen) < IDLE_HOURS:
        chosen = _latest_days(before)
    if len(chosen) < IDLE_HOURS:
        return None
    return quantiles([hour.power_w for hour in chosen], n=4, method="inclusive")[0]


def _latest_days(hours: Sequence[IdleHour]) -> Sequence[IdleHour]:
    for number, newest in enumerate(hours):
        first = newest.hour - IDLE_DAYS
        chosen = [hour for hour in hours[number:] if hour.hour > first]
        if len(chosen) >= IDLE_HOURS:
            return chosen
    return []


def saved_wh(known_h: float, energy_wh: float, idle_w: float) -> float:
    """Return what sleeping saved: what idling would have used, less what sleeping used."""
    return known_h * idle_w - energy_wh


def why_unknown(
    asleep: Asleep, idle_w: float | None, *, known_h: float, watched: float
) -> WhyUnknown | None:
    """Return why there is nothing to calculate with; None: there is.

    Args:
        asleep: how the NAS slept.
        idle_w: its idle power; None: not known.
        known_h: of any state.
        watched: the part of the time, 0 to 1, of which it is known what the NAS did.
    """
    if known_h <= 0:
        return WhyUnknown.NOTHING_KNOWN
    if asleep.duration_h <= 0:
        return WhyUnknown.NEVER_ASLEEP if watched >= _LEAST_WATCHED else WhyUnknown.NOT_WATCHED
    if asleep.known_h <= 0:
        return WhyUnknown.SLEEP_NOT_READ
    return WhyUnknown.NO_IDLE_POWER if idle_w is None else None


def shown_decimals(known_h: float, idle_w: float, asleep_w: float, *, kwh_decimals: int) -> int:
    """Return how many decimals hours and W need so that the shown numbers give the shown kWh.

    Whoever works it out on paper must get the same; one decimal is mostly enough.
    """
    exact_kwh = round(known_h * (idle_w - asleep_w) / 1000, kwh_decimals)
    for decimals in range(1, _MOST_DECIMALS):
        hours, idle, asleep = (round(number, decimals) for number in (known_h, idle_w, asleep_w))
        if round(hours * (idle - asleep) / 1000, kwh_decimals) == exact_kwh:
            return decimals
    return _MOST_DECIMALS
