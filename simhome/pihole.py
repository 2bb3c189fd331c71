"""A Pi-hole v6.4.1 on loopback, as the recordings show it, with faults to order."""

import asyncio
import json
from pathlib import Path

from aiohttp import web

from simhome.clock import Clock
from simhome.dns_server import DnsServer
from simhome.dns_zone import Upstream
from simhome.listener import Mode
from simhome.loopback import require_loopback
from simhome.pihole_config import PiholeConfig
from simhome.pihole_daemon import Daemon, DaemonGoneError, DaemonState
from simhome.pihole_faults import FAULTS, Fault, start_fault
from simhome.pihole_household import Household
from simhome.pihole_http import ApiRequest, Reply
from simhome.pihole_port import HttpPort, reset
from simhome.pihole_timing import Timing

# What a captive portal or a wrong address answers instead of the API; made up.
_GARBAGE = "<!doctype html><title>Router</title><p>Please sign in."


class SimPihole:
    """The Pi-hole of the household: the API on one address, the resolver on another.

    Attributes:
        daemon: the simulated FTL behind the ports.
        FAULTS: the names ``set_fault`` takes; pihole_faults says what each does.
    """

    FAULTS = FAULTS

    def __init__(
        self,
        *,
        host: str,
        port: int,
        dns_host: str,
        dns_port: int,
        password: str,
        clock: Clock,
        state_file: Path | None,
        hosts: list[str],
        upstream: Upstream = Upstream.NXDOMAIN,
        household: Household | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare a Pi-hole with ``hosts``, or those of ``state_file`` if it exists.

        An empty ``password`` leaves everything open; ``state_file`` None: nothing outlives it.

        Raises:
            ValueError: an address is not on loopback.
        """
        self._config = PiholeConfig(password=password, hosts=hosts, state_file=state_file)
        _fix_places(self._config, (host, port), (dns_host, dns_port), upstream)
        self._resolver = DnsServer(host=dns_host, port=dns_port, clock=clock)
        self.daemon = Daemon(
            config=self._config,
            resolver=self._resolver,
            upstream=upstream,
            household=household or Household(),
            timing=timing or Timing(),
            clock=clock,
            on_state=self._apply,
        )
        self._resolver.on_query = self.daemon.note_query
        self._port, self._settling = HttpPort(host, port, self._serve), asyncio.Lock()
        self._faults, self._is_started = dict[str, Fault](), False
        self._tasks: set[asyncio.Task[None]] = set()
        self._hang_is_over = asyncio.Event()
        self._hang_is_over.set()

    @property
    def hosts(self) -> list[str]:
        """A copy of dns.hosts as the API shows it now."""
        return self._config.hosts

    async def start(self) -> None:
        """Open the ports, as far as the faults allow.

        Raises:
            OSError: an address or a port is not free; nothing is left open then.
        """
        self._is_started = True
        self.daemon.begin()
        try:
            await self._settle()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything; a second call does nothing."""
        self.clear_faults()
        self.daemon.close()
        self._is_started = False
        await self._settle()
        await self.settled()

    def set_fault(self, name: str, **options: object) -> None:
        """Begin a fault, or begin it anew with other options; effective within milliseconds.

        Raises:
            ValueError: there is no such fault, or it has no such option.
        """
        self._end_fault(name)
        fault = start_fault(name, options, self.daemon)
        if not fault.is_over:
            self._faults[name] = fault
        self._apply()

    def clear_faults(self) -> None:
        """End all faults; a daemon that crashed or restarts comes back in its own time."""
        for name in list(self._faults):
            self._end_fault(name)
        self._apply()

    async def settled(self) -> None:
        """Wait until the ports are what state and faults ask for."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def describe(self) -> dict[str, object]:
        """Return the present state as JSON types."""
        daemon = self.daemon
        return {
            "api": f"http://{self._port.host}:{self._port.port}",
            "dns": f"{self._resolver.host}:{self._resolver.port}",
            "state": daemon.state.value,
            "faults": {name: fault.options for name, fault in self._faults.items()},
            "hosts": self.hosts,
            "answers": {
                name: [str(address) for address in addresses]
                for name, addresses in self._resolver.zone.addresses.items()
            },
            "logins": daemon.logins,
            "sessions": len(daemon.seats.taken),
            "config_writes": daemon.config_writes,
            "dns_queries": self._resolver.queries,
            "crashes": daemon.crashes,
            "starts": daemon.starts,
        }

    def _end_fault(self, name: str) -> None:
        fault = self._faults.pop(name, None)
        if fault is not None:
            fault.undo()

    def _apply(self) -> None:
        """Bring resolver and ports to what state and faults ask for, the ports a moment later."""
        self._resolver.is_dropping = not self._faults.keys().isdisjoint({"drop_dns", "silent"})
        if "hang" not in self._faults:
            self._hang_is_over.set()
        else:
            self._hang_is_over.clear()
        if self._is_started:
            task = asyncio.get_running_loop().create_task(self._settle())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle(self) -> None:
        async with self._settling:
            await self._port.set_mode(self._wanted_mode())
            if self._is_started and self._has_resolver():
                await self._resolver.start()
            else:
                await self._resolver.stop()

    def _wanted_mode(self) -> Mode:
        if not self._is_started:
            return Mode.REFUSED
        if "silent" in self._faults:
            return Mode.SILENT
        is_up = self._has_resolver() and "api_down" not in self._faults
        return Mode.OPEN if is_up else Mode.REFUSED

    def _has_resolver(self) -> bool:
        """Return whether the daemon lives: API and resolver are one process."""
        return self.daemon.state is DaemonState.RUNNING and "down" not in self._faults

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._hang_is_over.wait()
        if (slow := self._faults.get("slow")) is not None:
            await asyncio.sleep(slow.number("seconds"))
        body = await request.content.read()
        if "garbage" in self._faults:
            return web.Response(text=_GARBAGE, content_type="text/html")
        question = ApiRequest.of(
            request.method, request.raw_path, request.headers, body, request.remote or ""
        )
        try:
            return _response(request, await self.daemon.answer(question))
        except DaemonGoneError:
            reset(request.transport)
            return web.Response()


def _response(request: web.BaseRequest, reply: Reply) -> web.Response:
    """Return the answer on the wire: compact JSON, and always a Connection header."""
    stays = request.keep_alive and not reply.closes
    headers = {**reply.headers, "Connection": "keep-alive" if stays else "close"}
    body = None
    if reply.body is not None:
        body = json.dumps(reply.body, separators=(",", ":")).encode()
    response = web.Response(status=reply.status, body=body, headers=headers)
    if reply.closes:
        response.force_close()
    return response


def _fix_places(
    config: PiholeConfig, web: tuple[str, int], dns: tuple[str, int], upstream: Upstream
) -> None:
    """Put into the configuration what a client may read of it and not change."""
    for host, _port in (web, dns):
        require_loopback(host)
    config.fix("dns.port", dns[1])
    config.fix("webserver.port", f"{web[0]}:{web[1]}")
    if upstream is Upstream.REFUSED:  # "no upstream configured" (hosts_dns_answers)
        config.fix("dns.upstreams", [])
