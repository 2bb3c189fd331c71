"""The small HTTP server of a plug, with the bad habits of a network at will.

Written on bare connections, because a thousand plugs share one process and none needs more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from simhome.listener import Mode, SwitchedListener

_MAX_HEAD_BYTES = 8192
_MAX_BODY_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.target).path

    def query(self, name: str) -> str:
        """Return the first value of a query parameter, "" if there is none."""
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0]

    def cookie(self, name: str) -> str:
        """Return a cookie's value, "" if there is none."""
        for pair in self.headers.get("cookie", "").split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the answer as sent.

        Server and type are those of a real plug (python-kasa, pull request 697).
        """
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", "Server: SHIP 2.0"]
        lines += ["Content-Type: text/html", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class PlugHttp:
    """The plug's HTTP server on one address, and the connections to it.

    It changes at once, without waiting, but only inside a running event loop.
    """

    def __init__(self, *, host: str, port: int, respond: Callable[[Request], Reply | None]) -> None:
        """Answer by ``respond``; where it returns None, the client waits for ever."""
        self.respond = respond
        self.delay_s = 0.0
        self.hangs_up = False  # as if an idle connection were closed just when it is used again
        self.connections: set[_Connection] = set()
        self._listener = SwitchedListener(
            host=host, port=port, protocol_factory=lambda: _Connection(self)
        )

    @property
    def mode(self) -> Mode:
        """What a client meets that connects."""
        return self._listener.mode

    def switch(self, mode: Mode) -> None:
        """Open, refuse or fall silent. A port that is closed has no connections either.

        Raises:
            OSError: if the address is taken.
        """
        self._listener.switch(mode)
        if mode is Mode.REFUSED:
            self.drop_connections()

    def close(self) -> None:
        """Stop for good."""
        self._listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """End all connections without a word."""
        for connection in list(self.connections):
            connection.abort()


class _Connection(asyncio.Protocol):
    """One client: takes requests one after the other and answers each."""

    def __init__(self, server: PlugHttp) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._busy = False
        self._answered: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        if self._server.mode is Mode.REFUSED:  # closed between the accepting and now
            transport.abort()
            return
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._serve()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        while not self._busy and self._transport is not None:
            try:
                request = _take_request(self._received)
            except ValueError:
                self._send(Reply(HTTPStatus.BAD_REQUEST), close=True)
                return
            if request is None:
                return
            if self._server.hangs_up and request.path in self._answered:
                self.abort()
                return
            self._answered.add(request.path)
            self._busy = True
            reply = self._server.respond(request)
            if reply is None:
                return
            close = request.headers.get("connection", "").lower() == "close"
            if self._server.delay_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._server.delay_s, self._finish, reply, close)
            else:
                self._send(reply, close=close)

    def _finish(self, reply: Reply, close: bool) -> None:
        self._send(reply, close=close)
        self._serve()

    def _send(self, reply: Reply, *, close: bool) -> None:
        self._busy = False
        if self._transport is None:
            return
        self._transport.write(reply.to_bytes())
        if close:
            self._transport.close()
            self._transport = None


def _take_request(received: bytearray) -> Request | None:
    """Take one whole request out of ``received``; None: it is not complete yet.

    Raises:
        ValueError: if this is no HTTP request, or one larger than a plug could want.
    """
    head_end = received.find(b"\r\n\r\n")
    if max(head_end, len(received) if head_end < 0 else 0) > _MAX_HEAD_BYTES:
        raise ValueError("The head is too long")
    if head_end < 0:
        return None
    first, *lines = received[:head_end].decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _MAX_BODY_BYTES:
        raise ValueError("The body is too long")
    body_start = head_end + 4
    if len(received) < body_start + length:
        return None
    body = bytes(received[body_start : body_start + length])
    del received[: body_start + length]
    return Request(method, target, headers, body)
