"""What can be done to the simulated NAS: one table for the control command, tests and people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from simhome.nas_machine import NasMachine
from simhome.nas_power import Activity
from simhome.nas_stages import Fault, NasState, NasTimings
from simhome.nas_users import CHANGES

Options = Mapping[str, object]
Doer = Callable[[NasMachine, datetime, Options], None]

_SLOW_SECONDS = 5.0
_BOOT_STOPS = ("power", "port")
_ANY = frozenset(NasState)
_UP = _ANY - {NasState.OFF, NasState.CRASHED}
_AWAKE = _UP - {NasState.SUSPENDED}
_SERVING = frozenset({NasState.RUNNING, NasState.SOFT_SLEEP})


class ActionRefusedError(Exception):
    """The action is known, but not possible now."""


class UnknownActionError(Exception):
    """There is no such action, option or value."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action: what it does, in which states it is possible, which options it takes."""

    help: str
    do: Doer
    states: frozenset[NasState] = _ANY
    options: tuple[str, ...] = ()


def act(machine: NasMachine, name: str, now: datetime, options: Options) -> None:
    """Do what a person or a test asks for; the names are those of ``ACTIONS``.

    Raises:
        UnknownActionError: no such action or option, or a value that cannot be.
        ActionRefusedError: not possible in the present state; the message lists what is.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise UnknownActionError(f"unknown action {name!r}; there are: {', '.join(ACTIONS)}")
    if unknown := set(options) - set(action.options):
        takes = ", ".join(action.options) or "no options"
        raise UnknownActionError(f"{name} takes {takes}, not {', '.join(sorted(unknown))}")
    machine.tick(now)
    if machine.state not in action.states:
        can = ", ".join(possible_actions(machine.state))
        raise ActionRefusedError(
            f"{name} is not possible while the NAS is {machine.state}; possible: {can}"
        )
    action.do(machine, now, options)
    machine.tick(now)


def possible_actions(state: NasState) -> list[str]:
    """Return the names of the actions that are possible in a state."""
    return [name for name, action in ACTIONS.items() if state in action.states]


def _enter(state: NasState, why: str) -> Doer:
    return lambda machine, now, _: machine.enter(state, now, why)


def _fault(fault: Fault | None) -> Doer:
    return lambda machine, now, _: machine.set_fault(fault, now)


def _activity(activity: Activity) -> Doer:
    return lambda machine, now, _: machine.set_activity(activity, now)


def _mains(*, on: bool) -> Doer:
    return lambda machine, now, _: machine.set_mains(on=on, now=now)


def _calls(*, on: bool) -> Doer:
    return lambda machine, _now, _: setattr(machine, "calls", on)


def _logins(*, hang: bool) -> Doer:
    return lambda machine, _now, _: setattr(machine, "logins_hang", hang)


def _power_on(machine: NasMachine, now: datetime, _options: Options) -> None:
    if not machine.mains:
        raise ActionRefusedError("power_on is not possible: its plug is off (power_back)")
    machine.start(now, "power button")


def _slow(machine: NasMachine, now: datetime, options: Options) -> None:
    seconds = options.get("seconds", _SLOW_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise UnknownActionError(f"seconds must be a number >= 0, not {seconds!r}")
    machine.set_fault(Fault.SLOW, now, slow_seconds=float(seconds))


def _no_boot(machine: NasMachine, _now: datetime, _options: Options) -> None:
    machine.no_boot = True


def _boot_stops_at(machine: NasMachine, _now: datetime, options: Options) -> None:
    stage = options.get("stage")
    if stage not in _BOOT_STOPS:
        raise UnknownActionError(f"boot_stops_at needs stage={' or stage='.join(_BOOT_STOPS)}")
    machine.boot_stops_at = str(stage)


def _boot_normally(machine: NasMachine, _now: datetime, _options: Options) -> None:
    machine.no_boot = False
    machine.boot_stops_at = None


def _timings(machine: NasMachine, _now: datetime, options: Options) -> None:
    try:
        changes: dict[str, Any] = dict(options)  # whatever they are, it says what they must be
        machine.timings = replace(machine.timings, **changes)
    except ValueError as error:
        raise UnknownActionError(str(error)) from error


ACTIONS: dict[str, Action] = {
    "power_on": Action(
        help="press the power button: boots from off and crashed, resumes from suspended",
        do=_power_on,
        states=frozenset({NasState.OFF, NasState.CRASHED, NasState.SUSPENDED}),
    ),
    "shutdown": Action(
        help="shut down in order: calls going-offline, answers a little longer, then 1.2 W",
        do=_enter(NasState.SHUTTING_DOWN, "shutdown"),
        states=_SERVING,
    ),
    "restart_service": Action(
        help="restart only BaluHost: going-offline, 502 for a while, coming-online, serves again",
        do=_enter(NasState.RESTARTING, "restart_service"),
        states=_SERVING,
    ),
    "suspend": Action(
        help="suspend to RAM: silent at 2.6 W, no call",
        do=_enter(NasState.SUSPENDED, "suspend"),
        states=_SERVING,
    ),
    "resume": Action(
        help="wake up from suspend, no call",
        do=lambda machine, now, _: machine.start(now, "resume"),
        states=frozenset({NasState.SUSPENDED}),
    ),
    "soft_sleep": Action(
        help="BaluHost's own sleep: 22 W, answers; any request that is not harmless ends it",
        do=_enter(NasState.SOFT_SLEEP, "soft_sleep"),
        states=frozenset({NasState.RUNNING}),
    ),
    "crash": Action(
        help="gone at once without a call: silent, 1.2 W",
        do=_enter(NasState.CRASHED, "crash"),
        states=_UP,
    ),
    "power_cut": Action(
        help="switch off the relay of its plug: 0 W, silent, cannot be woken", do=_mains(on=False)
    ),
    "power_back": Action(
        help="switch on the relay of its plug: 1.2 W until it is woken", do=_mains(on=True)
    ),
    "freeze": Action(
        help="nothing answers, not even TCP, but power is drawn",
        do=_fault(Fault.FREEZE),
        states=_AWAKE,
    ),
    "hang": Action(
        help="accepts connections and never answers", do=_fault(Fault.HANG), states=_AWAKE
    ),
    "refuse": Action(
        help="runs, but its web port is closed", do=_fault(Fault.REFUSE), states=_AWAKE
    ),
    "backend_dead": Action(
        help="its front server answers 502 text/html for BaluHost",
        do=_fault(Fault.BACKEND_DEAD),
        states=_AWAKE,
    ),
    "html_200": Action(
        help="its front server answers 200 text/html to everything",
        do=_fault(Fault.HTML_200),
        states=_AWAKE,
    ),
    "slow": Action(
        help=f"every answer of BaluHost takes that long (default seconds={_SLOW_SECONDS:g})",
        do=_slow,
        states=_AWAKE,
        options=("seconds",),
    ),
    "recover": Action(
        help="end freeze, hang, refuse, backend_dead, html_200 or slow", do=_fault(None)
    ),
    "unhang": Action(help="the same as recover", do=_fault(None)),
    "busy": Action(help="38 to 55 W while running", do=_activity(Activity.BUSY)),
    "idle": Action(help="31 to 36 W while running", do=_activity(Activity.IDLE)),
    "steady": Action(
        help="33.5 W while running, without any change", do=_activity(Activity.STEADY)
    ),
    "auto": Action(
        help="busy and idle by turns, the same for the same seed", do=_activity(Activity.AUTO)
    ),
    "no_boot": Action(help="ignores magic packets", do=_no_boot),
    "boot_stops_at": Action(
        help="boots only so far: stage=power (never opens its port) or stage=port (only 502)",
        do=_boot_stops_at,
        options=("stage",),
    ),
    "boot_normally": Action(
        help="end no_boot and boot_stops_at; a boot that stands still goes on", do=_boot_normally
    ),
    "hang_logins": Action(
        help="accepts logins, codes and questions whose token it is, and never answers them",
        do=_logins(hang=True),
    ),
    "unhang_logins": Action(help="end hang_logins", do=_logins(hang=False)),
    "user": Action(
        help="change one: name=family password=New-1, role=admin, is_active=false, gone=true",
        do=lambda _machine, _now, _options: None,  # users are no part of the machine: see SimNas
        options=("name", *CHANGES),
    ),
    "calls_off": Action(help="makes no calls to BaluPi", do=_calls(on=False)),
    "calls_on": Action(help="makes its calls again", do=_calls(on=True)),
    "timings": Action(
        help="how long things take from the next state on: boot_seconds=5 boot_port_seconds=2",
        do=_timings,
        options=tuple(field.name for field in fields(NasTimings)),
    ),
}
