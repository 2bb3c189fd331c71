"""The NAS's present state, its history, and every wake."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from energy.models import SmartPlug
from nasctl.energy_split import HOUR_STATE_LABELS
from nasctl.evidence import Stage
from nasctl.moments import Moment
from nasctl.reasons import STATE_LABELS, state_text
from nasctl.state import NasState

_STATES = [(state.value, label) for state, label in STATE_LABELS.items()]
_HOUR_STATES = [(state.value, label) for state, label in HOUR_STATE_LABELS.items()]


class WakeResult(models.TextChoices):
    """How a wake ended."""

    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("awake")
    FAILED = "failed", _("did not wake up")


class Wake(models.Model):
    """One wake: who asked, the stages with their times, and how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_by = models.CharField(
        _("requested by"), max_length=150, blank=True, help_text=_("Empty: a visitor.")
    )
    requested_from = models.CharField(
        _("requested from"), max_length=16, help_text=_("api, page or command")
    )
    requested_at = models.DateTimeField(_("requested"), db_index=True)
    uptime_s = models.FloatField(default=0.0, editable=False)
    boot_id = models.CharField(max_length=36, blank=True, editable=False)
    previous_state = models.CharField(_("previous state"), max_length=16, choices=_STATES)
    deadline_at = models.DateTimeField(_("deadline"))
    watches_power = models.BooleanField(
        _("watches power"),
        default=True,
        help_text=_("The plug's readings were fresh; else its stage is left out."),
    )
    packet_sent_at = models.DateTimeField(_("packet sent"), null=True, blank=True)
    power_seen_at = models.DateTimeField(_("power seen"), null=True, blank=True)
    port_answered_at = models.DateTimeField(_("port answered"), null=True, blank=True)
    healthy_at = models.DateTimeField(_("healthy"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    result = models.CharField(
        _("result"), max_length=16, choices=WakeResult, default=WakeResult.RUNNING
    )
    failed_stage = models.CharField(_("failed stage"), max_length=16, blank=True)
    message = models.CharField(_("message"), max_length=300, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]
        verbose_name = _("wake")
        verbose_name_plural = _("wakes")

    def __str__(self) -> str:
        return gettext("%(at)s by %(who)s: %(result)s") % {
            "at": f"{timezone.localtime(self.requested_at):%Y-%m-%d %H:%M}",
            "who": self.requested_by or gettext("a visitor"),
            "result": self.get_result_display(),
        }

    @property
    def requested(self) -> Moment:
        """The moment of the request by both clocks."""
        return Moment(self.requested_at, self.uptime_s, self.boot_id)

    @property
    def reached(self) -> frozenset[Stage]:
        """The stages so far."""
        return frozenset(stage for stage in Stage if getattr(self, f"{stage}_at") is not None)


class NasStatus(models.Model):
    """The one row that holds the present state; written on change only, by compare-and-set."""

    state = models.CharField(
        _("state"), max_length=16, choices=_STATES, default=NasState.UNKNOWN.value
    )
    reason = models.CharField(_("reason"), max_length=32, blank=True)
    since = models.DateTimeField(_("since"), help_text=_("Since when it is in this state."))
    moved_at = models.DateTimeField(
        _("moved"),
        help_text=_("The last change; a restart of BaluHost alone does not change the state."),
    )
    uptime_s = models.FloatField(default=0.0, editable=False)
    boot_id = models.CharField(max_length=36, blank=True, editable=False)
    probed = models.BooleanField(
        _("probed"),
        default=False,
        help_text=_("A good probe was seen in this state: the name may lead to the NAS."),
    )
    planned = models.BooleanField(
        _("planned"),
        default=True,
        help_text=_("No where the NAS vanished while it should have been there."),
    )
    version = models.PositiveBigIntegerField(default=0, editable=False)
    wake = models.ForeignKey(
        Wake,
        verbose_name=_("wake"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = verbose_name_plural = _("NAS status")

    def __str__(self) -> str:
        return state_text(self.state)

    @property
    def moved(self) -> Moment:
        """The moment of the last change by both clocks."""
        return Moment(self.moved_at, self.uptime_s, self.boot_id)

    @property
    def move_id(self) -> str:
        """A word for the last move; what is counted since then belongs to it."""
        return f"{self.moved_at.isoformat()} {self.state} {self.reason}"

    @classmethod
    def current(cls, now: Moment) -> NasStatus:
        """Return the row with its running wake; before the first one, an unsaved "unknown"."""
        found = cls.objects.select_related("wake").filter(pk=1).first()
        return found or cls(
            pk=1, since=now.at, moved_at=now.at, uptime_s=now.uptime_s, boot_id=now.boot_id
        )


class StateChange(models.Model):
    """One change of the NAS's state; never edited."""

    from_state = models.CharField(_("from state"), max_length=16, choices=_STATES)
    to_state = models.CharField(_("to state"), max_length=16, choices=_STATES)
    reason = models.CharField(_("reason"), max_length=32)
    evidence = models.JSONField(_("evidence"), default=dict)
    at = models.DateTimeField(_("time"), db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        verbose_name = _("change of state")
        verbose_name_plural = _("changes of state")

    def __str__(self) -> str:
        return f"{state_text(self.from_state)} → {state_text(self.to_state)}"


class NasHour(models.Model):
    """A state's part of one hour of the NAS's plug; kept for ever.

    The parts of an hour add up to its ``EnergyHour``; where that changes, it is split again.
    """

    plug = models.ForeignKey(
        SmartPlug,
        verbose_name=_("plug"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    hour = models.DateTimeField(_("hour"), help_text=_("Start of the hour, UTC."))
    state = models.CharField(_("state"), max_length=16, choices=_HOUR_STATES)
    duration_s = models.FloatField(
        _("lasted, s"), help_text=_("How long the NAS was in the state.")
    )
    energy_wh = models.FloatField(
        _("energy, Wh"),
        null=True,
        help_text=_("Of the known part of that time; empty: nothing of it is known."),
    )
    known_s = models.FloatField(
        _("known, s"), help_text=_("How much of that time the energy is known of.")
    )

    class Meta:
        verbose_name = _("hour by state")
        verbose_name_plural = _("hours by state")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["plug", "hour", "state"], name="one_part_per_plug_hour_and_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.hour):%Y-%m-%d %H:%M} {self.get_state_display()}"
