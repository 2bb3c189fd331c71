"""The simulated NAS's life: what it tells the Pi, and where it lives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from simhome.clock import Clock, ManualClock
from simhome.nas import SimNas
from simhome.nas_stages import Face, NasState, NasTimings
from simhome.tests.nas_play import PORT, Client, Scenario, connects, make_nas, play, until

pytestmark = pytest.mark.enable_socket

QUICK = NasTimings(
    boot_port_seconds=0.05,
    boot_seconds=0.1,
    shutdown_answering_seconds=0.05,
    shutdown_port_seconds=0.1,
    shutdown_seconds=0.15,
    resume_seconds=0.05,
    restart_seconds=0.05,
)


class Pi:
    """What the NAS calls: notes the calls and what the NAS answered at that moment."""

    def __init__(self, block: str) -> None:
        self._host = f"{block}.2"
        self.nas: SimNas | None = None
        self.calls: list[tuple[str, Face, bool]] = []

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        assert self.nas is not None
        has_body = bool(await request.read())
        name = request.path.removeprefix("/api/handshake/nas-")
        self.calls.append((name, self.nas.machine.face, has_body))
        return web.json_response({"acknowledged": True})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = web.Server(self._handle, access_log=None)
        listener = await asyncio.get_running_loop().create_server(server, self._host, PORT)
        try:
            yield
        finally:
            listener.close()
            await server.shutdown(0.1)


def play_with_pi(block: str, scenario: Scenario, pi: Pi, **options: Any) -> None:
    """Play on the real clock with short times and somebody who takes the calls."""

    async def with_pi(nas: SimNas, client: Client, clock: ManualClock) -> None:
        pi.nas = nas
        async with pi.listening():
            await scenario(nas, client, clock)

    play(block, with_pi, clock=Clock(), timings=QUICK, **options)


class TestLife:
    def test_woken_by_a_packet_it_boots_calls_and_serves(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            assert connects(nas) == "silent"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                packet = b"\xff" * 6 + bytes.fromhex("020000000053") * 16
                udp.sendto(packet, (nas.host, PORT))
                udp.sendto(packet, (nas.host, PORT))
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert (await client.get("/api/health"))[0] == 200
            assert pi.calls == [("coming-online", Face.FRONT_502, False)]
            told = nas.describe()
            assert told["magic_packets"] == {"heard": {nas.host: 2}, "ignored": 0, "woke": 1}
            (sent,) = nas.calls
            assert (sent.call, sent.status, sent.acknowledged) == ("nas-coming-online", 200, True)

        play_with_pi(block, scenario, pi, state=NasState.OFF)

    def test_it_shuts_down_in_order(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("shutdown")
            await until(lambda: nas.machine.state is NasState.OFF)
            assert pi.calls == [("going-offline", Face.HEALTHY, True)]
            assert connects(nas) == "silent"
            assert nas.power_w(Clock().now()) == 1.2

        play_with_pi(block, scenario, pi)

    def test_a_service_restart_makes_the_pair_of_calls(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("restart_service")
            assert (await client.get("/api/health"))[0] == 502
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert [name for name, _, _ in pi.calls] == ["going-offline", "coming-online"]
            assert {face for _, face, _ in pi.calls} == {Face.FRONT_502}

        play_with_pi(block, scenario, pi)

    def test_suspend_and_resume_make_no_calls(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("suspend")
            nas.act("resume")
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert (await client.get("/api/health"))[0] == 200
            assert pi.calls == []

        play_with_pi(block, scenario, pi)

    def test_a_crash_in_the_middle_of_a_call_ends_the_call(self, block: str) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("shutdown")
            nas.act("crash")
            for _turn in range(20):
                await asyncio.sleep(0)  # what was about to call has had its chance
            assert list(nas.calls) == []
            assert nas.machine.state is NasState.CRASHED

        play_with_pi(block, scenario, Pi(block))

    def test_without_a_pi_it_boots_all_the_same(self, block: str) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("power_on")
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert nas.calls[0].error is not None

        play(block, scenario, clock=Clock(), timings=QUICK, state=NasState.OFF)


def test_an_address_that_is_taken_is_named(block: str) -> None:
    async def scenario() -> None:
        nas = make_nas(block, Clock())
        with socket.create_server((nas.host, nas.port)):
            with pytest.raises(OSError, match=rf"TCP {nas.host}:{nas.port}: Address already"):
                await nas.start()
            await nas.stop()

    asyncio.run(scenario())
