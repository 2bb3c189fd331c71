"""What strangers might send: requests that no page and no NAS makes, and what they may be answered."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from balupi_site.access import RULES
from balupi_site.tests.url_map import endpoints

KIB = 1024
#: All names that any endpoint reads from a query.
QUERY_NAMES = (
    "device_id", "period", "at", "from", "to", "resolution", "decimal", "limit", "before", "since",
    "kind", "trouble", "open", "time_range", "source", "disk_name", "next", "page", "offset", "format",
)  # fmt: skip
ODD_VALUES = (
    "9" * 400, "-" + "9" * 19, "9223372036854775808", "1e999", "NaN", "-1", "0", "1_0", "٣", "", "true",
    "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00", "2026-02-30", "\x00", "\ud800", "\r\nX-Evil: 1",
    "' OR 1=1 --", "../../etc/passwd", "=HYPERLINK(1)", "%", "x" * 5000,
)  # fmt: skip
#: In one of the answers of path tricks, these would be a file from outside.
FILE_WORDS = ("BALUPI_SECRET_KEY", "root:x:0", "DJANGO_SETTINGS_MODULE")
PATH_TRICKS = (
    "//etc/hostname", "//etc/passwd", "/../balupi.env", "/..%2fbalupi.env", "/%2e%2e/balupi.env",
    "/%2fetc/passwd", "/static/../../balupi.env", "/static/..%2f..%2fbalupi.env", "/static//etc/passwd",
    "/static/%2e%2e/%2e%2e/manage.py", "/..\\balupi.env", "/..%5cbalupi.env", "/static/%00/etc/passwd",
    "/.env", "/balupi.env", "/manage.py", "/static/", "/live/../admin/", "/live/%2e%2e", "/admin/%2e%2e/api",
    "/api/../api/health", "/api//health", "/api/health/../../static", "/assets/..%2f..%2fbalupi.env",
    "/" + "a/" * 4000, "/" + "%ff" * 50, "/%0d%0aX-Evil:%201", "/dashboard/%0aX-Evil:1", "/;/admin/",
    "/api/tapo/devices/" + "9" * 400, "/api/tapo/devices/%00", "/api/energy/prices/" + "9" * 400,
    "/api/nas/wakes/" + "9" * 400, "/api/energy/prices/-1", "/api/energy/prices/%f0%9f%98%80",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request and what it may be answered; ``may`` None: 4xx."""

    title: str
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    may: frozenset[int] | None = None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def has_reason(self) -> bool:
        """Tell whether a program is told why: a ``detail`` in JSON."""
        try:
            return isinstance(self.json["detail"], str)
        except (ValueError, KeyError, TypeError):
            return False


class Caller:
    """Asks the web process, each time over a new connection."""

    def __init__(self, place: str, headers: dict[str, str] | None = None) -> None:
        self.place, self._headers = place, headers or {}

    def ask(self, request: Request) -> Answer:
        """Send a request and read its answer."""
        connection = http.client.HTTPConnection(self.place, timeout=30)
        # http.client itself would refuse the paths that are the point here.
        connection._validate_path = lambda _path: None  # type: ignore[attr-defined]
        headers = {**self._headers, **request.headers}
        with contextlib.closing(connection):
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, text)

    def get(self, path: str) -> Answer:
        return self.ask(Request("", "GET", path))

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if data else {}
        return self.ask(Request("", "POST", path, data, {**kind, **headers}))


def raw(place: str, data: bytes, timeout_s: float = 10) -> bytes:
    """Send bytes as they are; return what comes back until the server hangs up or falls silent."""
    host, _, port = place.partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=timeout_s) as wire:
        # A server may hang up before it has read everything.
        with contextlib.suppress(OSError):
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while part := wire.recv(65536):
                answer += part
    return answer


def get_paths(device_id: str) -> list[str]:
    """Return a path of each URL that can be read and is no page of the admin site."""
    values = {
        "device_id": device_id,
        "wake_id": "0",
        "price_id": "1",
        "part": "nas",
        "path": "x",
        "_0": "/x",
    }
    found = [
        endpoint.path
        for endpoint in endpoints(values)
        if not endpoint.is_admin and "GET" in RULES.get(endpoint.name, {})
    ]
    assert len(found) > 30, found
    return sorted(set(found))


def queries(paths: list[str]) -> Iterator[Request]:
    """Yield every path with each odd value in all fields at once, and in each by itself."""
    for path in paths:
        if path == "/api/nas/wol":
            continue
        for value in ODD_VALUES:
            odd = quote(value, safe="", errors="surrogatepass")
            everything = "&".join(f"{name}={odd}" for name in QUERY_NAMES)[: 30 * KIB]
            yield Request(f"{path} all={value[:12]!r}", "GET", f"{path}?{everything}")
    takes_query = [path for path in paths if any(word in path for word in _WITH_QUERY)]
    for path in takes_query:
        for name in QUERY_NAMES:
            for value in ("9" * 400, "1e999", "-1", "\x00", "9999-12-31T23:59:59+14:00"):
                odd = quote(value, safe="")
                yield Request(f"{path} {name}={value[:12]!r}", "GET", f"{path}?{name}={odd}")


