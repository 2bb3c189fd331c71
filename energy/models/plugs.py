"""Smart plugs, who unlocked one for a moment, and what is wrong with one."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
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
