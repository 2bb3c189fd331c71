"""Smart plugs, power samples, hours of energy, tariffs, and what is wrong with a plug."""

from energy.models.hours import FROM_MEMORY, TAKEN_OVER, EnergyHour, EnergySource, PowerSample
from energy.models.plugs import (
    Anomaly,
    PlugRole,
    PlugStatus,
    SmartPlug,
    SmartPlugQuerySet,
    SwitchUnlock,
)
from energy.models.tariffs import Tariff, TariffZone

__all__ = [
    "FROM_MEMORY",
    "TAKEN_OVER",
    "Anomaly",
    "EnergyHour",
    "EnergySource",
    "PlugRole",
    "PlugStatus",
    "PowerSample",
    "SmartPlug",
    "SmartPlugQuerySet",
    "SwitchUnlock",
    "Tariff",
    "TariffZone",
]
