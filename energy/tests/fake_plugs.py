"""Plugs that do as they are told, for tests of what is made of it; no network."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from energy.plug_finder import PlugFinder
from energy.plug_pool import PlugPool
from energy.readings import Failure, Seen, Target
from energy.tapo import Announcement, Login, PlugError
from energy.tests.factories import KLAP, id_of, mac_of

LOGIN = Login("Owner@example.com", "Correct horse 7")
DEADLINE_S = 10  # of waiting for what must come


class FakePlug:
    """A plug that answers, fails or hangs as it is told, and counts what it is asked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.error: PlugError | None = None
        self.hangs = False
        self.relay_on = True
        self.ignores_switching = False
        self.memory: Mapping[str, Any] | int = {}
        self.local_time = ""
        self.memories = 0
        self.opened = self.reads = self.switched = self.closed = 0
        self.is_asked: Future[None] = Future()
        self._answer: Future[None] = Future()

    def let_go(self) -> None:
        """Answer what hangs."""
        self._answer.set_result(None)

    async def read(self) -> Mapping[str, Any]:
        self.reads += 1
        if self.hangs:
            if not self.is_asked.done():
                self.is_asked.set_result(None)
            await asyncio.wrap_future(self._answer)
        if self.error is not None:
            raise self.error
        nickname = base64.b64encode(f"Plug {self.number}".encode()).decode()
        return {
            "get_device_info": {
                "device_id": id_of(self.number),
                "mac": mac_of(self.number),
                "nickname": nickname,
                "device_on": self.relay_on,
            },
            "get_energy_usage": {"local_time": self.local_time},
            "get_emeter_data": {"power_mw": 60_000 if self.relay_on else 0},
        }

    async def energy_data(self, *, start_s: int, end_s: int) -> Mapping[str, Any] | int:
        self.memories += 1
        return self.memory

    async def set_relay(self, *, on: bool) -> None:
        self.switched += 1
        if not self.ignores_switching:
            self.relay_on = on

    async def close(self) -> None:
        self.closed += 1


class FakeNetwork:
    """Which plug answers at which address, and a clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.at: dict[str, FakePlug] = {}
        self.announced: list[Announcement] = []
        self.searches: list[str] = []

    def add(self, number: int) -> FakePlug:
        plug = self.at[f"127.0.0.{number}"] = FakePlug(number)
        return plug

    def open_session(self, *, host: str, connection: Mapping[str, Any], login: Login) -> FakePlug:
        assert login == LOGIN
        plug = self.at[host]
        plug.opened += 1
        return plug

    async def discover(self, target: str, *, timeout_s: int) -> list[Announcement]:
        self.searches.append(target)
        is_search = target.endswith(".255")
        return [each for each in self.announced if is_search or each.host == target]

    def announce(
        self,
        number: int,
        host: str,
        *,
        connection: dict[str, Any] | None = None,
        problem: str = "",
    ) -> None:
        found = Announcement(host, mac_of(number), "P110", connection or KLAP, problem)
        self.announced.append(found)


def make_pool(network: FakeNetwork, *, login: Login = LOGIN, timeout_s: float = 60) -> PlugPool:
    return PlugPool(
        login,
        timeout_s=timeout_s,
        search_target="127.0.0.255",
        only_loopback=True,
        open_session=network.open_session,
        finder=PlugFinder(network.discover),
        monotonic=lambda: network.now_s,
    )


def sweep(pool: PlugPool, *targets: Target, at_once: bool = False) -> list[Seen | Failure]:
    return list(pool.iter_results(targets, at_once=at_once))


def kinds(results: list[Seen | Failure]) -> list[str]:
    return [each.kind.value if isinstance(each, Failure) else "seen" for each in results]


def wait_for_search(pool: PlugPool) -> None:
    """Wait until a search that a failure has set off is over."""

    async def searched() -> None:
        if pool._search_task is not None:
            await pool._search_task

    pool._loop.submit(searched()).result(DEADLINE_S)
