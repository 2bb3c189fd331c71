"""A web server that plays recorded exchanges, strictly in order, and notes every deviation."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

Exchange = dict[str, Any]

_FOLDER = Path(__file__).parent / "recordings"


def recorded(name: str, *steps: int, sid: str | None = None) -> list[Exchange]:
    """Return steps of a recording; ``sid`` replaces the session that the request carries."""
    exchanges = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    chosen = [deepcopy(exchanges[step]) for step in steps]
    if sid is not None:
        for exchange in chosen:
            exchange["request"]["headers"]["X-FTL-SID"] = sid
    return chosen


def made_up(
    method: str, path: str, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Exchange:
    """Return an exchange that no Pi-hole 6 was ever seen to have."""
    response = {"status": status, "headers": headers or {}, "raw_body": body}
    return {"request": {"method": method, "path": path, "headers": {}}, "response": response}


class Replay(ThreadingHTTPServer):
    """The server; ``deviations`` has a line for each request that was not the next one."""

    daemon_threads = True

    def __init__(self, exchanges: list[Exchange]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.left = deque(exchanges)
        self.deviations: list[str] = []
        self.seen_headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def replaying(*exchanges: Exchange) -> Iterator[Replay]:
    """Run a replay; fails at the end where anything was asked differently or not at all."""
    with Replay(list(exchanges)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    left = [f"{one['request']['method']} {one['request']['path']}" for one in server.left]
    assert server.deviations == []
    assert left == [], "recorded, but never asked"


class _Handler(BaseHTTPRequestHandler):
    server: Replay
    protocol_version = "HTTP/1.1"
    _own: ClassVar = {"content-length", "connection"}

    def _play(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        sent = {
            "method": self.command,
            "path": self.path,
            "sid": self.headers.get("X-FTL-SID"),
            "json": json.loads(body) if body else None,
        }
        self.server.seen_headers.append(dict(self.headers))
        exchange = self.server.left.popleft() if self.server.left else None
        request = exchange["request"] if exchange else {}
        expected = {
            "method": request.get("method"),
            "path": request.get("path"),
            "sid": request.get("headers", {}).get("X-FTL-SID"),
            "json": request.get("json"),
        }
        if exchange is None or sent != expected:
            self.server.deviations.append(f"asked {sent}, recorded {expected}")
            self._answer(599, {}, b"")
            return
        response = exchange["response"]
        raw = response.get("raw_body")
        if raw is None:
            raw = b"" if response["json"] is None else json.dumps(response["json"]).encode()
        self._answer(response["status"], response["headers"], raw)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _play  # noqa: N815  # http.server's names

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in self._own:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
