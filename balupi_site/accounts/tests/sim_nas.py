"""The simulated NAS in a thread of its own, driven by plain calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from balupi_site.tests.sim_thread import running_in_thread
from simhome.clock import Clock
from simhome.nas import SimNas
from simhome.nas_users import NasUser

PORT = 8127
ADMIN, FAMILY, CAREFUL = ("admin", "Admin-1"), ("family", "Fämily-1 "), ("careful", "Careful-1")
CODE = "123456"
USERS = (
    NasUser(id=11, username=ADMIN[0], password=ADMIN[1], role="admin"),
    NasUser(id=12, username=FAMILY[0], password=FAMILY[1]),
    NasUser(id=13, username=CAREFUL[0], password=CAREFUL[1], totp_code=CODE),
)


class Nas:
    """One simulated NAS; every call waits until it has taken effect."""

    def __init__(self) -> None:
        chosen = random.SystemRandom()
        self.ip = f"127.{chosen.randrange(1, 255)}.{chosen.randrange(256)}.53"
        self._loop = asyncio.new_event_loop()
        self._sim = SimNas(
            host=self.ip,
            port=PORT,
            mac="02:00:00:00:00:53",
            wol_hosts=(self.ip,),
            wol_port=PORT,
            pi_url=f"http://{self.ip}:1",
            handshake_secret="a household's secret, long enough",
            users=USERS,
            secret_key="another secret",
            clock=Clock(),
        )

    def asked(self, what: str) -> int:
        """Return how often it was asked for ``/api/auth/<what>``."""
        return self._sim.requests[f"/api/auth/{what}"]

    def act(self, action: str, **options: object) -> None:
        async def do() -> None:
            self._sim.act(action, options)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def forget_attempts(self) -> None:
        """Begin anew to count logins, as a restart of BaluHost does."""
        self._sim._baluhost.forget()

    @contextmanager
    def running(self) -> Iterator[Nas]:
        with running_in_thread(self._sim, self._loop):
            yield self


def body_of(pair: tuple[str, str]) -> dict[str, Any]:
    """Return the body of a login."""
    return {"username": pair[0], "password": pair[1]}
