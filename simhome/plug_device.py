"""A plug without its network: identity, relay and meter."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simhome.clock import Clock
from simhome.loads import BERLIN, Load
from simhome.meter import Meter
from simhome.plug_profiles import PROFILES


class PlugDevice:
    """What a plug is and measures, whatever its network does."""

    def __init__(
        self,
        *,
        alias: str,
        device_id: str,
        mac: str,
        host: str,
        load: Load,
        clock: Clock,
        model: str = "P110",
        time_zone: ZoneInfo = BERLIN,
    ) -> None:
        """Begin switched on, with nothing measured.

        Args:
            alias: The name that its owner gave it.
            device_id: As get_device_info tells it; 40 hexadecimal digits on real plugs.
            mac: Twelve hexadecimal digits, with any separators or none.
            host: Its IPv4 address.
            load: What is plugged in.
            clock: The time it lives by.
            model: A key of ``PROFILES``.
            time_zone: Where it was set up; its day ends at midnight there.

        Raises:
            ValueError: if the model is unknown, or the MAC address or the zone not usable.
        """
        if model not in PROFILES:
            raise ValueError(f"Unknown model {model}; known are {', '.join(PROFILES)}")
        self.profile = PROFILES[model]
        self.alias = alias
        self.device_id = device_id
        self.mac = _mac_with_dashes(mac)
        self.host = host
        self.time_zone = time_zone
        self.clock = clock
        self.meter = Meter(load, start=clock.now(), time_zone=time_zone)
        self.on_relay: Callable[[bool], None] | None = None
        self.clock_behind_s = 0.0  # how much the time that it tells is wrong
        self._on_since_s = clock.monotonic()

    @property
    def has_mains(self) -> bool:
        """Whether the plug itself has mains; without, it measures and remembers nothing."""
        return self.meter.has_mains

    @has_mains.setter
    def has_mains(self, has_mains: bool) -> None:
        if has_mains != self.meter.has_mains:
            self.settle()
            self.meter.has_mains = has_mains

    @property
    def relay_on(self) -> bool:
        """Whether the load has mains; a change is told to ``on_relay``."""
        return self.meter.relay_on

    @relay_on.setter
    def relay_on(self, on: bool) -> None:
        if on == self.meter.relay_on:
            return
        self.settle()
        self.meter.relay_on = on
        self._on_since_s = self.clock.monotonic()
        if self.on_relay is not None:
            self.on_relay(on)

    @property
    def on_time_s(self) -> float:
        """Since how many seconds the relay is on; 0.0 while it is off."""
        return self.clock.monotonic() - self._on_since_s if self.relay_on else 0.0

    @property
    def load(self) -> Load:
        """What is plugged in."""
        return self.meter.load

    @load.setter
    def load(self, load: Load) -> None:
        self.settle()
        self.meter.load = load

    def told_time(self, now: datetime) -> datetime:
        """Return the time that the plug takes ``now`` for."""
        return now - timedelta(seconds=self.clock_behind_s)

    def settle(self) -> None:
        """Measure up to now; to be called just before a load that keeps no history changes."""
        self.meter.advance(self.clock.now())

    def power_w(self, at: datetime | None = None) -> float:
        """Return the power in W at ``at``, by default now: 0.0 while relay or mains are off."""
        has_power = self.relay_on and self.has_mains
        return self.load.power_w(at or self.clock.now()) if has_power else 0.0

    def energy_wh(self) -> float:
        """Return the exact energy in Wh since this object was made, not rounded as a plug does."""
        self.settle()
        return self.meter.energy_wh

    def remember(self, hours: Mapping[datetime, float]) -> None:
        """Give the plug a past: energy in Wh by the start of the hour in UTC.

        It shows in the plug's history and in its figures of day and month, not in ``energy_wh``.

        Raises:
            ValueError: if a key is not the start of an hour, or lies in the future.
        """
        self.settle()
        self.meter.remember(hours)


def _mac_with_dashes(mac: str) -> str:
    digits = re.sub("[^0-9A-F]", "", mac.upper())
    if len(digits) != 12:  # noqa: PLR2004 - six octets
        raise ValueError(f"Not a MAC address: {mac}")
    return "-".join(digits[i : i + 2] for i in range(0, 12, 2))
