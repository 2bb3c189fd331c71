"""Latest values: what a plug said last, how long ago, and whether that is still worth anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery

from energy.models import PlugStatus, PowerSample, SmartPlug
from energy.plug_pool import credentials_digest, shared_pool
from energy.readings import Reading, Seen
from energy.sample_buffer import latest_lines
from energy.services.polling import keep_result, target_of

#: A value older than this many poll intervals is no longer "now".
_STALE_INTERVALS = 3
#: A reading this far in the future is of a clock that was wrong.
_FUTURE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class PlugLatest:
    """A plug and its latest reading.

    Attributes:
        reading: None where the plug has never been read.
        age_s: seconds since then; None without a reading.
        is_stale: there is no reading, or it is too old to be shown as the present.
    """

    plug: SmartPlug
    reading: Reading | None
    age_s: float | None
    is_stale: bool

    @property
    def is_online(self) -> bool:
        """Whether the plug answers."""
        return not self.is_stale and self.plug.status == PlugStatus.OK

    @property
    def power_w(self) -> float | None:
        """Power in W as last read, however old; None where it is not known."""
        return self.reading.power_w if self.reading else None

    @property
    def present_power_w(self) -> float | None:
        """Power in W now; None where it is not known or too old."""
        return None if self.is_stale else self.power_w


def latest_readings(now: dt.datetime, *, with_disabled: bool = False) -> list[PlugLatest]:
    """Return every enabled plug with its latest reading, in order of name.

    Redis has them; while it is away or empty the newest stored sample stands in. One query, two
    where samples stand in.

    Args:
        now: what ages are counted from.
        with_disabled: plugs that are not polled, too.
    """
    plugs = SmartPlug.objects.all() if with_disabled else SmartPlug.objects.enabled()
    return latest_of_plugs(plugs, now)


def latest_of_plugs(plugs: Iterable[SmartPlug], now: dt.datetime) -> list[PlugLatest]:
    """Return these plugs with their latest readings, in the same order; queries as above."""
    plugs = list(plugs)
    if not plugs:
        return []
    lines = latest_lines()
    readings = {plug.pk: Reading.from_line(lines.get(plug.device_id, "")) for plug in plugs}
    missing = [plug for plug in plugs if readings[plug.pk] is None]
    if missing:
        samples = {sample.plug_id: sample for sample in _newest_samples(missing, now)}
        for plug in missing:
            readings[plug.pk] = _as_reading(plug, samples.get(plug.pk))
    return [_aged(plug, readings[plug.pk], now) for plug in plugs]


def latest_of_role(role: str, now: dt.datetime) -> PlugLatest | None:
    """Return the first enabled plug with this role and its latest reading; None without such a plug."""
    found = latest_of_plugs(SmartPlug.objects.enabled().filter(role=role)[:1], now)
    return found[0] if found else None


def read_role_now(role: str, *, wait_s: float) -> Reading | None:
    """Read the plug with this role at once and keep it as its latest reading; for the worker only.

    It respects back-off, so it may be called every few seconds. Never a sample: those come at
    regular intervals.

    Args:
        role: a ``PlugRole``.
        wait_s: how long to wait for the answer.

    Returns:
        None where there is no such plug here or no answer in time.
    """
    plugs = SmartPlug.objects.enabled().here().not_refusing(credentials_digest())
    plug = plugs.filter(role=role).first()
    if plug is None:
        return None
    result = shared_pool().read_now(target_of(plug), wait_s=wait_s, at_once=False)
    if result is not None:
        keep_result(plug, result, is_sample=False)
    return result.reading if isinstance(result, Seen) else None


def _newest_samples(plugs: list[SmartPlug], now: dt.datetime) -> QuerySet[PowerSample]:
    kept = dt.timedelta(days=settings.ENERGY_SAMPLE_RETENTION_DAYS)
    newest = PowerSample.objects.filter(plug=OuterRef("pk"), at__gt=now - kept, at__lte=now)
    newest_ids = SmartPlug.objects.filter(pk__in=[plug.pk for plug in plugs]).values_list(
        Subquery(newest.order_by("-at").values("pk")[:1])
    )
    return PowerSample.objects.filter(pk__in=newest_ids)


def _as_reading(plug: SmartPlug, sample: PowerSample | None) -> Reading | None:
    if sample is None:
        return None
    return Reading(
        device_id=plug.device_id,
        at=sample.at,
        power_w=sample.power_w,
        voltage_v=sample.voltage_v,
        current_a=sample.current_a,
        today_energy_wh=sample.today_energy_wh,
        relay_on=None,
        rssi=None,
    )


def _aged(plug: SmartPlug, reading: Reading | None, now: dt.datetime) -> PlugLatest:
    if reading is None:
        return PlugLatest(plug, None, None, is_stale=True)
    age = now - reading.at
    is_stale = not -_FUTURE <= age <= stale_after()
    return PlugLatest(plug, reading, max(age.total_seconds(), 0.0), is_stale)


def stale_after() -> dt.timedelta:
    """Return the age from which a reading is no longer the present."""
    return dt.timedelta(seconds=_STALE_INTERVALS * settings.ENERGY_SAMPLE_INTERVAL_SECONDS)
