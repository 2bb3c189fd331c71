"""A simulated NAS that is played, and a client that asks it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

from simhome.clock import Clock, ManualClock
from simhome.nas import SimNas
from simhome.nas_users import NasUser

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

PORT = 8126

SECRET = "a household's secret, long enough"

USERS = (
    NasUser(id=1, username="admin", password="Admin-1", role="admin"),
    NasUser(id=2, username="family", password="Family-1"),
    NasUser(id=3, username="careful", password="Careful-1", totp_code="123456"),
)


def make_nas(block: str, clock: Clock, **options: Any) -> SimNas:
    return SimNas(
        host=f"{block}.53",
        port=PORT,
        mac="02:00:00:00:00:53",
        wol_hosts=(f"{block}.53",),
        wol_port=PORT,
        pi_url=f"http://{block}.2:{PORT}",
        handshake_secret=SECRET,
        users=USERS,
        secret_key="another secret",
        clock=clock,
        **options,
    )


class Client:
    """Asks the NAS; ``get`` and ``post`` return status, type and decoded answer."""

    def __init__(self, nas: SimNas, session: aiohttp.ClientSession) -> None:
        self._url = f"http://{nas.host}:{nas.port}"
        self._session = session

    async def get(self, path: str, token: str = "") -> tuple[int, str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._session.get(self._url + path, headers=headers) as answer:
            return answer.status, answer.content_type, _decoded(await answer.text())

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        async with self._session.post(self._url + path, data=json.dumps(body)) as answer:
            return answer.status, _decoded(await answer.text())

    async def login(self, username: str, password: str) -> tuple[int, Any]:
        return await self.post("/api/auth/login", {"username": username, "password": password})


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


Scenario = Callable[[SimNas, Client, ManualClock], Awaitable[None]]


def play(block: str, scenario: Scenario, *, clock: Clock | None = None, **options: Any) -> None:
    """Start a NAS on a clock that is moved by hand, run the scenario, stop it."""

    async def run() -> None:
        manual = ManualClock(START)
        nas = make_nas(block, clock or manual, **options)
        async with asyncio.timeout(20), running(nas), aiohttp.ClientSession() as session:
            await scenario(nas, Client(nas, session), manual)

    asyncio.run(run())


@asynccontextmanager
async def running(nas: SimNas) -> AsyncIterator[None]:
    await nas.start()
    try:
        yield
    finally:
        await nas.stop()


def connects(nas: SimNas, seconds: float = 0.2) -> str:
    """Tell what a TCP connect meets: open, refused or silent."""
    try:
        socket.create_connection((nas.host, nas.port), timeout=seconds).close()
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    return "open"


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; the deadline is that of ``play``."""
    while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0.005)
