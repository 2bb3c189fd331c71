"""The NAS's users as they were last confirmed, our tokens, and the NAS's tokens that it confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class How(models.TextChoices):
    """What made a login good."""

    NAS = "nas", _("by the NAS")
    CODE = "2fa", _("by the NAS, with a code")
    OFFLINE = "offline", _("without the NAS")
    LOCAL = "local", _("local account")


class NasAccount(models.Model):
    """What makes a Django user one of the NAS's; a user without it is a local one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="nas_account",
    )
    nas_user_id = models.BigIntegerField(
        _("number at the NAS"), unique=True, help_text=_("The user's number at the NAS.")
    )
    role = models.CharField(
        _("role"), max_length=32, help_text=_("As the NAS says; “admin” is admin here.")
    )
    has_2fa = models.BooleanField(
        _("two factors"),
        default=False,
        help_text=_("Logs in with a code too, and so never without the NAS."),
    )
    is_blocked_by_nas = models.BooleanField(
        _("blocked by the NAS"),
        default=False,
        help_text=_("The NAS said last that the account is not active."),
    )
    confirmed_at = models.DateTimeField(
        _("confirmed"), help_text=_("When the NAS last knew this user.")
    )
    offline_hash = models.CharField(max_length=255, blank=True, editable=False)
    password_at = models.DateTimeField(
        _("password taken"),
        null=True,
        blank=True,
        help_text=_("When the NAS last took the password."),
    )

    class Meta:
        verbose_name = _("account of the NAS")
        verbose_name_plural = _("accounts of the NAS")

    def __str__(self) -> str:
        return self.user.get_username()

    @property
    def offline_until(self) -> datetime | None:
        """Until when the password works without the NAS; None: not at all."""
        if not self.offline_hash or self.password_at is None or self.has_2fa:
            return None
        days = settings.OFFLINE_LOGIN_DAYS
        return self.password_at + timedelta(days=days) if days else None


class TokenKind(models.TextChoices):
    """What a token was made by."""

    LOGIN = "login", _("login")
    MADE = "made", _("made by hand")


class Token(models.Model):
    """A token of ours; of its secret only the SHA-256 is kept, which is enough for 256 random bits."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="balupi_tokens",
    )
    kind = models.CharField(_("kind"), max_length=8, choices=TokenKind)
    how = models.CharField(_("let in"), max_length=8, choices=How, blank=True)
    label = models.CharField(_("label"), max_length=80, blank=True)
    scope_list = models.JSONField(_("scopes"), null=True, blank=True)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("hint"), max_length=16, help_text=_("How the token begins."))
    days = models.PositiveSmallIntegerField(
        _("days"), help_text=_("How many days it lives unused.")
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"), help_text=_("Moves on while it is used."))
    last_used_at = models.DateTimeField(
        _("last used"), null=True, blank=True, help_text=_("To the hour, to spare the card.")
    )
    last_used_from = models.CharField(_("last used from"), max_length=45, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return f"{self.hint}…" + (f" ({self.label})" if self.label else "")

    @property
    def scopes(self) -> frozenset[str] | None:
        """What it may be used for; None: all that its user may."""
        return None if self.scope_list is None else frozenset(self.scope_list)

    def is_good(self, now: datetime) -> bool:
        """Tell whether it opens anything now."""
        return self.revoked_at is None and now < self.expires_at and self.user.is_active


class NasToken(models.Model):
    """A token of the NAS that the NAS has confirmed to us; good until its own end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="+"
    )
    secret_hash = models.CharField(_("secret hash"), max_length=64, unique=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    class Meta:
        verbose_name = _("confirmed token of the NAS")
        verbose_name_plural = _("confirmed tokens of the NAS")

    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%Y-%m-%d %H:%M}"
