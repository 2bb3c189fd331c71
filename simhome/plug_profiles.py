"""The generations of plugs that can be played: what each says it can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# What python-kasa builds its modules from. Names and versions are those that plugs of the same
# generation report (device dumps of python-kasa 0.12.0, tests/fixtures/smart).
_COMMON = {
    "device": 2,
    "firmware": 2,
    "quick_setup": 3,
    "time": 1,
    "wireless": 1,
    "account": 1,
    "synchronize": 1,
    "led": 1,
    "cloud_connect": 1,
    "iot_cloud": 1,
    "default_states": 1,
}
_METERED = {**_COMMON, "device_local_time": 1, "energy_monitoring": 1}
_MODERN = {
    **_METERED,
    "auto_off": 2,
    "localSmart": 1,
    "energy_monitoring": 2,
    "power_protection": 1,
    "current_protection": 1,
}
_MODERN_FIRMWARE = "1.3.2 Build 250114 Rel.101500"


@dataclass(frozen=True)
class PlugProfile:
    """One generation of hardware and firmware."""

    model: str
    hardware: str
    firmware: str
    components: Mapping[str, int]

    @property
    def energy_version(self) -> int:
        """0: no meter; 1: usage only; 2: voltage, current and history too."""
        return self.components.get("energy_monitoring", 0)

    @property
    def announced_model(self) -> str:
        """The model with its region."""
        return f"{self.model}(EU)"


PROFILES: Mapping[str, PlugProfile] = MappingProxyType(
    {
        "P110": PlugProfile("P110", "1.0", _MODERN_FIRMWARE, _MODERN),
        "P115": PlugProfile("P115", "1.0", _MODERN_FIRMWARE, _MODERN),
        "P100": PlugProfile(
            "P100", "1.0.0", "1.3.8 Build 230915 Rel. 94000", {**_COMMON, "firmware": 1}
        ),
        # Firmware like 1.0.7: no voltage, no current, its history inside get_energy_usage (Tapo
        # notes, section 3). Real ones announce AES; here they speak KLAP, which is all we have.
        "P110-old": PlugProfile("P110", "1.0", "1.0.9 Build 211104 Rel.90500", _METERED),
    }
)
