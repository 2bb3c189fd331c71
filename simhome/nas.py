"""The simulated NAS on the network: its web port, magic packets, calls to BaluPi."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from simhome.baluhost_answers import BaluHost
from simhome.baluhost_calls import CallResult, send_call
from simhome.clock import Clock
from simhome.listener import Mode, SwitchedListener
from simhome.nas_actions import UnknownActionError, act
from simhome.nas_changes import PendingCall
from simhome.nas_front import FrontServer
from simhome.nas_machine import NasMachine
from simhome.nas_snapshot import shutdown_snapshot
from simhome.nas_stages import Call, Face, NasState, NasTimings, System
from simhome.nas_status import machine_status
from simhome.nas_users import NasUser, changed_users
from simhome.wol import MagicPacketListener

_CALLS_KEPT = 20
_GOODBYE_SECONDS = 0.1
_LISTENER_MODES = {Face.SILENT: Mode.SILENT, Face.REFUSED: Mode.REFUSED}


class SimNas:
    """The NAS, a load behind its plug: ``power_w`` and ``next_change`` are for the meter.

    ``act`` takes effect at once, before it returns. ``switch_plug`` is what the actions
    power_cut and power_back use; a home sets it to the relay of the plug, which then calls
    ``set_mains``. ``on_system`` is told at start and at every change what the operating system
    does, for servers beside the web port; after a new boot it is told of the end first.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        mac: str,
        wol_hosts: Sequence[str],
        wol_port: int,
        pi_url: str,
        handshake_secret: str,
        users: Sequence[NasUser],
        secret_key: str,
        clock: Clock,
        hostname: str = "balunas",
        state: NasState = NasState.RUNNING,
        timings: NasTimings | None = None,
        seed: int = 0,
    ) -> None:
        self.host, self.port, self.mac = host, port, mac
        self.machine = NasMachine(now=clock.now(), state=state, timings=timings, seed=seed)
        self.switch_plug: Callable[[bool], None] | None = None
        self.on_system: Callable[[System], None] | None = None
        self.calls: deque[CallResult] = deque(maxlen=_CALLS_KEPT)
        self._hostname, self._users, self._clock = hostname, users, clock
        self._pi_url, self._secret = pi_url, handshake_secret
        self._baluhost = BaluHost(machine=self.machine, users=users, secret_key=secret_key)
        self._front = FrontServer(self.machine, self._baluhost, clock, hostname, self._settle)
        self._http: web.Server | None = None  # while it is started
        self._listener = SwitchedListener(
            host=host, port=port, protocol_factory=self._new_connection
        )
        self._packets = MagicPacketListener(mac=mac, hosts=wol_hosts, port=wol_port)
        self._packets.on_packet = self._magic_packet
        self._packets_woke = 0
        self._timer: asyncio.TimerHandle | None = None
        self._calling: tuple[PendingCall, asyncio.Task[None]] | None = None
        self._face, self._system = self.machine.face, System.DOWN
        self._life, self._service_life = self.machine.life, self.machine.service_life

    @property
    def requests(self) -> Counter[str]:
        """How often each path was asked for."""
        return self._front.requests

    # Load

    def power_w(self, at: datetime) -> float:
        """Return the power in W at a moment, also one that has passed."""
        self.machine.tick(self._clock.now())
        return self.machine.power.power_w(at)

    def next_change(self, at: datetime) -> datetime | None:
        """Return when the power may next differ, None if only an event will change it."""
        self.machine.tick(self._clock.now())
        return self.machine.power.next_change(at)

    # Life

    async def start(self) -> None:
        """Open the sockets.

        Raises:
            OSError: an address cannot be bound.
        """
        await self._packets.start()
        self._http = web.Server(self._front.handle, handler_cancellation=True, access_log=None)
        self._settle()

    async def stop(self) -> None:
        """Close everything; a second call does nothing."""
        http, self._http = self._http, None
        if self._timer is not None:
            self._timer.cancel()
        if self._calling is not None:
            self._calling[1].cancel()
            self._calling = None
        self._packets.stop()
        self._listener.close()
        if http is not None:
            await http.shutdown(timeout=_GOODBYE_SECONDS)

    def act(self, action: str, options: Mapping[str, object] | None = None) -> datetime:
        """Do an action of ``ACTIONS``; return when it took effect.

        Raises:
            UnknownActionError: no such action, option or value.
            ActionRefusedError: not possible in the present state.
        """
        now = self._clock.now()
        if action in ("power_cut", "power_back") and self.switch_plug is not None and not options:
            self.switch_plug(action == "power_back")
        else:
            act(self.machine, action, now, options or {})
        if action == "user":
            self._change_user(options or {})
        self._front.wake_waiting()  # hang_logins and its end are no other face
        self._settle()
        return now

    def set_mains(self, *, on: bool) -> None:
        """Give or take the mains, as the relay of its plug does."""
        self.machine.set_mains(on=on, now=self._clock.now())
        self._settle()

    def describe(self) -> dict[str, object]:
        """Return state and counters, ready for JSON."""
        return {
            **machine_status(self.machine, self._clock.now()),
            "url": f"http://{self.host}:{self.port}",
            "mac": self.mac,
            "connections": self._listener.accepted,
            "requests": dict(self.requests),
            "magic_packets": {**self._packets.describe(), "woke": self._packets_woke},
            "sent_calls": [result.describe() for result in self.calls],
        }

    # Following the machine

    def _settle(self) -> None:
        """Make sockets, calls and timer agree with the machine."""
        if self._http is None:
            return
        self.machine.tick(self._clock.now())
        face = self.machine.face
        self._listener.switch(_LISTENER_MODES.get(face, Mode.OPEN))
        if self.machine.life != self._life:
            self._life = self.machine.life
            self._drop_connections()
            self._tell_system(System.DOWN)
        self._tell_system(self.machine.system)
        if self.machine.service_life != self._service_life:
            self._service_life = self.machine.service_life
            self._baluhost.forget()
        if face is not self._face:
            self._face = face
            self._front.wake_waiting()
            if face is Face.REFUSED:
                self._drop_connections()
        self._settle_call()
        self._settle_timer()

    def _tell_system(self, system: System) -> None:
        if system is not self._system:
            self._system = system
            if self.on_system is not None:
                self.on_system(system)

    def _settle_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.machine.next_due()
        if due is not None:
            wait_seconds = max(0.0, (due - self._clock.now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait_seconds, self._settle)

    def _settle_call(self) -> None:
        wanted = self.machine.pending_call
        if self._calling is not None and self._calling[0] != wanted:
            self._calling[1].cancel()
            self._calling = None
        if wanted is not None and self._calling is None:
            task = asyncio.get_running_loop().create_task(self._make_call(wanted))
            self._calling = (wanted, task)

    async def _make_call(self, pending: PendingCall) -> None:
        now = self._clock.now()
        snapshot = None
        if pending.call is Call.GOING_OFFLINE:
            snapshot = shutdown_snapshot(
                now=now,
                hostname=self._hostname,
                uptime_seconds=self.machine.uptime_seconds(now),
                users=self._users,
            )
        result = await send_call(
            pending.call, url=self._pi_url, secret=self._secret, now=now, snapshot=snapshot
        )
        self.calls.append(result)
        self.machine.call_finished(pending.serial, self._clock.now())
        self._settle()

    def _magic_packet(self) -> None:
        if self.machine.magic_packet(self._clock.now()):
            self._packets_woke += 1
        self._settle()

    def _change_user(self, options: Mapping[str, object]) -> None:
        try:
            self._users = changed_users(self._users, options)
        except ValueError as error:
            raise UnknownActionError(str(error)) from error
        self._baluhost.set_users(self._users)

    def _drop_connections(self) -> None:
        for connection in self._http.connections if self._http is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    # HTTP

    def _new_connection(self) -> asyncio.BaseProtocol:
        assert self._http is not None  # noqa: S101 - the listener is open only while it is there
        return self._http()
