"""Rules: the states of the NAS, why they change, and which changes there can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class NasState(StrEnum):
    """The public states; the names are fixed (the NAS-built page knows exactly these words)."""

    UNKNOWN = "unknown"
    OFFLINE = "offline"
    BOOTING = "booting"
    ONLINE = "online"
    SHUTTING_DOWN = "shutting_down"


class PowerState(StrEnum):
    """How much the NAS's plug delivers, by the limits of ``BALUPI_NAS_POWER_LIMITS_W``."""

    OFF = "off"
    STANDBY = "standby"
    IDLE = "idle"
    ACTIVE = "active"
    UNKNOWN = "unknown"

    @property
    def is_low(self) -> bool:
        """Whether no machine runs on so little."""
        return self in (PowerState.OFF, PowerState.STANDBY)

    @property
    def is_running(self) -> bool:
        """Whether a machine runs on it."""
        return self in (PowerState.IDLE, PowerState.ACTIVE)


class Target(StrEnum):
    """Where the NAS's names should lead; LEAVE: nobody knows, so nothing is changed."""

    NAS = "nas"
    PI = "pi"
    LEAVE = ""


class Reason(StrEnum):
    """Why the state changed; ``reasons.py`` has the sentences."""

    ANSWERS = "answers"
    CALLED_COMING_ONLINE = "called_coming_online"
    CALLED_GOING_OFFLINE = "called_going_offline"
    SERVICE_RESTART = "service_restart"
    WAKE = "wake"
    WOKEN_BY_OTHER = "woken_by_other"
    BOOT_FAILED = "boot_failed"
    SHUT_DOWN = "shut_down"
    RESTARTING = "restarting"
    POWER_GONE = "power_gone"
    FELL_ASLEEP = "fell_asleep"
    POWERED_NOT_ANSWERING = "powered_not_answering"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Move:
    """Every move for one reason.

    Attributes:
        planned: what it says about the NAS's absence; None: see ``planned_after``.
        is_loss: the NAS was missed, without a word from it.
    """

    sources: frozenset[NasState]
    to: NasState
    planned: bool | None = None
    is_loss: bool = False


_S = NasState
_ANYWHERE = frozenset(_S)


def _loss(*, planned: bool | None = None) -> Move:
    return Move(frozenset({_S.UNKNOWN, _S.ONLINE}), _S.OFFLINE, planned=planned, is_loss=True)


#: The whole state machine: what is not in here does not happen.
MOVES: Mapping[Reason, Move] = MappingProxyType(
    {
        Reason.ANSWERS: Move(frozenset({_S.UNKNOWN, _S.OFFLINE, _S.BOOTING}), _S.ONLINE),
        # While online too: BaluHost says so when only its service was started again.
        Reason.CALLED_COMING_ONLINE: Move(_ANYWHERE, _S.ONLINE),
        Reason.CALLED_GOING_OFFLINE: Move(
            _ANYWHERE - {_S.SHUTTING_DOWN}, _S.SHUTTING_DOWN, planned=True
        ),
        Reason.SERVICE_RESTART: Move(frozenset({_S.SHUTTING_DOWN}), _S.ONLINE),
        # From online where it fell silent after "wake anyway": our packets are on their way.
        Reason.WAKE: Move(_ANYWHERE - {_S.BOOTING}, _S.BOOTING),
        Reason.WOKEN_BY_OTHER: Move(frozenset({_S.OFFLINE}), _S.BOOTING),
        Reason.BOOT_FAILED: Move(frozenset({_S.BOOTING}), _S.OFFLINE),
        Reason.SHUT_DOWN: Move(frozenset({_S.SHUTTING_DOWN}), _S.OFFLINE, planned=True),
        Reason.RESTARTING: Move(frozenset({_S.SHUTTING_DOWN}), _S.OFFLINE, planned=True),
        Reason.POWER_GONE: _loss(),
        # Suspend sends no call and is no failure; standby power tells it from a crash.
        Reason.FELL_ASLEEP: _loss(planned=True),
        Reason.POWERED_NOT_ANSWERING: _loss(),
        Reason.NO_ANSWER: _loss(),
    }
)


def is_legal(before: NasState, after: NasState, reason: Reason) -> bool:
    """Tell whether the state machine has this move."""
    move = MOVES[reason]
    return before in move.sources and after is move.to


def planned_after(reason: Reason, *, before: NasState, planned: bool) -> bool:
    """Return whether the NAS's absence is as it should be after a move.

    A loss while it was online is an outage; one found at the first look says nothing; other moves
    leave it as it was.
    """
    move = MOVES[reason]
    if move.planned is not None:
        return move.planned
    return before is NasState.UNKNOWN if move.is_loss else planned


def wanted_target(state: NasState, *, probed: bool) -> Target:
    """Return where the names should lead: to the NAS only after a good probe, always."""
    if state is NasState.UNKNOWN:
        return Target.LEAVE
    return Target.NAS if state is NasState.ONLINE and probed else Target.PI


def power_state(power_w: float | None, limits_w: tuple[float, float, float]) -> PowerState:
    """Return the band of a power; UNKNOWN where it is not known.

    Args:
        power_w: power in W.
        limits_w: where off, standby and idle end.
    """
    if power_w is None:
        return PowerState.UNKNOWN
    bands = (PowerState.OFF, PowerState.STANDBY, PowerState.IDLE)
    for limit_w, band in zip(limits_w, bands, strict=True):
        if power_w < limit_w:
            return band
    return PowerState.ACTIVE
