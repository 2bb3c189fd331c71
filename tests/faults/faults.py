"""The faults: how each is applied and undone, and what it announces that cannot be right meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.household import SAMPLE_INTERVAL_S, Household, now
from tests.faults.plan import Planned

Act = Callable[[Household, Planned], object]

#: A process that was killed starts, and reads the plugs again.
_RESTART_S = 30.0
#: The resolver, too, needs a moment after its return.
_RETURN_S = 3.0
#: Somebody else's last word stands until the next regular look, each 60 s: a question each second would
#: cost more than it is worth, and a fight would wear out Pi-hole's card (pihole/conclude.py).
FIGHT_S = 65.0
#: The network is searched for a lost plug every five minutes at most (energy/plug_pool.py).
SEARCH_S = 330.0
_HOUR_S, _DAY_S = 3600.0, 86400.0


def _nothing(_household: Household, _planned: Planned) -> None:
    """Undo a fault that heals by itself."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        blinds: "plugs" or "plug": what cannot be measured meanwhile; "": all is.
        recovery_s: so long after it measuring may still be out.
        hides_names: the resolver itself does not answer.
        is_foreign: somebody else writes our names.
        clock_s: by so much the clock is wrong.
    """

    apply: Act
    undo: Act = _nothing
    blinds: str = ""
    recovery_s: float = _RESTART_S
    hides_names: bool = False
    is_foreign: bool = False
    clock_s: float = 0.0


def _killed(program: str, blinds: str = "") -> Fault:
    return Fault(lambda home, _: home.kill(program), blinds=blinds)


def _pihole(
    fault: str, *, hides_names: bool = False, is_foreign: bool = False, **options: object
) -> Fault:
    return Fault(
        lambda home, _: home.pihole("fault", fault, **options),
        lambda home, _: home.pihole("clear"),
        hides_names=hides_names,
        is_foreign=is_foreign,
    )


def _nas(apply: str, *, undo: tuple[str, ...] = ()) -> Fault:
    def mend(home: Household, _planned: Planned) -> None:
        for action in undo:
            home.nas(action)

    return Fault(lambda home, _: home.nas(apply), mend)


def _clock(seconds: float) -> Fault:
    return Fault(
        lambda home, _: home.shift_clock(seconds),
        lambda home, _: home.shift_clock(0),
        blinds="plugs",
        clock_s=seconds,
    )


def _move(home: Household, planned: Planned) -> None:
    home.moved_plugs += 1
    block = home.facts["nas_ip"].rpartition(".")[0]
    home.plug(planned.plug, "move", host=f"{block}.{150 + home.moved_plugs % 100}")


ALL: dict[str, Fault] = {
    "web_killed": _killed("web"),
    "worker_killed": _killed("worker", blinds="plugs"),
    "redis_killed": _killed("redis", blinds="plugs"),  # tasks reach the worker through it
    "redis_hung": Fault(
        lambda home, _: home.stop("redis"), lambda home, _: home.go_on("redis"), blinds="plugs"
    ),
    "pihole_stopped": _pihole("down", hides_names=True),
    "pihole_slow": _pihole("slow", seconds=3),
    "pihole_seats_full": _pihole("seats_full"),
    "pihole_password_changed": _pihole("password_changed"),
    "pihole_foreign_writer": _pihole("foreign_writer", is_foreign=True),
    "nas_crash": _nas("crash", undo=("power_on",)),
    "nas_hang": _nas("hang", undo=("recover",)),
    "nas_suspend": _nas("suspend", undo=("resume",)),
    "nas_service_restart": _nas("restart_service"),
    "nas_power_cut": _nas("power_cut", undo=("power_back", "power_on")),
    "plug_hang": Fault(
        lambda home, planned: home.plug(planned.plug, "fault", "hang"),
        lambda home, planned: home.plug(planned.plug, "clear"),
        blinds="plug",
        recovery_s=60.0,  # it is left alone for as long again as it was silent (energy/backoff.py)
    ),
    "plug_session_stolen": Fault(
        lambda home, planned: home.plug(planned.plug, "fault", "session_stolen")
    ),
    "plug_new_address": Fault(_move, blinds="plug", recovery_s=SEARCH_S),
    "clock_hour_back": _clock(-_HOUR_S),
    "clock_hour_ahead": _clock(_HOUR_S),
    "clock_days_back": _clock(-200 * _DAY_S),
    "disk_full": Fault(lambda home, _: home.fill_disk(), lambda home, _: home.free_disk()),
    "database_locked": Fault(
        lambda home, _: home.lock_database(), lambda home, _: home.unlock_database()
    ),
}


def announce(home: Household, planned: Planned, applied_at: float) -> None:
    """Note what a fault, undone now, has kept from being right since it was applied."""
    fault, undone_at = ALL[planned.name], now()
    if fault.hides_names:
        home.announce("names", applied_at, undone_at + _RETURN_S)
    if fault.is_foreign:
        home.announce("foreign", applied_at, undone_at + FIGHT_S)
    if fault.blinds:
        what = f"plug {planned.plug}" if fault.blinds == "plug" else "plugs"
        home.announce(what, applied_at - SAMPLE_INTERVAL_S, undone_at + fault.recovery_s)
    if planned.name == "plug_hang":
        home.announce(f"silent {planned.plug}", applied_at, undone_at)
    if fault.clock_s:  # what was measured then stands at the hour that the clock told
        start_at, end_at = applied_at + fault.clock_s, undone_at + fault.clock_s
        home.announce("clock", start_at - SAMPLE_INTERVAL_S, end_at + SAMPLE_INTERVAL_S)
