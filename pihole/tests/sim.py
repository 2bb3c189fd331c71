"""The simulated Pi-hole in a thread of its own, driven by plain calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from balupi_site.tests.sim_thread import running_in_thread
from simhome.clock import Clock
from simhome.pihole import SimPihole

PASSWORD = "pi-hole-password"
_HTTP_PORT, _DNS_PORT = 8480, 5380


class Pihole:
    """One simulated Pi-hole; every call waits until it has taken effect."""

    def __init__(self, hosts: list[str], password: str) -> None:
        chosen = random.SystemRandom()
        self.block = f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}"
        self.host = f"{self.block}.2"
        self.url = f"http://{self.host}:{_HTTP_PORT}"
        self.dns = (self.host, _DNS_PORT)
        self._loop = asyncio.new_event_loop()
        self._sim = SimPihole(
            host=self.host,
            port=_HTTP_PORT,
            dns_host=self.host,
            dns_port=_DNS_PORT,
            password=password,
            clock=Clock(),
            state_file=None,
            hosts=hosts,
        )

    @property
    def hosts(self) -> list[str]:
        return self._sim.hosts

    def describe(self) -> dict[str, Any]:
        return self._sim.describe()

    def break_with(self, fault: str, **options: object) -> None:
        self._run(lambda: self._sim.set_fault(fault, **options))

    def mend(self) -> None:
        self._run(self._sim.clear_faults)

    def store(self, hosts: list[str]) -> None:
        """Change the records as a person at Pi-hole's own page does."""
        self._run(lambda: self._sim.daemon.store({"dns.hosts": hosts}))

    def _run(self, act: Any) -> None:
        async def do() -> None:
            act()
            await self._sim.settled()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    @contextmanager
    def running(self) -> Iterator[Pihole]:
        with running_in_thread(self._sim, self._loop):
            yield self
