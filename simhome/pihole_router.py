"""Which handler answers a request, and what FTL adds to each answer."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from simhome.pihole_auth import Auth, session_cookie
from simhome.pihole_http import ApiError, ApiRequest, Body, Reply
from simhome.pihole_sessions import Seats, Session

Handler = Callable[[ApiRequest, Session | None], Awaitable[Reply]]

# Every recorded answer except those to OPTIONS carries it.
_NO_CACHE = "no-cache, no-store, must-revalidate, private, max-age=0"
_JSON = "application/json; charset=utf-8"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WRONG_API = "The API is hosted at pi.hole/api, not pi.hole/admin/api"


@dataclass(frozen=True)
class Route:
    """An endpoint; ``public`` ones look at no session, ``parameters`` is for /api/endpoints."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    parameters: str = ""

    def covers(self, path: str) -> bool:
        """Return whether ``path`` is this route's; further elements do not matter to FTL."""
        return path == self.path or path.startswith(self.path + "/")


class Router:
    """Finds the route, asks for a session, and adds ``took``, cookie and fixed headers."""

    def __init__(self, auth: Auth, seats: Seats) -> None:
        """Start without routes; ``add`` brings them."""
        self._auth = auth
        self._seats = seats
        self._routes: list[Route] = []

    def add(self, routes: Sequence[Route]) -> None:
        """Add endpoints; the longest path wins."""
        self._routes = sorted(
            [*self._routes, *routes], key=lambda route: len(route.path), reverse=True
        )

    async def answer(self, request: ApiRequest) -> Reply:
        """Return the complete answer, its headers included."""
        started = time.perf_counter()
        try:
            reply = await self._dispatch(request)
        except ApiError as error:
            reply = error.reply
        if reply.body is not None:
            reply = replace(reply, body=reply.body | {"took": time.perf_counter() - started})
        return _with_headers(request, reply)

    async def list_endpoints(self, _: ApiRequest, __: Session | None) -> Reply:
        """GET /api/endpoints: what this daemon answers, fewer than a real one."""
        listed: Body = {
            method.lower(): [
                {"uri": route.path, "parameters": route.parameters}
                for route in self._routes
                if route.method == method
            ]
            for method in _METHODS
        }
        return Reply(body={"endpoints": listed})

    async def _dispatch(self, request: ApiRequest) -> Reply:
        if request.path.startswith("/admin/api"):  # failure_shapes, steps 4-5
            raise ApiError(400, "bad_request", "Bad request", _WRONG_API)
        if request.method == "OPTIONS":
            return self._options(request)
        matching = (r for r in self._routes if r.method == request.method)
        route = next((r for r in matching if r.covers(request.path)), None)
        if route is None:  # never 405 (failure_shapes, steps 0-3, 6-7, 10, 23-24)
            raise ApiError(404, "not_found", "Not found", request.path)
        if route.public:
            return await route.handler(request, None)
        return await self._as_somebody(route, request)

    async def _as_somebody(self, route: Route, request: ApiRequest) -> Reply:
        session = self._auth.require(request)
        try:
            reply = await route.handler(request, session)
        except ApiError as error:
            reply = error.reply
        if session is None:
            return reply
        return replace(reply, cookie=session_cookie(session, self._seats.timeout_seconds))

    def _options(self, request: ApiRequest) -> Reply:
        """Return the methods of a path, and hang up (failure_shapes, steps 8-9)."""
        best = next((r.path for r in self._routes if r.covers(request.path)), None)
        known = {route.method for route in self._routes if route.path == best}
        allowed = ", ".join(method for method in _METHODS if method in known)
        return Reply(204, headers={"Allow": allowed}, closes=True)


def _with_headers(request: ApiRequest, reply: Reply) -> Reply:
    headers = dict(reply.headers)
    if request.method != "OPTIONS":
        headers["Cache-Control"] = _NO_CACHE
    if reply.cookie is not None:
        headers["Set-Cookie"] = reply.cookie
    if reply.body is not None:
        headers["Content-Type"] = _JSON
    return replace(reply, headers=headers)
