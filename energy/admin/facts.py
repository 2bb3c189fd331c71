"""The admin's view of what was measured."""

from __future__ import annotations

from django.contrib import admin

from balupi_site.lib.admin import FactsAdmin
from energy.models import EnergyHour, PowerSample


@admin.register(PowerSample)
class PowerSampleAdmin(FactsAdmin):
    """Stored readings, the newest first."""

    list_display = ["plug", "at", "power_w", "voltage_v", "current_a", "today_energy_wh"]
    list_filter = ["plug"]
    list_select_related = ["plug"]
    ordering = ["-at"]


@admin.register(EnergyHour)
class EnergyHourAdmin(FactsAdmin):
    """Hours of energy, the newest first."""

    list_display = [
        "plug", "hour", "energy_wh", "power_min_w", "power_avg_w", "power_max_w", "coverage",
        "source",
    ]  # fmt: skip
    list_filter = ["plug", "source"]
    list_select_related = ["plug"]
    ordering = ["-hour"]
