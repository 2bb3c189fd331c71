"""What BaluPi would have noted of a NAS's sessions: changes of state, wakes, switches of the name."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from simhome.config import HomeConfig
from simhome.nas_habits import Session

#: BaluPi gives a wake 90 s (``BALUPI_NAS_BOOT_SECONDS``).
_WAKE_SECONDS = 90
#: How long before the wake that worked somebody tried in vain.
_FAILED_BEFORE_SECONDS = 220
#: BaluPi's own sentence, which it translates when it shows it.
_NO_POWER = (
    "The NAS drew no power after the signal. Check that Wake-on-LAN is on in its BIOS, that its "
    "network cable is in, and BALUPI_NAS_MAC_ADDRESS."
)
_WAKERS = (("owner", "page"), ("owner", "api"), ("family", "page"))

Line = dict[str, object]


class Reason(StrEnum):
    """Why the state changed, in the words of BaluPi's state machine."""

    POWER_GONE = "power_gone"
    WAKE = "wake"
    WOKEN_BY_OTHER = "woken_by_other"
    CALLED_COMING_ONLINE = "called_coming_online"
    CALLED_GOING_OFFLINE = "called_going_offline"
    SHUT_DOWN = "shut_down"
    BOOT_FAILED = "boot_failed"


def notes(planned: Sequence[Session], start: datetime, config: HomeConfig) -> Iterator[Line]:
    """Yield changes of state, wakes and switches; those of one type in order of time."""
    yield _state(start + _seconds(12), "unknown", "offline", Reason.POWER_GONE)
    yield _switch(start + _seconds(12.4), "pi", Reason.POWER_GONE, config)
    for session in planned:
        chance = Random(str(session.woken_at))
        if session.failed_first:
            yield from _failed_wake(session.woken_at - _seconds(_FAILED_BEFORE_SECONDS), chance)
        yield from _waking(session, chance)
        # BaluHost calls before it serves; the name follows its first good answer.
        called_at = session.healthy_at - _seconds(chance.uniform(1, 2))
        yield _state(called_at, "booting", "online", Reason.CALLED_COMING_ONLINE)
        switched_at = session.healthy_at + _seconds(0.9)
        yield _switch(switched_at, "nas", Reason.CALLED_COMING_ONLINE, config)
        yield from _falling_asleep(session, chance, config)


def _waking(session: Session, chance: Random) -> Iterator[Line]:
    if not session.by_person:
        seen_at = session.woken_at + _seconds(chance.uniform(1, 30))  # the next look at its plug
        yield _state(seen_at, "offline", "booting", Reason.WOKEN_BY_OTHER)
        return
    asked_at = session.woken_at - _seconds(1)
    healthy_at = session.healthy_at + _seconds(0.5)
    yield _state(asked_at, "offline", "booting", Reason.WAKE)
    yield {
        **_wake(asked_at, chance),
        "power_seen_at": _text(session.woken_at + _seconds(chance.uniform(1, 4))),
        "port_answered_at": _text(session.woken_at + _seconds(chance.uniform(38, 45))),
        "healthy_at": _text(healthy_at),
        "finished_at": _text(healthy_at),
        "result": "succeeded",
    }


def _failed_wake(asked_at: datetime, chance: Random) -> Iterator[Line]:
    """Yield a wake whose packets nobody heard."""
    ended_at = asked_at + _seconds(_WAKE_SECONDS)
    yield _state(asked_at, "offline", "booting", Reason.WAKE)
    yield {
        **_wake(asked_at, chance),
        "finished_at": _text(ended_at),
        "result": "failed",
        "failed_stage": "power_seen",
        "message": _NO_POWER,
    }
    yield _state(ended_at, "booting", "offline", Reason.BOOT_FAILED)


def _falling_asleep(session: Session, chance: Random, config: HomeConfig) -> Iterator[Line]:
    if session.asleep_at is None or session.off_at is None:
        return
    gone_at = session.off_at + _seconds(chance.uniform(1, 10))
    yield _state(session.asleep_at, "online", "shutting_down", Reason.CALLED_GOING_OFFLINE)
    yield _switch(session.asleep_at + _seconds(0.4), "pi", Reason.CALLED_GOING_OFFLINE, config)
    yield _state(gone_at, "shutting_down", "offline", Reason.SHUT_DOWN)


def _state(at: datetime, before: str, after: str, reason: Reason) -> Line:
    return {"type": "state", "at": _text(at), "from": before, "to": after, "reason": reason}


def _switch(at: datetime, target: str, reason: Reason, config: HomeConfig) -> Line:
    address = config.nas_ip if target == "nas" else config.pi_ip
    return {
        "type": "switch",
        "at": _text(at),
        "target": target,
        "address": address,
        "reason": reason,
    }


def _wake(asked_at: datetime, chance: Random) -> Line:
    who, where = chance.choice(_WAKERS)
    return {
        "type": "wake",
        "requested_by": who,
        "requested_from": where,
        "requested_at": _text(asked_at),
        "previous_state": "offline",
        "deadline_at": _text(asked_at + _seconds(_WAKE_SECONDS)),
        "packet_sent_at": _text(asked_at + _seconds(0.1)),
    }


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _text(at: datetime) -> str:
    return at.isoformat()