_WITH_QUERY = ("history", "costs", "export", "anomalies", "timeline", "nas/energy", "cpu")


def bodies() -> Iterator[Request]:
    """Yield bodies that make no sense, to every endpoint that takes one."""
    kind = {"Content-Type": "application/json"}
    deep, wide = b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 60_000
    sorts = {
        "deep JSON": deep,
        "deeper JSON": wide,
        "bad UTF-8": b'{"anyway": "\xff\xfe"}',
        "half a character": b'{"anyway": "\\ud800", "target": "\\ud800", "name": "\\ud800"}',
        "NUL": b'{"anyway": "\\u0000", "target": "\\u0000", "username": "\\u0000", "password": "\\u0000"}',
        "NaN": b'{"anyway": NaN, "target": NaN, "price_per_kwh": NaN}',
        "1e999": b'{"anyway": 1e999, "target": 1e999, "price_per_kwh": 1e999, "role": 1e999}',
        "a huge number": b'{"anyway": ' + b"9" * 4000 + b', "target": ' + b"9" * 4000 + b"}",
        "a list": b"[]",
        "null": b"null",
        "no JSON": b"anyway=true",
    }
    for path, method in _TAKES_BODY:
        for title, body in sorts.items():
            yield Request(f"{method} {path} {title}", method, path, body, kind)
        too_much = b" " * (65 * KIB)
        yield Request(f"{method} {path} 65 KiB", method, path, too_much, kind, frozenset({413}))
        for other in (
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
        ):
            yield Request(
                f"{method} {path} {other[:19]}", method, path, b"anyway=1", {"Content-Type": other}
            )


_TAKES_BODY = (
    ("/api/nas/wol", "POST"),
    ("/api/pihole/dns", "POST"),
    ("/api/auth/login", "POST"),
    ("/api/auth/verify-2fa", "POST"),
    ("/api/energy/prices", "POST"),
    ("/api/energy/prices/999999", "PUT"),
    ("/api/tapo/devices/{device}", "PUT"),
)


def malformed(place: str) -> dict[str, bytes]:
    """Return requests that are no good HTTP, or two at once to somebody in front."""
    host = f"Host: {place}\r\n".encode()
    get = b"GET /api/health HTTP/1.1\r\n"
    post = b"POST /api/nas/wol HTTP/1.1\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    return {
        "no host": get + b"\r\n",
        "two hosts": get + host + b"Host: evil.example\r\n\r\n",
        "two lengths": post + host + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "a negative length": post + host + b"Content-Length: -1\r\n\r\n",
        "a length of letters": post + host + b"Content-Length: two\r\n\r\n{}",
        "length and chunks": post + host + b"Content-Length: 4\r\n" + chunked + b"\r\n0\r\n\r\n",
        "an unknown coding": post + host + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "bad chunks": post + host + chunked + b"\r\nZZ\r\n",
        "large chunks": post + host + b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
        + b"11000\r\n" + b" " * 0x11000 + b"\r\n0\r\n\r\n",
        "a body of 3 MiB": post + host + b"Content-Length: 3145728\r\n\r\n" + b"x" * 1024,
        "a folded header": get + host + b"X-A: b\r\n c\r\n\r\n",
        "a header of 40 KiB": get + host + b"X-A: " + b"a" * (40 * KIB) + b"\r\n\r\n",
        "a line of 40 KiB": b"GET /" + b"a" * (40 * KIB) + b" HTTP/1.1\r\n" + host + b"\r\n",
        "a header with LF": get + host + b"X-A: b\nX-C: d\r\n\r\n",
        "a header with NUL": get + host + b"X-A: \x00\r\n\r\n",
        "a space before the colon": get + host + b"X-A : b\r\n\r\n",
        "an absolute path": b"GET http://evil.example/api/health HTTP/1.1\r\n" + host + b"\r\n",
        "an odd method": b"BREW /api/health HTTP/1.1\r\n" + host + b"\r\n",
        "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + host + b"\r\n",
        "TRACE": b"TRACE /api/health HTTP/1.1\r\n" + host + b"Cookie: x=1\r\n\r\n",
        "HTTP/0.9": b"GET /api/health\r\n\r\n",
        "HTTP/9": b"GET /api/health HTTP/9.9\r\n" + host + b"\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
        "nothing": b"\r\n\r\n",
    }  # fmt: skip
