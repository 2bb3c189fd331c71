"""A NAS's plug with a past, for tests: samples, hours, changes of state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from energy.metering import HOUR
from energy.models import EnergyHour, EnergySource, PlugRole, PowerSample, SmartPlug
from energy.services.rollup import roll_up
from nasctl.models import StateChange
from nasctl.state import Reason

INTERVAL_S = 30
AWAKE_W, ASLEEP_W = 34.0, 1.0


def make_nas_plug(number: int = 1, role: PlugRole = PlugRole.NAS) -> SmartPlug:
    """Store a plug."""
    return SmartPlug.objects.create(
        device_id=f"D{number}",
        mac=f"02:00:00:00:00:{number:02x}",
        name=f"plug {number}",
        host=f"127.0.0.{number}",
        role=role,
    )


def measure(
    plug: SmartPlug, start: datetime, end: datetime, power_w: float | Callable[[datetime], float]
) -> None:
    """Store a sample every 30 s, both ends included, and roll them up."""
    count = int((end - start) / timedelta(seconds=INTERVAL_S)) + 1
    times = [start + timedelta(seconds=INTERVAL_S * n) for n in range(count)]
    power = power_w if callable(power_w) else lambda _at: power_w
    PowerSample.objects.bulk_create(
        [PowerSample(plug=plug, at=at, power_w=power(at)) for at in times], ignore_conflicts=True
    )
    roll_up([(plug.pk, at) for at in times], INTERVAL_S)


def hours(
    plug: SmartPlug,
    start: datetime,
    count: int,
    energy_wh: float | Callable[[datetime], float],
    source: EnergySource = EnergySource.MEASURED,
) -> None:
    """Store hours whose samples are gone; those of the plug's memory were never measured."""
    energy = energy_wh if callable(energy_wh) else lambda _hour: energy_wh
    is_measured = source is EnergySource.MEASURED
    rows = []
    for hour in (start + HOUR * n for n in range(count)):
        wh = energy(hour)
        power_w = wh if is_measured else None
        rows.append(
            EnergyHour(
                plug=plug,
                hour=hour,
                energy_wh=wh,
                power_min_w=power_w,
                power_avg_w=power_w,
                power_max_w=power_w,
                coverage=1.0 if is_measured else 0.0,
                source=source,
            )
        )
    EnergyHour.objects.bulk_create(rows)


def change(at: datetime, state: str, reason: Reason = Reason.ANSWERS) -> None:
    """Note that the NAS came into a state."""
    StateChange.objects.create(at=at, from_state="unknown", to_state=state, reason=reason.value)
