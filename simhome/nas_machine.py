"""The simulated NAS as a machine: no sockets, no timers, no clock; it is told what time it is."""

from collections import deque
from datetime import datetime, timedelta

from simhome.nas_changes import HARMLESS_PREFIXES, IDLE_REQUESTS_PER_MINUTE, Change, PendingCall
from simhome.nas_power import Activity, PowerHistory, is_busy
from simhome.nas_stages import (
    NEXT_STATE,
    Draw,
    Face,
    Fault,
    NasState,
    NasTimings,
    Stage,
    System,
    stages_of,
)

_FACE_OF_FAULT = {
    Fault.HANG: Face.HANG,
    Fault.REFUSE: Face.REFUSED,
    Fault.BACKEND_DEAD: Face.FRONT_502,
    Fault.HTML_200: Face.HTML_200,
}
_MINUTE = timedelta(minutes=1)


class NasMachine:
    """States, stages, faults and power of the NAS.

    Every method takes ``now`` and first lets everything happen that was due by then. A ``now``
    before the one of the last call means that the clock was set back: waits go on as if it had not
    been. ``life`` grows when the machine has lost its memory, and with it its connections;
    ``service_life`` grows then too, and when only BaluHost has. ``pending_call`` stands until
    ``call_finished`` is told its serial.
    """

    state: NasState
    since: datetime

    def __init__(
        self,
        *,
        now: datetime,
        state: NasState = NasState.RUNNING,
        timings: NasTimings | None = None,
        seed: int = 0,
        calls: bool = True,
    ) -> None:
        self.timings = timings or NasTimings()
        self.calls = calls
        self.mains = True
        self.fault: Fault | None = None
        self.slow_seconds = 0.0
        self.activity = Activity.AUTO
        self.no_boot = False
        self.logins_hang = False
        self.boot_stops_at: str | None = None
        self.life = 0
        self.service_life = 0
        self.changes: deque[Change] = deque(maxlen=50)
        self._seed = seed
        self._up_since = now
        self._requests: deque[datetime] = deque(maxlen=600)
        self._idle_looks = 0
        self._call_serial = 0
        self._call_done = False
        self._latest = now
        self.face_since = now
        self.first_good_answer_at: datetime | None = None
        self._shown_face: Face | None = None
        self.power = PowerHistory(now=now, draw=Draw.NONE, activity=self.activity, seed=seed)
        self._begin(state, now)

    # What it is

    @property
    def stage(self) -> Stage:
        """The step of the state it is in."""
        return self._stages[self._index]

    @property
    def face(self) -> Face:
        """What the network sees of its web port."""
        if self.fault is Fault.FREEZE:
            return Face.SILENT
        face = self.stage.face
        if self.fault is None or face in (Face.SILENT, Face.REFUSED):
            return face
        return _FACE_OF_FAULT.get(self.fault, face)

    @property
    def system(self) -> System:
        """What servers beside the web port live on; they know no fault but freeze."""
        if self.state in (NasState.SUSPENDED, NasState.RESUMING):
            return System.FROZEN
        if self.stage.face in (Face.SILENT, Face.REFUSED):
            return System.DOWN
        return System.FROZEN if self.fault is Fault.FREEZE else System.UP

    @property
    def pending_call(self) -> PendingCall | None:
        """The call that is being made, None most of the time."""
        if self.stage.call is None or self._call_done:
            return None
        return PendingCall(serial=self._call_serial, call=self.stage.call)

    @property
    def idle_seconds(self) -> float:
        """For how long BaluHost has found itself idle."""
        return self._idle_looks * self.timings.idle_check_seconds

    def uptime_seconds(self, now: datetime) -> int:
        """Return the seconds since the last boot; 0 while there is no system."""
        if self.state in (NasState.OFF, NasState.CRASHED):
            return 0
        return int((now - self._up_since).total_seconds())

    def requests_last_minute(self, now: datetime) -> int:
        """Return what BaluHost counts for its idle rule."""
        return sum(now - _MINUTE < at <= now for at in self._requests)

    # What happens to it

    def next_due(self) -> datetime | None:
        """Return when ``tick`` has something to do next, None if only an event can change it."""
        dues = [due for due in (self._stage_due(), self._idle_look_due()) if due is not None]
        return min(dues, default=None)

    def tick(self, now: datetime) -> None:
        """Let everything happen that was due by ``now``, in order, at the moment it was due."""
        if now < self._latest:
            self._stage_since -= self._latest - now
            self._idle_looked_at -= self._latest - now
            self._latest = now
        while (due := self.next_due()) is not None and due <= now:
            if due == self._stage_due():
                self._next_stage(due)
            else:
                self._look_whether_idle(due)
        self._latest = now

    def set_mains(self, *, on: bool, now: datetime) -> None:
        """Give or take the mains, as its plug's relay does. Given again, the NAS stays off."""
        self.tick(now)
        if on == self.mains:
            return
        self.mains = on
        why = "mains back" if on else "mains cut"
        self._enter(NasState.OFF, now, why, draw=Draw.OFF if on else Draw.NONE)

    def enter(self, state: NasState, now: datetime, why: str) -> None:
        """Go to a state, whatever it is in."""
        self.tick(now)
        self._enter(state, now, why)
        self.tick(now)

    def start(self, now: datetime, why: str) -> None:
        """Boot, or resume if it is suspended; without mains nothing happens."""
        self.tick(now)
        if self.mains:
            suspended = self.state is NasState.SUSPENDED
            self._enter(NasState.RESUMING if suspended else NasState.BOOTING, now, why)
            self.tick(now)

    def set_fault(self, fault: Fault | None, now: datetime, *, slow_seconds: float = 0.0) -> None:
        """Take a fault, or end the present one with None; what it held back happens now."""
        self.tick(now)
        self.fault = fault
        self.slow_seconds = slow_seconds
        self._show(now)
        self.tick(now)

    def set_activity(self, activity: Activity, now: datetime) -> None:
        """Change how much there is to do while running."""
        self.tick(now)
        self.activity = activity
        self.power.record(self.power.draw, activity, now)

    def magic_packet(self, now: datetime) -> bool:
        """Receive a magic packet for its MAC address; tell whether it woke the NAS."""
        self.tick(now)
        asleep = self.state in (NasState.OFF, NasState.CRASHED, NasState.SUSPENDED)
        if not asleep or not self.mains or self.no_boot:
            return False
        self.start(now, "magic packet")
        return True

    def request(self, path: str, now: datetime) -> None:
        """Count a request that reached BaluHost; all but harmless ones end soft sleep."""
        self.tick(now)
        self._requests.append(now)
        if self.state is NasState.SOFT_SLEEP and not path.startswith(HARMLESS_PREFIXES):
            self._enter(NasState.RUNNING, now, f"request {path}")

    def call_finished(self, serial: int, now: datetime) -> None:
        """Go on after a call was answered or given up; an outdated serial does nothing."""
        self.tick(now)
        if self.pending_call is not None and self.pending_call.serial == serial:
            self._call_done = True
            self.tick(now)

    # Stages

    def _begin(self, state: NasState, at: datetime, draw: Draw | None = None) -> None:
        self.state = state
        self.since = at
        self._idle_looks = 0
        self._idle_looked_at = at
        self._stages = stages_of(state, self.timings)
        self._index = 0
        self._begin_stage(at, draw)

    def _begin_stage(self, at: datetime, draw: Draw | None = None) -> None:
        self._stage_since = at
        self._call_done = not self.calls or self.fault is Fault.BACKEND_DEAD
        if self.stage.call is not None:
            self._call_serial += 1
        self.power.record(draw or self.stage.draw, self.activity, at)
        self._show(at)

    def _enter(self, state: NasState, at: datetime, why: str, draw: Draw | None = None) -> None:
        self.changes.append(Change(at=at, before=self.state, after=state, why=why))
        if state in (NasState.OFF, NasState.CRASHED, NasState.SUSPENDED):
            self.fault = None
            self.slow_seconds = 0.0
        if state in (NasState.BOOTING, NasState.RESTARTING):
            self.service_life += 1
        if state is NasState.BOOTING:
            self.life += 1
            self._up_since = at
        self._begin(state, at, draw)

    def _stage_due(self) -> datetime | None:
        stage = self.stage
        if self.fault is Fault.FREEZE:
            return None
        if self.state is NasState.BOOTING and stage.name == self.boot_stops_at:
            return None
        seconds = stage.seconds
        if stage.call is not None and self._call_done:
            seconds = 0.0
        if seconds is None:
            return None
        # What was held back by a fault or an answer happens now, not in the past.
        return max(self._stage_since + timedelta(seconds=seconds), self._latest)

    def _next_stage(self, at: datetime) -> None:
        if self._index + 1 < len(self._stages):
            self._index += 1
            self._begin_stage(at)
        else:
            self._enter(NEXT_STATE[self.state], at, f"{self.state} is over")

    def _show(self, at: datetime) -> None:
        """Note since when the network sees what it sees."""
        if self.face is not self._shown_face:
            self._shown_face = self.face
            self.face_since = at
            self.first_good_answer_at = at if self.face is Face.HEALTHY else None

    # BaluHost's own sleep

    def _idle_look_due(self) -> datetime | None:
        awake = self.state is NasState.RUNNING and self.fault is not Fault.FREEZE
        if self.timings.idle_after_seconds is None or not awake:
            return None
        step = timedelta(seconds=self.timings.idle_check_seconds)
        return max(self._idle_looked_at + step, self._latest)

    def _look_whether_idle(self, at: datetime) -> None:
        self._idle_looked_at = at
        quiet = self.requests_last_minute(at) <= IDLE_REQUESTS_PER_MINUTE
        if not quiet or is_busy(self.activity, at, self._seed):
            self._idle_looks = 0
            return
        self._idle_looks += 1
        if self.idle_seconds >= (self.timings.idle_after_seconds or 0):
            self._enter(NasState.SOFT_SLEEP, at, f"idle for {self.idle_seconds:g} s")
