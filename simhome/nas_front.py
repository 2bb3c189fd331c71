"""The front server of the simulated NAS, and what it lets through to BaluHost."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from simhome.baluhost_answers import Asked, BaluHost
from simhome.clock import Clock
from simhome.nas_machine import NasMachine
from simhome.nas_stages import Face

_PATHS_COUNTED = 200
_WAITING_FACES = frozenset({Face.HANG, Face.SILENT})

# nginx in front of BaluHost serves the single page and /health itself and passes on /api/
# (BaluHost's deploy templates); its own errors are small HTML pages.
_PAGE = (
    "<!doctype html><html lang=en><head><title>{name}: BaluHost</title></head>"
    "<body><h1>BaluHost</h1><p>This is the NAS {name}.</p></body></html>"
)
_BAD_GATEWAY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"
)


class FrontServer:
    """nginx before BaluHost; what the network sees of the machine decides what it answers.

    Attributes:
        requests: how often each path was asked for.
    """

    def __init__(
        self,
        machine: NasMachine,
        baluhost: BaluHost,
        clock: Clock,
        hostname: str,
        after_request: Callable[[], None],
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._machine, self._baluhost, self._clock = machine, baluhost, clock
        self._hostname = hostname
        self._after_request = after_request
        self._face_changed = asyncio.Event()

    def wake_waiting(self) -> None:
        """Have the requests that wait look again."""
        self._face_changed.set()
        self._face_changed = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, as far as the machine lets anything through."""
        self._count(request.path)
        await self._until_alive()
        while self._machine.logins_hang and request.path.startswith("/api/auth/"):
            await self._face_changed.wait()
            await self._until_alive()
        to_baluhost = request.path.startswith("/api/")
        if to_baluhost and self._machine.slow_seconds:
            await asyncio.sleep(self._machine.slow_seconds)
            await self._until_alive()
        if self._machine.face is Face.HTML_200 or not to_baluhost:
            return self._front_page(request.path)
        if self._machine.face is not Face.HEALTHY:
            return _html(_BAD_GATEWAY_PAGE, HTTPStatus.BAD_GATEWAY)
        return await self._ask_baluhost(request)

    async def _until_alive(self) -> None:
        """Wait while nothing is answered; who gives up is cancelled."""
        while self._now_face() in _WAITING_FACES:
            await self._face_changed.wait()

    def _now_face(self) -> Face:
        self._machine.tick(self._clock.now())
        return self._machine.face

    async def _ask_baluhost(self, request: web.BaseRequest) -> web.Response:
        asked = Asked(
            method=request.method,
            path=request.path,
            client=request.remote or "",
            authorization=request.headers.get("Authorization", ""),
            body=await request.read(),
            now=self._clock.now(),
        )
        answer = self._baluhost.answer(asked)
        self._after_request()
        return web.Response(
            body=json.dumps(answer.content, separators=(",", ":")).encode(),
            status=answer.status,
            content_type="application/json",
            headers={"Server": "nginx", **answer.headers},
        )

    def _front_page(self, path: str) -> web.Response:
        if path == "/health" and self._machine.face is not Face.HTML_200:
            return web.Response(text="healthy\n", headers={"Server": "nginx"})
        return _html(_PAGE.format(name=self._hostname), HTTPStatus.OK)

    def _count(self, path: str) -> None:
        known = path in self.requests or len(self.requests) < _PATHS_COUNTED
        self.requests[path if known else "other"] += 1


def _html(page: str, status: HTTPStatus) -> web.Response:
    return web.Response(
        text=page, status=status, content_type="text/html", headers={"Server": "nginx"}
    )
