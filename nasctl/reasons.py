"""Sentences for people: why the NAS is where it is, why a wake failed, why one makes no sense."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from balupi_site.lib.words import NBSP, span
from nasctl.evidence import Stage
from nasctl.state import NasState, Reason

STATE_LABELS: dict[NasState, str | Promise] = {
    NasState.UNKNOWN: _("not known yet"),
    NasState.OFFLINE: _("asleep"),
    NasState.BOOTING: _("waking up"),
    NasState.ONLINE: _("awake"),
    NasState.SHUTTING_DOWN: _("going to sleep"),
}

_REASONS: dict[Reason, str | Promise] = {
    Reason.ANSWERS: _("BaluHost answers."),
    Reason.CALLED_COMING_ONLINE: _("BaluHost said that it has started."),
    Reason.CALLED_GOING_OFFLINE: _("BaluHost said good-bye."),
    Reason.SERVICE_RESTART: _("Only BaluHost was restarted, the NAS stayed on."),
    Reason.WAKE: _("Woken by BaluPi."),
    Reason.WOKEN_BY_OTHER: _("Its power went up: woken by something else."),
    Reason.BOOT_FAILED: _("It did not wake up in time."),
    Reason.SHUT_DOWN: _("It went to sleep after saying good-bye."),
    Reason.RESTARTING: _("It said good-bye and has not come back yet; perhaps it is restarting."),
    Reason.POWER_GONE: _("It draws no power any more and went without a good-bye."),
    Reason.FELL_ASLEEP: _("It fell asleep without a good-bye and draws only standby power."),
    Reason.POWERED_NOT_ANSWERING: _("It is powered but does not answer."),
    Reason.NO_ANSWER: _("It stopped answering without a good-bye."),
}

#: Reasons that mean trouble where the NAS was online or booting before.
_TROUBLE = frozenset(
    {
        Reason.BOOT_FAILED,
        Reason.POWER_GONE,
        Reason.POWERED_NOT_ANSWERING,
        Reason.NO_ANSWER,
    }
)

STAGE_LABELS: dict[Stage, str | Promise] = {
    Stage.POWER_SEEN: _("The NAS draws power"),
    Stage.PORT_ANSWERED: _("The NAS answers on the network"),
    Stage.HEALTHY: _("BaluHost is ready"),
}
PACKET_LABEL = _("Signal sent")

#: Stored as they are and translated when they are shown.
WAKE_FAILURES: dict[Stage, str] = {
    Stage.POWER_SEEN: gettext_noop(
        "The NAS drew no power after the signal. Check that Wake-on-LAN is on in its BIOS, that its "
        "network cable is in, and BALUPI_NAS_MAC_ADDRESS."
    ),
    Stage.PORT_ANSWERED: gettext_noop(
        "The NAS did not answer on the network in time. Look at its screen or lights; it may need "
        "longer than BALUPI_NAS_BOOT_SECONDS, or have another address than BALUPI_NAS_IP."
    ),
    Stage.HEALTHY: gettext_noop(
        "The NAS is up, but BaluHost did not answer in time. Look at its service on the NAS; it may "
        "need longer than BALUPI_NAS_BOOT_SECONDS."
    ),
}
WENT_DOWN_AGAIN = gettext_noop("The NAS said good-bye before it was up. Wake it again.")

#: Why a wake makes no sense, by code.
REFUSALS: dict[str, str | Promise] = {
    "already_online": _("The NAS is awake already."),
    "already_booting": _("The NAS is waking up already."),
    "no_power": _(
        "The NAS's plug is switched off, so no signal can wake it. Switch the plug on first."
    ),
    "nas_on": _(
        "The NAS is not asleep, and what it is still writing would be lost. Shut it down first; if it "
        "hangs, an admin can unlock its plug for a minute, on the admin's page of plugs."
    ),
    "nas_role": _(
        "The NAS is not asleep, and the role keeps its plug from being switched off. Shut it down first; "
        "if this is the wrong plug, an admin can unlock it for a minute, on the admin's page of plugs."
    ),
}


def state_text(state: str) -> str:
    """Return a state in words; a word that is no state is returned as it is."""
    return str(STATE_LABELS[NasState(state)]) if state in list(NasState) else state


def reason_text(reason: str) -> str:
    """Return why, as a sentence; "" where the reason is not one of ours (older or none)."""
    return str(_REASONS[Reason(reason)]) if reason in list(Reason) else ""


def silence_text(power_w: float, duration_s: float, *, lasts: bool) -> str:
    """Return a sentence about a NAS that draws power (W) and does not answer, so far or once."""
    known = {"power": f"{power_w:.0f}{NBSP}W", "duration": span(duration_s)}
    if lasts:
        return gettext("The NAS draws %(power)s but has not answered for %(duration)s.") % known
    return gettext("The NAS drew %(power)s without answering for %(duration)s.") % known


def failure_text(message: str) -> str:
    """Return the stored sentence of a failed wake in the reader's language."""
    return gettext(message) if message else ""


def is_trouble(before: str, reason: str) -> bool:
    """Tell whether a change is bad news: nobody sent the NAS away, and it is not there.

    What the first look finds is no news.
    """
    return before != NasState.UNKNOWN and reason in _TROUBLE
