"""Tariffs, and the times at which they have another price."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

#: A price or fee that is no slip of the pen.
_MONEY_VALIDATORS = [MinValueValidator(0), MaxValueValidator(100_000)]


class Tariff(models.Model):
    """What energy costs in ``[valid_from, valid_to)``, in days of the household."""

    name = models.CharField(_("name"), max_length=64)
    price_per_kwh = models.DecimalField(
        _("price per kWh"),
        max_digits=12,
        decimal_places=6,
        validators=_MONEY_VALIDATORS,
        help_text=_("In the currency, such as 0.32; outside the zones below, if there are any."),
    )
    base_fee_per_month = models.DecimalField(
        _("base fee per month"),
        max_digits=10,
        decimal_places=2,
        default=0,
        validators=_MONEY_VALIDATORS,
    )
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("Three capitals, such as EUR."))],
    )
    valid_from = models.DateField(
        _("valid from"), null=True, blank=True, help_text=_("The first day; empty: since ever.")
    )
    valid_to = models.DateField(
        _("valid to"),
        null=True,
        blank=True,
        help_text=_("The day after the last one; empty: until further notice."),
    )
    is_active = models.BooleanField(
        _("counts"), default=True, help_text=_("Others are kept, but not counted with.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["-valid_from", "-pk"]
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")

    def __str__(self) -> str:
        return self.name


class TariffZone(models.Model):
    """Times at which a tariff has another price, such as at night (NT)."""

    tariff = models.ForeignKey(
        Tariff, verbose_name=_("tariff"), on_delete=models.CASCADE, related_name="zones"
    )
    name = models.CharField(_("name"), max_length=32)
    weekdays = models.CharField(
        _("weekdays"),
        max_length=7,
        default="0123456",
        validators=[RegexValidator(r"^[0-6]{1,7}\Z", _("Digits from 0 (Monday) to 6 (Sunday)."))],
        help_text=_("The days on which it begins: 0 is Monday, 6 Sunday."),
    )
    start = models.TimeField(_("start"))
    end = models.TimeField(_("end"), help_text=_("Not after the start: on the next day."))
    price_per_kwh = models.DecimalField(
        _("price per kWh"), max_digits=12, decimal_places=6, validators=_MONEY_VALIDATORS
    )

    class Meta:
        ordering = ["tariff", "start", "pk"]
        verbose_name = _("tariff zone")
        verbose_name_plural = _("tariff zones")

    def __str__(self) -> str:
        return self.name
