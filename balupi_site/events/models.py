"""One row for each thing that happened; never edited."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from balupi_site.events.kinds import Kind


class Event(models.Model):
    """What happened, when, by whom, and how long it had lasted; old ones are pruned, none is changed."""

    at = models.DateTimeField(_("time"), db_index=True)
    kind = models.CharField(_("kind"), max_length=32, choices=Kind)
    subject = models.CharField(
        _("subject"),
        max_length=150,
        blank=True,
        help_text=_("What it happened to: a plug, a name, a user."),
    )
    is_trouble = models.BooleanField(
        _("trouble"), default=False, help_text=_("Somebody may want to do something about it.")
    )
    duration_s = models.FloatField(
        _("lasted, s"),
        null=True,
        blank=True,
        help_text=_("Seconds that what ended with it had lasted."),
    )
    who = models.CharField(
        _("who"), max_length=150, blank=True, help_text=_("Empty: BaluPi by itself.")
    )
    via = models.CharField(
        _("via"), max_length=16, blank=True, help_text=_("page, api, admin, command or nas.")
    )
    address = models.CharField(
        _("address"), max_length=45, blank=True, help_text=_("Where the request came from.")
    )
    facts = models.JSONField(_("facts"), default=dict, help_text=_("What else is known of it."))

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["kind", "at"], name="events_of_a_kind"),
            models.Index(
                fields=["at"], condition=models.Q(is_trouble=True), name="events_of_trouble"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # Django's signature
        """Write a new row; a written one stays as it is."""
        if not self._state.adding:
            raise TypeError("An event is never changed.")
        super().save(*args, **kwargs)
