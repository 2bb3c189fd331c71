"""What the tests of this app share: a simulated home in a thread, a fresh buffer, no kept connections."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from energy import plug_pool
from energy.loop_thread import LoopThread
from energy.plug_finder import PlugFinder
from energy.plug_pool import PlugPool
from energy.sample_buffer import SampleBuffer
from energy.services import plugs, samples, switching
from energy.tests.fake_plugs import FakeNetwork, make_pool
from simhome.discovery import DiscoveryListener
from simhome.plug import SimPlug
from simhome.tests.plug_helpers import PASSWORD, USERNAME
from simhome.tests.plug_helpers import make_plug as make_sim_plug

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test the state of a process that has just started."""
    monkeypatch.setattr(samples, "buffer", SampleBuffer())
    monkeypatch.setattr(switching, "_guards", [])
    monkeypatch.setattr(plugs, "_guards", [])
    yield
    plug_pool.close_connections()


class SimHome:
    """Simulated plugs on loopback, in a loop of their own thread."""

    def __init__(self) -> None:
        chosen = random.SystemRandom()
        self.block = f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}"
        self.plugs: list[SimPlug] = []
        self._loop = LoopThread("simhome")
        self._listener = DiscoveryListener(host=f"{self.block}.255", plugs=self.plugs)

    def start(self) -> None:
        """Answer searches."""
        self._loop.submit(self._listener.start()).result(5)

    def add(self, number: int = 101, **options: Any) -> SimPlug:
        """Start a plug; its name, MAC and device id are those of ``factories`` for this number."""
        plug = make_sim_plug(self.block, number, **options)
        self._loop.submit(plug.start()).result(5)
        self.plugs.append(plug)
        return plug

    def do(self, change: Callable[[], T]) -> T:
        """Change something where the plugs live."""

        async def changed() -> T:
            return change()

        return self._loop.submit(changed()).result(5)

    def fault(self, plug: SimPlug, name: str, **parameters: object) -> None:
        """Begin a fault."""
        self.do(lambda: plug.set_fault(name, **parameters))

    def mend(self, plug: SimPlug) -> None:
        """End all faults."""
        self.do(plug.clear_faults)

    def move(self, plug: SimPlug, number: int) -> None:
        """Give a plug another address."""
        self._loop.submit(plug.move_to(f"{self.block}.{number}")).result(5)

    def run(self, work: Any) -> Any:
        """Run a coroutine where the plugs live."""
        return self._loop.submit(work).result(5)

    def stop(self) -> None:
        """Take all plugs off the network."""
        for plug in self.plugs:
            self._loop.submit(plug.stop()).result(5)
        self._loop.submit(self._listener.stop()).result(5)
        self._loop.stop()


@pytest.fixture
def network() -> FakeNetwork:
    """Give a network without plugs."""
    return FakeNetwork()


@pytest.fixture
def pool(network: FakeNetwork) -> Iterator[PlugPool]:
    """Give a pool in that network, with a long deadline."""
    made = make_pool(network)
    yield made
    made.close()


@pytest.fixture
def home(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimHome]:
    """Give a simulated home, and settings that lead there."""
    monkeypatch.setattr(PlugFinder, "search_s", 1)
    simulated = SimHome()
    settings.TAPO_USERNAME, settings.TAPO_PASSWORD = USERNAME, PASSWORD
    settings.TAPO_DISCOVERY_TARGET = f"{simulated.block}.255"
    settings.ENERGY_PLUG_TIMEOUT_SECONDS = 5
    simulated.start()
    yield simulated
    simulated.stop()
