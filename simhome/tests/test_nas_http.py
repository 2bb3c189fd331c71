"""The NAS on the network: what its web port does in every state."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from simhome.clock import ManualClock
from simhome.nas import SimNas
from simhome.nas_stages import NasState
from simhome.tests.nas_play import START, Client, connects, play, until

pytestmark = pytest.mark.enable_socket


async def answered(asking: asyncio.Task[Any]) -> bool:
    """Tell whether an answer comes; where none should, this looks long enough to see a quick one."""
    done, _waiting = await asyncio.wait({asking}, timeout=0.05)
    return bool(done)


class TestReachability:
    @pytest.mark.parametrize(
        ("action", "meets"),
        [
            pytest.param("crash", "silent"),
            pytest.param("suspend", "silent"),
            pytest.param("freeze", "silent"),
            pytest.param("power_cut", "silent"),
            pytest.param("refuse", "refused"),
            pytest.param("hang", "open"),
            pytest.param("backend_dead", "open"),
            pytest.param("html_200", "open"),
            pytest.param("slow", "open"),
            pytest.param("soft_sleep", "open"),
        ],
    )
    def test_a_connect_meets_what_the_state_says_at_once(
        self, block: str, action: str, meets: str
    ) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            assert connects(nas) == "open"
            nas.act(action)
            assert connects(nas) == meets

        play(block, scenario)

    @pytest.mark.parametrize("fault", ["freeze", "hang", "refuse", "backend_dead", "html_200"])
    def test_recovery_is_served_at_once(self, block: str, fault: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act(fault)
            connects(nas)
            nas.act("recover")
            started = time.monotonic()
            assert (await client.get("/api/health"))[0] == 200
            assert time.monotonic() - started < 0.2

        play(block, scenario)

    def test_a_request_under_way_is_lost_in_a_crash(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("slow", {"seconds": 0.01})
            asking = asyncio.create_task(client.login("admin", "Admin-1"))
            await until(lambda: nas.requests["/api/auth/login"])
            nas.act("crash")
            assert not await answered(asking)
            nas.act("power_on")
            with pytest.raises(aiohttp.ClientError):
                await asking

        play(block, scenario)

    def test_who_hangs_is_answered_after_recovery(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("hang")
            asking = asyncio.create_task(client.get("/api/health"))
            await until(lambda: nas.requests["/api/health"])
            assert not await answered(asking)
            nas.act("unhang")
            assert (await asking)[0] == 200

        play(block, scenario)

    def test_who_gives_up_leaves_nothing_behind(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("hang")
            before = len(asyncio.all_tasks())
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.get("/api/health"), 0.05)
            await until(lambda: len(asyncio.all_tasks()) <= before)

        play(block, scenario)

    def test_a_slow_nas_takes_its_time(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("slow", {"seconds": 0.15})
            started = time.monotonic()
            assert (await client.get("/api/health"))[0] == 200
            assert time.monotonic() - started >= 0.15

        play(block, scenario)

    def test_connections_are_counted_apart_from_requests(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            connects(nas)
            connects(nas)
            await client.get("/api/health")  # on a third one, which is kept
            nas.act("freeze")
            nas.act("recover")
            await client.get("/api/health")
            told = nas.describe()
            assert told["connections"] == 3
            assert told["requests"] == {"/api/health": 2}
            assert told["requests_last_minute"] == 2

        play(block, scenario)


class TestFrontServer:
    @pytest.mark.parametrize("path", ["/", "/login", "/system", "/assets/index.js"])
    def test_it_serves_the_page_itself(self, block: str, path: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("soft_sleep")
            status, kind, page = await client.get(path)
            assert (status, kind) == (200, "text/html")
            assert "This is the NAS balunas" in page
            assert nas.machine.state is NasState.SOFT_SLEEP
            assert nas.machine.requests_last_minute(START) == 0

        play(block, scenario)

    @pytest.mark.parametrize("action", ["backend_dead", "restart_service"])
    def test_it_answers_502_for_a_backend_that_is_not_there(self, block: str, action: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act(action)
            status, kind, page = await client.get("/api/system/info")
            assert (status, kind) == (502, "text/html")
            assert "502 Bad Gateway" in page
            assert (await client.get("/"))[0] == 200

        play(block, scenario)

    def test_something_else_answers_200_html_to_everything(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("html_200")
            for path in ("/", "/api/health", "/api/system/info", "/health"):
                assert (await client.get(path))[:2] == (200, "text/html")

        play(block, scenario)
