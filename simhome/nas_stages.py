"""What the simulated NAS goes through: its states, their stages, how long each lasts."""

from dataclasses import dataclass, fields
from enum import StrEnum


class NasState(StrEnum):
    """The state of the machine itself, not what BaluPi thinks of it."""

    OFF = "off"
    BOOTING = "booting"
    RUNNING = "running"
    SOFT_SLEEP = "soft_sleep"
    SUSPENDED = "suspended"
    RESUMING = "resuming"
    RESTARTING = "restarting"
    SHUTTING_DOWN = "shutting_down"
    CRASHED = "crashed"


class Face(StrEnum):
    """What the network sees of the NAS's web port."""

    SILENT = "silent"  # a connect times out, as with a host without power
    REFUSED = "refused"  # the host is up, the port is closed
    HANG = "hang"  # a connect succeeds, a request is never answered
    FRONT_502 = "front_502"  # nginx is up, BaluHost behind it is not
    HTML_200 = "html_200"  # something answers 200 text/html to everything
    HEALTHY = "healthy"  # BaluHost answers


class System(StrEnum):
    """What the operating system does, and with it every server but the web port's."""

    DOWN = "down"
    UP = "up"
    FROZEN = "frozen"  # stands still and will go on where it was


class Fault(StrEnum):
    """What goes wrong with a NAS that is up; one at a time."""

    FREEZE = "freeze"  # nothing answers, not even TCP, but power is drawn
    HANG = "hang"
    REFUSE = "refuse"
    BACKEND_DEAD = "backend_dead"
    HTML_200 = "html_200"
    SLOW = "slow"


class Draw(StrEnum):
    """What the NAS does with electricity."""

    NONE = "none"
    OFF = "off"
    SUSPENDED = "suspended"
    SOFT_SLEEP = "soft_sleep"
    STARTING = "starting"
    RUNNING = "running"


class Call(StrEnum):
    """A signed call of BaluHost to BaluPi; the value is the end of its path."""

    COMING_ONLINE = "nas-coming-online"
    GOING_OFFLINE = "nas-going-offline"


@dataclass(frozen=True, kw_only=True)
class NasTimings:
    """How long the NAS takes for what, in seconds.

    The idle rule is BaluHost's sleep service: every 30 s it looks whether there were at most 5
    HTTP requests in the last minute (and little CPU load); enough such looks in a row and it goes
    soft-asleep. ``idle_after_seconds`` None is BaluHost's default: it never does so by itself.
    With ``shutdown_answering_seconds`` 0 BaluHost is gone while it makes its call and only the
    front server answers, as with one uvicorn worker.
    """

    boot_port_seconds: float = 15.0
    boot_seconds: float = 25.0
    shutdown_answering_seconds: float = 2.0
    shutdown_port_seconds: float = 4.0
    shutdown_seconds: float = 6.0
    resume_seconds: float = 4.0
    restart_seconds: float = 5.0
    idle_after_seconds: float | None = None
    idle_check_seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "idle_after_seconds":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{field.name} must be a number of seconds >= 0, not {value!r}")
        if self.idle_check_seconds == 0:
            raise ValueError("idle_check_seconds must be above 0")
        for earlier, later in (
            ("boot_port_seconds", "boot_seconds"),
            ("shutdown_answering_seconds", "shutdown_port_seconds"),
            ("shutdown_port_seconds", "shutdown_seconds"),
        ):
            if getattr(self, earlier) > getattr(self, later):
                raise ValueError(f"{earlier} must not be above {later}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a state.

    ``seconds`` None lasts until something happens; with a ``call``, until that was answered or
    given up.
    """

    name: str
    face: Face
    draw: Draw
    seconds: float | None = None
    call: Call | None = None


NEXT_STATE = {
    NasState.BOOTING: NasState.RUNNING,
    NasState.RESUMING: NasState.RUNNING,
    NasState.RESTARTING: NasState.RUNNING,
    NasState.SHUTTING_DOWN: NasState.OFF,
}
"""Where a state leads when its last stage is over; other states last until something happens."""

_STEADY = {
    NasState.OFF: Stage(name="off", face=Face.SILENT, draw=Draw.OFF),
    NasState.CRASHED: Stage(name="crashed", face=Face.SILENT, draw=Draw.OFF),
    NasState.SUSPENDED: Stage(name="suspended", face=Face.SILENT, draw=Draw.SUSPENDED),
    NasState.SOFT_SLEEP: Stage(name="soft_sleep", face=Face.HEALTHY, draw=Draw.SOFT_SLEEP),
    NasState.RUNNING: Stage(name="running", face=Face.HEALTHY, draw=Draw.RUNNING),
}


def stages_of(state: NasState, timings: NasTimings) -> tuple[Stage, ...]:
    """Return the stages of a state, in order, at least one.

    BaluHost calls coming-online before it serves, and going-offline before it ends; a restart of
    only its service makes the same pair of calls (BaluHost's start-up and shutdown hooks).
    """
    t = timings
    front, starting, running = Face.FRONT_502, Draw.STARTING, Draw.RUNNING
    if state is NasState.BOOTING:
        return (
            Stage(name="power", face=Face.SILENT, draw=starting, seconds=t.boot_port_seconds),
            Stage(
                name="port", face=front, draw=starting, seconds=t.boot_seconds - t.boot_port_seconds
            ),
            Stage(name="calling", face=front, draw=starting, call=Call.COMING_ONLINE),
        )
    if state is NasState.SHUTTING_DOWN:
        answering = Face.HEALTHY if t.shutdown_answering_seconds else front
        open_seconds = t.shutdown_port_seconds - t.shutdown_answering_seconds
        closed_seconds = t.shutdown_seconds - t.shutdown_port_seconds
        return (
            Stage(name="calling", face=answering, draw=running, call=Call.GOING_OFFLINE),
            Stage(
                name="answering",
                face=answering,
                draw=running,
                seconds=t.shutdown_answering_seconds,
            ),
            Stage(name="front", face=front, draw=running, seconds=open_seconds),
            Stage(name="port_closed", face=Face.REFUSED, draw=running, seconds=closed_seconds),
        )
    if state is NasState.RESTARTING:
        return (
            Stage(name="leaving", face=front, draw=running, call=Call.GOING_OFFLINE),
            Stage(name="away", face=front, draw=running, seconds=t.restart_seconds),
            Stage(name="calling", face=front, draw=running, call=Call.COMING_ONLINE),
        )
    if state is NasState.RESUMING:
        return (Stage(name="power", face=Face.SILENT, draw=starting, seconds=t.resume_seconds),)
    return (_STEADY[state],)
