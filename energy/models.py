"""Smart plugs, power samples, hours of energy, tariffs, and what is wrong with a plug."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from energy.addresses import flaw_of_host


class PlugRole(models.TextChoices):
    """What hangs on a plug; the NAS's plug is a witness of the NAS's state."""

    NAS = "nas", _("NAS")
    GENERIC = "generic", _("generic")


class PlugStatus(models.TextChoices):
    """How talking to a plug goes; written on change only."""

    UNKNOWN = "unknown", _("not asked yet")
    OK = "ok", _("answers")
    UNREACHABLE = "unreachable", _("no answer")
    LOGIN_REFUSED = "login_refused", _("login refused")
    NEEDS_SETTING = "needs_setting", _("third-party access is off")
    WRONG_DEVICE = "wrong_device", _("another device at its address")


class SmartPlugQuerySet(models.QuerySet["SmartPlug"]):
    """Plugs in the words of the household."""

    def enabled(self) -> Self:
        """Those that are to be polled."""
        return self.filter(enabled=True)

    def here(self) -> Self:
        """Those at this process's site, the only ones that it can reach."""
        return self.filter(site=settings.SITE)

    def not_refusing(self, credentials_digest: str) -> Self:
        """Those that have not refused the login with these credentials."""
        return self.exclude(refused_credentials=credentials_digest)


class SmartPlug(models.Model):
    """One Tapo plug, known by its device id; its address may change."""

    device_id = models.CharField(_("device id"), max_length=64, unique=True)
    mac = models.CharField(
        _("MAC address"), max_length=17, unique=True, help_text="aa:bb:cc:dd:ee:ff"
    )
    name = models.CharField(_("name"), max_length=64)
    model = models.CharField(_("model"), max_length=32, blank=True)
    firmware_version = models.CharField(_("firmware version"), max_length=64, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=PlugRole, default=PlugRole.GENERIC)
    host = models.GenericIPAddressField(_("host"), protocol="IPv4")
    site = models.SlugField(
        _("site"),
        max_length=32,
        blank=True,
        default="",
        db_index=False,
        help_text=_(
            "Empty: at home. A name: in another house, where the worker whose BALUPI_SITE is this "
            "name talks to it."
        ),
    )
    connection = models.JSONField(
        _("connection"),
        default=dict,
        blank=True,
        help_text=_("How python-kasa connects, as discovery found it; no secrets."),
    )
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("Poll this plug."))
    status = models.CharField(
        _("status"), max_length=16, choices=PlugStatus, default=PlugStatus.UNKNOWN
    )
    status_message = models.CharField(_("status message"), max_length=600, blank=True)
    status_since = models.DateTimeField(_("status since"), null=True, blank=True)
    refused_credentials = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text=_(
            "Digest of the credentials that were refused; polling stops until they change."
        ),
    )
    memory_read_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "Missing hours before it were filled from the plug's memory, as far as it had them."
        ),
    )
    memory_message = models.CharField(
        max_length=600,
        blank=True,
        editable=False,
        help_text=_("Why the plug's memory cannot fill missing hours; empty where it can."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = SmartPlugQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("smart plug")
        verbose_name_plural = _("smart plugs")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["role"],
                condition=Q(role="nas"),
                name="one_nas_plug",
                violation_error_message=_("Another plug has the role NAS already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep what we talk to at home."""
        flaw = flaw_of_host(self.host) if self.host else ""
        if flaw:
            raise ValidationError({"host": flaw})


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


class SwitchUnlock(models.Model):
    """An admin allowed a plug to be switched for a moment, whatever guards say; never edited."""

    DURATION = timedelta(seconds=60)

    plug = models.ForeignKey(
        SmartPlug, verbose_name=_("plug"), on_delete=models.CASCADE, related_name="unlocks"
    )
    at = models.DateTimeField(_("time"))
    unlocked_by = models.CharField(_("unlocked by"), max_length=150)
    unlocked_from = models.CharField(
        _("unlocked from"), max_length=45, help_text=_("The client's address, or the command.")
    )

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("switch unlock")
        verbose_name_plural = _("switch unlocks")

    def __str__(self) -> str:
        return f"{self.plug} by {self.unlocked_by} at {self.at:%Y-%m-%d %H:%M:%S}"


class Anomaly(models.Model):
    """Something unusual about a plug, from when to when."""

    plug = models.ForeignKey(
        SmartPlug, verbose_name=_("plug"), on_delete=models.CASCADE, related_name="anomalies"
    )
    kind = models.CharField(_("kind"), max_length=32)
    began_at = models.DateTimeField(_("began"), db_index=True)
    ended_at = models.DateTimeField(
        _("ended"), null=True, blank=True, help_text=_("Empty: it lasts.")
    )
    facts = models.JSONField(
        _("facts"), default=dict, help_text=_("The figures that it was concluded from.")
    )

    class Meta:
        ordering = ["-began_at", "-pk"]
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                F("began_at").desc(),
                F("id").desc(),
                condition=Q(ended_at__isnull=True),
                name="lasting_anomalies",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["plug", "kind"],
                condition=Q(ended_at__isnull=True),
                name="one_lasting_anomaly_per_plug_and_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plug}: {self.kind}"
