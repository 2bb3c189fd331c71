"""The simulated FTL daemon: its parts, its config writes, and how it dies and comes back."""

import asyncio
import enum
import logging
from collections.abc import Callable, Mapping

from simhome.clock import Clock
from simhome.dns_server import DnsServer, RateLimit
from simhome.dns_zone import Outcome, Upstream, Zone
from simhome.pihole_auth import Auth
from simhome.pihole_blocking import Blocking
from simhome.pihole_config import APP_PASSWORD_HASH, CNAMES, HOSTS, PASSWORD_HASH, PiholeConfig
from simhome.pihole_config_api import Change, ConfigApi
from simhome.pihole_household import BLOCKED, Household
from simhome.pihole_http import ApiRequest, Reply
from simhome.pihole_info import Info
from simhome.pihole_router import Route, Router
from simhome.pihole_routes import (
    auth_routes,
    blocking_routes,
    config_routes,
    reading_routes,
)
from simhome.pihole_sessions import LoginLimit, Seats, Session
from simhome.pihole_stats import Statistics
from simhome.pihole_timing import Timing

logger = logging.getLogger(__name__)

# "gravity.ftl" is the blocked name of the recordings (dns_blocking_switch).
_BLOCKED_NAMES = frozenset(name for name, _ in BLOCKED) | {"gravity.ftl"}


class DaemonGoneError(ConnectionError):
    """The daemon died or restarted under a request, which gets no answer."""


class DaemonState(enum.StrEnum):
    """Whether the daemon serves."""

    RUNNING = "running"
    RESTARTING = "restarting"
    CRASHED = "crashed"


