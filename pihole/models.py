"""What the NAS's names should lead to, and each switch of them."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pihole.reasons import held_by


class Target(models.TextChoices):
    """Where a switched name can lead."""

    NAS = "nas", _("NAS")
    PI = "pi", _("Pi")


class NameStatus(models.Model):
    """The one row of wishes; written on change only. What Pi-hole answers is kept in Redis."""

    wanted = models.CharField(
        _("wanted"),
        max_length=3,
        choices=Target,
        blank=True,
        help_text=_("What follows from the NAS's state. Empty: leave the names as they are."),
    )
    reason = models.CharField(
        _("reason"), max_length=64, blank=True, help_text=_("Why that is wanted.")
    )
    override = models.CharField(
        _("override"),
        max_length=3,
        choices=Target,
        blank=True,
        help_text=_("What a person chose; ends with the NAS's next change of state."),
    )
    override_by = models.CharField(_("override by"), max_length=150, blank=True)
    override_at = models.DateTimeField(_("override since"), null=True, blank=True)
    changed_at = models.DateTimeField(
        _("changed"),
        null=True,
        blank=True,
        help_text=_("When the names were last told to lead elsewhere."),
    )

    class Meta:
        verbose_name = _("name status")
        verbose_name_plural = _("name status")

    def __str__(self) -> str:
        return str(Target(self.target).label if self.target else _("left as they are"))

    @classmethod
    def current(cls) -> Self:
        """Return the row as it is, or an unsaved one that wishes nothing."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def target(self) -> str:
        """Where the names should lead now; "" means leave them as they are."""
        return self.override or self.wanted

    @property
    def why(self) -> str:
        """Why they should lead there, as it is kept (``reasons.told``)."""
        return held_by(self.override_by) if self.override else self.reason


class NameSwitch(models.Model):
    """One write to Pi-hole that its answer confirmed; never edited."""

    target = models.CharField(_("target"), max_length=3, choices=Target)
    address = models.GenericIPAddressField(_("address"), protocol="IPv4")
    reason = models.CharField(_("reason"), max_length=200)
    at = models.DateTimeField(_("time"), db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = _("name switch")
        verbose_name_plural = _("name switches")

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%Y-%m-%d %H:%M:%S} → {self.get_target_display()}"
