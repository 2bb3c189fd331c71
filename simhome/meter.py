"""The meter inside a plug: exact energy of a load, and what the plug remembers of it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from simhome.loads import Load, SteppedLoad

HOUR = timedelta(hours=1)

_BUCKET_S = 300
_BUCKETS_PER_HOUR = 12
# Tapo notes, section 3: TP-Link's app shows energy per hour for 7 days (a request may span 8 local
# days, one of which has 25 hours in autumn) and power every 5 minutes for 24 hours.
_HOURS_KEPT = 8 * 24 + 1
_BUCKETS_KEPT = 24 * _BUCKETS_PER_HOUR
# How finely the power of a load is followed that does not tell when it changes.
_SAMPLE_STEP = timedelta(seconds=1)


class Meter:
    """Integrates a load's power while the relay is on, only as far as somebody asks.

    Before ``relay_on``, ``has_mains`` or ``load`` is changed, ``advance`` must be called.
    """

    def __init__(self, load: Load, *, start: datetime, time_zone: ZoneInfo) -> None:
        """Begin at ``start`` with nothing measured; days and hours are those of ``time_zone``.

        Raises:
            ValueError: if the zone is not whole hours from UTC: hours are remembered in UTC.
        """
        if _offset(start, time_zone) % HOUR:
            raise ValueError(f"Time zone {time_zone.key} is not whole hours from UTC")
        self.relay_on = True
        self.has_mains = True
        self.energy_wh = 0.0
        self._time_zone = time_zone
        self._until = start.astimezone(UTC)
        self._plug_in(load)
        self._day_of_bucket = (-1, date.min)  # the last one asked for: most pieces fall into it
        self._bucket_wh: dict[int, float] = defaultdict(float)
        self._hour_wh: dict[int, float] = defaultdict(float)
        self._day_wh: dict[date, float] = defaultdict(float)
        self._day_on_s: dict[date, float] = defaultdict(float)

    @property
    def load(self) -> Load:
        """What is measured."""
        return self._load

    @load.setter
    def load(self, load: Load) -> None:
        self._plug_in(load)

    def advance(self, now: datetime) -> None:
        """Account for everything up to ``now``.

        After the wall clock was set back, measuring goes on from there and nothing is taken back,
        so the remembered hours hold the repeated time twice.
        """
        at = self._until
        while at < now:
            at = self._account_step(at, now)
        self._until = now.astimezone(UTC)

    def remember(self, hours: Mapping[datetime, float]) -> None:
        """Fill the memory with energy in Wh of past hours, keyed by their start in UTC.

        This is what the plug remembers, not what ``energy_wh`` counts. An hour with energy counts
        as a full hour of running time.

        Raises:
            ValueError: if a key is not the start of an hour, or lies in the future.
        """
        for start, wh in hours.items():
            if start.timestamp() % 3600 or start > self._until:
                raise ValueError(f"Not the start of a past hour: {start}")
            hour = int(start.timestamp() // 3600)
            day = start.astimezone(self._time_zone).date()
            self._hour_wh[hour] += wh
            self._day_wh[day] += wh
            self._day_on_s[day] += 3600.0 if wh > 0 else 0.0
        self._forget()

    def hours_of_day_wh(self, day: date) -> list[float]:
        """Return 24 energies in Wh, one per hour on the wall clock of a local day.

        What is not remembered or has not happened is 0. In spring the skipped hour is 0, in autumn
        the repeated hour holds both (Tapo notes, section 3, marked there as unverified).
        """
        energies = [0.0] * 24
        at, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        while at < end:
            hour = at.astimezone(self._time_zone).hour
            energies[hour] += self._hour_wh.get(int(at.timestamp() // 3600), 0.0)
            at += HOUR
        return energies

    def day_wh(self, day: date) -> float:
        """Return the energy in Wh of a local day, 0 if nothing is known."""
        return self._day_wh.get(day, 0.0)

    def day_on_min(self, day: date) -> float:
        """Return for how many minutes of a local day the relay was on."""
        return self._day_on_s.get(day, 0.0) / 60

    def five_minutes_w(self, start: datetime) -> float | None:
        """Return the mean power in W of the 5 minutes from ``start``; None: not over, not known."""
        energy_wh = self._bucket_wh.get(int(start.timestamp() // _BUCKET_S))
        if energy_wh is None or start + timedelta(seconds=_BUCKET_S) > self._until:
            return None
        return energy_wh * _BUCKETS_PER_HOUR

    def hour_w(self, start: datetime) -> float | None:
        """Return the mean power in W of the hour from ``start``; None: not over, not known."""
        energy_wh = self._hour_wh.get(int(start.timestamp() // 3600))
        return None if start + HOUR > self._until else energy_wh

    def _plug_in(self, load: Load) -> None:
        self._load = load
        # Looked up once, for the look-up costs more than a step.
        self._next_change = load.next_change if isinstance(load, SteppedLoad) else _next_sample

    def _account_step(self, at: datetime, now: datetime) -> datetime:
        """Account for the time from ``at`` in which power is the same; return its end."""
        if not self.has_mains:
            return now
        if not self.relay_on:
            self._record(at, now, 0.0)
            return now
        end = min(self._next_change(at) or now, now)
        self._record(at, end, self._load.power_w(at))
        return end

    def _record(self, start: datetime, end: datetime, power_w: float) -> None:
        start_s, end_s = start.timestamp(), end.timestamp()
        while start_s < end_s:
            bucket = int(start_s // _BUCKET_S)
            stop_s = min((bucket + 1) * _BUCKET_S, end_s)
            day = self._day(bucket)
            energy_wh = power_w * (stop_s - start_s) / 3600
            self.energy_wh += energy_wh
            self._bucket_wh[bucket] += energy_wh
            self._hour_wh[bucket // _BUCKETS_PER_HOUR] += energy_wh
            self._day_wh[day] += energy_wh
            if self.relay_on:
                self._day_on_s[day] += stop_s - start_s
            if stop_s % 3600 == 0:
                self._forget()
            start_s = stop_s

    def _day(self, bucket: int) -> date:
        if bucket != self._day_of_bucket[0]:
            start = datetime.fromtimestamp(bucket * _BUCKET_S, self._time_zone)
            self._day_of_bucket = (bucket, start.date())
        return self._day_of_bucket[1]

    def _forget(self) -> None:
        """Drop what is older than the plug's memory."""
        oldest_hour = max(self._hour_wh, default=0) - _HOURS_KEPT
        for hour in [hour for hour in self._hour_wh if hour < oldest_hour]:
            del self._hour_wh[hour]
        oldest_bucket = max(self._bucket_wh, default=0) - _BUCKETS_KEPT
        for bucket in [bucket for bucket in self._bucket_wh if bucket < oldest_bucket]:
            del self._bucket_wh[bucket]

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._time_zone).astimezone(UTC)


def _next_sample(at: datetime) -> datetime:
    return at + _SAMPLE_STEP


def _offset(at: datetime, time_zone: ZoneInfo) -> timedelta:
    return at.astimezone(time_zone).utcoffset() or timedelta()
