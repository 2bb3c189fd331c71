"""The admin's view of what was measured, and of who unlocked what."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.admin import FactsAdmin, Tone, badge, moment
from balupi_site.lib.words import percent, watts
from energy.models import EnergyHour, EnergySource, PowerSample, SwitchUnlock

#: An hour measured less than this is one with gaps.
_WHOLE = 0.95


@admin.register(PowerSample)
class PowerSampleAdmin(FactsAdmin):
    """Stored readings, the newest first."""

    list_display = ["when", "plug", "power", "voltage_v", "current_a", "today_energy_wh"]
    list_filter = ["plug"]
    list_select_related = ["plug"]
    ordering = ["-at"]
    show_full_result_count = False  # there are a million of them
    nothing = _("No sample is stored yet; the first ones come ten minutes after the first reading.")

    @admin.display(description=_("when"), ordering="at")
    def when(self, sample: PowerSample) -> str:
        """Return the time as people call it, to the second."""
        return f"{moment(sample.at, timezone.now())}:{sample.at:%S}"

    @admin.display(description=_("power, W"))
    def power(self, sample: PowerSample) -> str:
        """Return the power in W."""
        return watts(sample.power_w)


@admin.register(EnergyHour)
class EnergyHourAdmin(FactsAdmin):
    """Hours of energy, the newest first."""

    list_display = ["when", "plug", "energy", "low", "mean", "high", "measured", "source_text"]
    list_filter = ["plug", "source"]
    list_select_related = ["plug"]
    ordering = ["-hour"]
    show_full_result_count = False
    nothing = _("No hour is complete yet.")

    @admin.display(description=_("hour"), ordering="hour")
    def when(self, hour: EnergyHour) -> str:
        """Return the hour's begin as people call it."""
        return moment(hour.hour, timezone.now())

    @admin.display(description=_("energy, Wh"), ordering="energy_wh")
    def energy(self, hour: EnergyHour) -> str:
        """Return the energy in Wh."""
        return watts(hour.energy_wh)

    @admin.display(description=_("lowest, W"))
    def low(self, hour: EnergyHour) -> str:
        """Return the lowest power in W."""
        return watts(hour.power_min_w)

    @admin.display(description=_("mean, W"))
    def mean(self, hour: EnergyHour) -> str:
        """Return the mean power in W."""
        return watts(hour.power_avg_w)

    @admin.display(description=_("highest, W"))
    def high(self, hour: EnergyHour) -> str:
        """Return the highest power in W."""
        return watts(hour.power_max_w)

    @admin.display(description=_("measured"), ordering="coverage")
    def measured(self, hour: EnergyHour) -> SafeString | str:
        """Return which part of the hour was measured; one with gaps stands out."""
        share = percent(hour.coverage)
        return share if hour.coverage >= _WHOLE else badge(Tone.WARN, share)

    @admin.display(description=_("known from"), ordering="source")
    def source_text(self, hour: EnergyHour) -> SafeString | str:
        """Return where the energy is known from."""
        if hour.source == EnergySource.MEASURED:
            return gettext("measured")
        return badge(Tone.OFF, hour.get_source_display(), icon="clock")


@admin.register(SwitchUnlock)
class SwitchUnlockAdmin(FactsAdmin):
    """Who has unlocked which plug when, and from where; the newest first."""

    list_display = ["when", "plug", "unlocked_by", "unlocked_from"]
    list_filter = ["plug", "at"]
    list_select_related = ["plug"]
    search_fields = ["unlocked_by", "unlocked_from"]
    nothing = _("No plug was ever unlocked.")

    @admin.display(description=_("when"), ordering="at")
    def when(self, unlock: SwitchUnlock) -> str:
        """Return the time as people call it."""
        return moment(unlock.at, timezone.now())
