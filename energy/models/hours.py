"""Power samples, and the hours of energy that they become."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from energy.models.plugs import SmartPlug


class PowerSample(models.Model):
    """One reading of one plug."""

    plug = models.ForeignKey(
        SmartPlug,
        verbose_name=_("plug"),
        on_delete=models.CASCADE,
        related_name="samples",
        db_index=False,
    )
    at = models.DateTimeField(_("time"))
    power_w = models.FloatField(_("power, W"))
    voltage_v = models.FloatField(_("voltage, V"), null=True)
    current_a = models.FloatField(_("current, A"), null=True)
    today_energy_wh = models.FloatField(
        _("today energy, Wh"), null=True, help_text=_("The plug's own counter since its midnight.")
    )

    class Meta:
        verbose_name = _("power sample")
        verbose_name_plural = _("power samples")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # The time comes first: all new entries go to the end of the index, which is one page to
            # write and not three for each plug. Ask for samples by time, then.
            models.UniqueConstraint(fields=["at", "plug"], name="one_sample_per_time_and_plug"),
        ]

    def __str__(self) -> str:
        return f"{self.plug_id} {self.at:%Y-%m-%d %H:%M:%S} {self.power_w} W"


class EnergySource(models.TextChoices):
    """Where an hour's energy is known from."""

    MEASURED = "measured", _("measured")
    PLUG = "plug", _("the plug's memory")
    MIXED = "mixed", _("measured in part, completed from the plug's memory")
    # xgettext:no-python-format  # noqa: ERA001  # for xgettext, "% l" is none
    PREDECESSOR = "predecessor", _("predecessor, about 8 % low")
    RECOUNTED = "recounted", _("the predecessor's readings, counted anew")


#: Part of the energy, or all of it, was told by the plug afterwards.
FROM_MEMORY = (EnergySource.PLUG, EnergySource.MIXED)
#: Measured, but not by us: ``import_legacy`` brought it, and no sample of ours stands for it.
TAKEN_OVER = (EnergySource.PREDECESSOR, EnergySource.RECOUNTED)


class EnergyHour(models.Model):
    """Energy of one plug in one hour, UTC.

    The measured part of ``energy_wh`` is ``power_avg_w`` x ``coverage``; the rest, where ``source``
    is one of ``FROM_MEMORY``, is from the plug's memory.
    """

    plug = models.ForeignKey(
        SmartPlug,
        verbose_name=_("plug"),
        on_delete=models.CASCADE,
        related_name="hours",
        db_index=False,
    )
    hour = models.DateTimeField(_("hour"), help_text=_("Start of the hour, UTC."))
    energy_wh = models.FloatField(_("energy, Wh"))
    power_min_w = models.FloatField(_("power min, W"), null=True)
    power_avg_w = models.FloatField(_("power avg, W"), null=True)
    power_max_w = models.FloatField(_("power max, W"), null=True)
    coverage = models.FloatField(_("coverage"), help_text=_("Measured part of the hour, 0 to 1."))
    source = models.CharField(
        _("source"), max_length=16, choices=EnergySource, default=EnergySource.MEASURED
    )

    class Meta:
        verbose_name = _("hour of energy")
        verbose_name_plural = _("hours of energy")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plug", "hour"], name="one_row_per_plug_and_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.plug_id} {self.hour:%Y-%m-%d %H}h {self.energy_wh:.1f} Wh"
