"""Every call of the API that changes nothing, from the server's own description, and asking it."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

_ANSWER_S = 300.0
#: What has no effect on the Pi though it is no GET: on the NAS it would keep the NAS awake.
_SAFE_POSTS = {"/api/system/sleep/presence": '{"client_id": "benchmark"}'}
#: Parameters whose every value is another amount of work.
_TOLD_APART = ("period", "time_range")
#: What takes longest of what people ask for, beside one call for each value of these parameters.
_LARGE = (
    ("/api/energy/history", {"period": "month", "resolution": "hour"}),
    ("/api/energy/history", {"period": "day", "resolution": "raw"}),
    ("/api/energy/export.csv", {"period": "year", "resolution": "hour"}),
    ("/api/nas/timeline", {"limit": "200"}),
)
#: With one plug instead of the house.
_OF_ONE_PLUG = ("/api/energy/history", "/api/energy/costs")


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        name: how the tables call it; the same on every server, whatever its things' ids are.
        body: JSON, "" for none.
    """

    name: str
    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and after how many seconds to its last byte."""

    status: int
    seconds: float
    content: bytes


@dataclass
class Site:
    """A server, asked over one connection that is kept open; not for several threads."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    _connection: http.client.HTTPConnection | None = None

    def ask(self, call: Call) -> Answer:
        """Send a request; once more where the server has closed the kept connection."""
        try:
            return self._ask(call)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.close()
            return self._ask(call)

    def _ask(self, call: Call) -> Answer:
        if self._connection is None:
            address = urlsplit(self.url)
            self._connection = http.client.HTTPConnection(
                address.hostname or "", address.port, timeout=_ANSWER_S
            )
        start_s = time.perf_counter()
        headers = {**self.headers, "Content-Type": "application/json"}
        self._connection.request(call.method, call.path, call.body or None, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        return Answer(answer.status, time.perf_counter() - start_s, content)

    def json(self, path: str) -> Any:  # noqa: ANN401  # whatever the API says
        """Return what a path says.

        Raises:
            LookupError: it does not answer 200 with JSON.
        """
        answer = self.ask(Call(path, path))
        with contextlib.suppress(ValueError):
            if answer.status == http.client.OK:
                return json.loads(answer.content)
        raise LookupError(f"{self.url}{path} answers {answer.status}: {answer.content[:200]!r}")

    def close(self) -> None:
        """Give the connection up."""
        if self._connection:
            self._connection.close()
            self._connection = None


def api_calls(site: Site, match: str = "") -> list[Call]:
    """Return all calls that change nothing: as the server describes them, with what it has.

    Args:
        site: the server.
        match: what a call's name contains; "" for all of them.

    Raises:
        LookupError: it does not tell; the token may be missing.
    """
    described = site.json("/api/schema?format=json")["paths"]
    known = _known_ids(site)
    calls = [call for path, methods in described.items() for call in _of_path(path, methods, known)]
    calls += [
        call for path, query in _LARGE if path in described for call in _gets(path, query, known)
    ]
    return [call for call in calls if match in call.name]


def _of_path(path: str, methods: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Call]:
    if path in _SAFE_POSTS:
        yield Call(f"POST {path}", path, "POST", _SAFE_POSTS[path])
    if "get" not in methods:
        return
    queries = {it["name"]: it["schema"] for it in methods["get"].get("parameters", [])}
    values = [
        {name: value} for name in _TOLD_APART for value in queries.get(name, {}).get("enum", [])
    ]
    for query in values or [{}]:
        yield from _gets(path, query, known)


def _gets(path: str, query: Mapping[str, str], known: Mapping[str, str]) -> Iterator[Call]:
    """Return the call for the house and, where there is one, for a plug; none without its id."""
    filled = path
    for name, value in known.items():
        filled = filled.replace(f"{{{name}}}", value)
    if "{" in filled:
        return
    text = f"?{urlencode(query)}" if query else ""
    yield Call(path + text, filled + text)
    if path in _OF_ONE_PLUG and "device_id" in known:
        one = urlencode({**query, "device_id": known["device_id"]})
        yield Call(f"{path}{text}, one plug", f"{filled}?{one}")


def _known_ids(site: Site) -> dict[str, str]:
    """Return one of each kind of thing that has a path of its own, where there is one."""
    wakes = (it.get("wake") for it in site.json("/api/nas/timeline?kind=wake&limit=1")["items"])
    found = {
        "device_id": next((it["device_id"] for it in site.json("/api/tapo/devices")), None),
        "price_id": next((it["id"] for it in site.json("/api/energy/prices")), None),
        "wake_id": next((it["id"] for it in wakes if it), None),
    }
    return {name: str(value) for name, value in found.items() if value is not None}