class Daemon:
    """Everything of the simulated Pi-hole behind its ports.

    Two config writes at once kill the real daemon, though not at the first try: two clients with
    20 writes a second needed 6.5 and 9.4 s (Pi-hole notes, section 2, "Concurrency"). This one
    dies at the first overlap, so that a client which allows one is found out.

    Attributes:
        config: the running configuration.
        seats: the sessions.
        state: whether it serves.
        config_writes: effective writes since the start.
        crashes: how often it died.
        starts: how often it has begun to serve.
        forgets_after_seconds: None, or after how long a written record is gone again although
            the write was answered with success (Pi-hole notes, section 5: FTL issue 3015).
    """

    def __init__(
        self,
        *,
        config: PiholeConfig,
        resolver: DnsServer,
        upstream: Upstream,
        household: Household,
        timing: Timing,
        clock: Clock,
        on_state: Callable[[], None],
    ) -> None:
        """Assemble a daemon; ``on_state`` is called when it goes away or comes back by itself."""
        self.config = config
        self.state = DaemonState.RUNNING
        self.config_writes = 0
        self.crashes = 0
        self.starts = 0
        self.forgets_after_seconds: float | None = None
        self.seats = Seats(config, clock)
        self.statistics = Statistics(household, clock)
        self.blocking = Blocking(clock)
        self._auth = Auth(config, self.seats, LoginLimit(clock), timing)
        self._router = Router(self._auth, self.seats)
        self._router.add(self._routes(Info(config, self.statistics, self.blocking, clock)))
        self._resolver = resolver
        self._upstream = upstream
        self._timing = timing
        self._on_state = on_state
        self._is_writing = False
        self._life = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self._return: asyncio.TimerHandle | None = None
        self._aliases: list[str] = []

    def _routes(self, info: Info) -> list[Route]:
        return [
            *auth_routes(self._auth),
            *config_routes(ConfigApi(self.config, self._write)),
            *blocking_routes(self.blocking),
            *reading_routes(self.statistics, info),
            Route("POST", "/api/action/restartdns", self._restart_resolver),
            Route("GET", "/api/endpoints", self._router.list_endpoints),
        ]

    @property
    def logins(self) -> int:
        """Sessions opened by a password since the start."""
        return self._auth.logins

    def begin(self) -> None:
        """Serve from now on, with the configuration as it is."""
        self.starts += 1
        self.state = DaemonState.RUNNING
        self._aliases = self.config.strings(CNAMES)
        self._limit_questions()
        self.publish(after_seconds=0)

    async def answer(self, request: ApiRequest) -> Reply:
        """Answer one API request; raises DaemonGoneError where the daemon died over it."""
        return await self._router.answer(request)

    def note_query(self, name: str, _kind: str, outcome: Outcome) -> None:
        """Count a question to the resolver in the statistics."""
        self.statistics.note_query(name, outcome)

    def store(self, values: Mapping[str, object], *, save: bool = True) -> None:
        """Put values into the configuration, with everything that follows from them."""
        for path, value in values.items():
            self.config.set(path, value)
        if save:
            self.config.save()
        self.config_writes += 1
        self._limit_questions()
        if HOSTS in values:
            self.publish(after_seconds=self._timing.dns_lag_seconds)
        if PASSWORD_HASH in values or APP_PASSWORD_HASH in values:
            self.seats.clear()  # the caller's too (Pi-hole notes, section 1)

    def publish(self, *, after_seconds: float) -> None:
        """Let the resolver answer the present addresses, all at once.

        Aliases are those of the last start (cname_record_restarts_ftl, step 2).
        """
        addresses = [*self.config.hosts, f"{self._resolver.host} pi.hole"]
        zone = Zone(addresses, self._aliases, self._blocks, self._upstream)
        self._later(after_seconds, lambda: setattr(self._resolver, "zone", zone))

    def restart(self, *, after_seconds: float, away_seconds: float, clean: bool) -> None:
        """Go away and come back; sessions survive if ``clean`` (auth_session_across_restart)."""
        self._later(
            after_seconds, lambda: self._go(DaemonState.RESTARTING, away_seconds, clean=clean)
        )

    def close(self) -> None:
        """Forget what was to happen later; ``begin`` serves again."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._return is not None:
            self._return.cancel()

    async def _write(self, change: Change, *, save: bool, restart: bool) -> None:
        """Store a client's change after the time a write takes; an overlap is deadly."""
        if self._is_writing:
            self.crashes += 1
            logger.info("Pi-hole: two config writes at once, the daemon dies")
            self._go(DaemonState.CRASHED, self._timing.crash_seconds, clean=False)
            raise DaemonGoneError
        life, self._is_writing = self._life, True
        try:
            await asyncio.sleep(self._timing.config_write_seconds)
        finally:
            if life == self._life:
                self._is_writing = False
        if life != self._life:
            raise DaemonGoneError
        before = self.config.hosts
        values = change()
        self.store(values, save=save)
        if self.forgets_after_seconds is not None and HOSTS in values:
            self._later(self.forgets_after_seconds, lambda: self.store({HOSTS: before}))
        if restart and CNAMES in values:  # cname_record_restarts_ftl, step 0
            self._restart_soon()

    async def _restart_resolver(self, _: ApiRequest, __: Session | None) -> Reply:
        """POST /api/action/restartdns (auth_session_across_restart, step 1)."""
        self._restart_soon()
        return Reply(body={"status": "success"})

    def _restart_soon(self) -> None:
        timing = self._timing
        self.restart(
            after_seconds=timing.restart_delay_seconds,
            away_seconds=timing.restart_seconds,
            clean=True,
        )

    def _go(self, state: DaemonState, away_seconds: float, *, clean: bool) -> None:
        """Stop serving; what was not saved is lost, and without ``clean`` the sessions too."""
        self.close()
        self._life += 1
        self._is_writing = False
        self.config.reload()
        if not clean:
            self.seats.clear()
        self.state = state
        self._on_state()
        loop = asyncio.get_running_loop()
        self._return = loop.call_later(away_seconds, self._come_back)

    def _come_back(self) -> None:
        self._return = None
        self.begin()
        self._on_state()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` after ``seconds``, at once for 0; going away cancels it."""
        if not seconds:
            act()
            return

        def run() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    def _limit_questions(self) -> None:
        count = self.config.number("dns.rateLimit.count")
        interval_seconds = self.config.number("dns.rateLimit.interval")
        self._resolver.rate_limit = RateLimit(count, interval_seconds)

    def _blocks(self, name: str) -> bool:
        return name in _BLOCKED_NAMES and self.blocking.is_on
