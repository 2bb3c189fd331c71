"""Smart plugs, power samples and hours of energy."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from balupi_site.lib.env import is_loopback


class PlugRole(models.TextChoices):
    """What hangs on a plug; the NAS's plug is a witness of the NAS's state."""

    NAS = "nas", "NAS"
    GENERIC = "generic", "generic"


class PlugStatus(models.TextChoices):
    """How talking to a plug goes; written on change only."""

    UNKNOWN = "unknown", "not asked yet"
    OK = "ok", "answers"
    UNREACHABLE = "unreachable", "no answer"
    LOGIN_REFUSED = "login_refused", "login refused"
    NEEDS_SETTING = "needs_setting", "third-party access is off"
    WRONG_DEVICE = "wrong_device", "another device at its address"


class SmartPlugQuerySet(models.QuerySet["SmartPlug"]):
    """Plugs in the words of the household."""

    def enabled(self) -> Self:
        """Those that are to be polled."""
        return self.filter(enabled=True)

    def not_refusing(self, credentials_digest: str) -> Self:
        """Those that have not refused the login with these credentials."""
        return self.exclude(refused_credentials=credentials_digest)


class SmartPlug(models.Model):
    """One Tapo plug, known by its device id; its address may change."""

    device_id = models.CharField(max_length=64, unique=True)
    mac = models.CharField(max_length=17, unique=True, help_text="aa:bb:cc:dd:ee:ff")
    name = models.CharField(max_length=64)
    model = models.CharField(max_length=32, blank=True)
    firmware_version = models.CharField(max_length=64, blank=True)
    role = models.CharField(max_length=16, choices=PlugRole, default=PlugRole.GENERIC)
    host = models.GenericIPAddressField(protocol="IPv4")
    connection = models.JSONField(
        default=dict,
        blank=True,
        help_text="How python-kasa connects, as discovery found it; no secrets.",
    )
    enabled = models.BooleanField(default=True, help_text="Poll this plug.")
    status = models.CharField(max_length=16, choices=PlugStatus, default=PlugStatus.UNKNOWN)
    status_message = models.CharField(max_length=300, blank=True)
    status_since = models.DateTimeField(null=True, blank=True)
    refused_credentials = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Digest of the credentials that were refused; polling stops until they change.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SmartPlugQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["role"],
                condition=Q(role="nas"),
                name="one_nas_plug",
                violation_error_message="Another plug has the role NAS already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep a trial at home: in ``dev`` a plug is on this machine."""
        if self.host and not settings.IS_PROD and not is_loopback(self.host):
            raise ValidationError({"host": "BALUPI_MODE=dev talks only to this machine."})


class PowerSample(models.Model):
    """One reading of one plug."""

    plug = models.ForeignKey(
        SmartPlug, on_delete=models.CASCADE, related_name="samples", db_index=False
    )
    at = models.DateTimeField()
    power_w = models.FloatField()
    voltage_v = models.FloatField(null=True)
    current_a = models.FloatField(null=True)
    today_energy_wh = models.FloatField(
        null=True, help_text="The plug's own counter since its midnight."
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plug", "at"], name="one_sample_per_plug_and_time"),
        ]

    def __str__(self) -> str:
        return f"{self.plug_id} {self.at:%Y-%m-%d %H:%M:%S} {self.power_w} W"


class EnergySource(models.TextChoices):
    """Where an hour's energy is known from."""

    MEASURED = "measured", "measured"
    PLUG = "plug", "the plug's memory"


class EnergyHour(models.Model):
    """Energy of one plug in one hour, UTC."""

    plug = models.ForeignKey(
        SmartPlug, on_delete=models.CASCADE, related_name="hours", db_index=False
    )
    hour = models.DateTimeField(help_text="Start of the hour, UTC.")
    energy_wh = models.FloatField()
    power_min_w = models.FloatField(null=True)
    power_avg_w = models.FloatField(null=True)
    power_max_w = models.FloatField(null=True)
    coverage = models.FloatField(help_text="Measured part of the hour, 0 to 1.")
    source = models.CharField(max_length=8, choices=EnergySource, default=EnergySource.MEASURED)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plug", "hour"], name="one_row_per_plug_and_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.plug_id} {self.hour:%Y-%m-%d %H}h {self.energy_wh:.1f} Wh"
