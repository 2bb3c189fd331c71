"""The HTTP port of the simulated Pi-hole, and what happens to connections when it changes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from simhome.listener import Mode, SwitchedListener

# Kept connections are closed after it (Pi-hole notes, section 4; measurement keepalive_idle).
_KEEPALIVE_SECONDS = 5.0
_LAST_WORDS_SECONDS = 0.05

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HttpPort:
    """One listening address whose mode can change at any time."""

    def __init__(self, host: str, port: int, serve: Serve) -> None:
        """Prepare; nothing is bound before ``set_mode``."""
        self.host = host
        self.port = port
        self._serve = serve
        self._http: web.Server | None = None
        self._listener = SwitchedListener(host=host, port=port, protocol_factory=self._connected)

    async def set_mode(self, mode: Mode) -> None:
        """Become ``mode``; leaving OPEN resets all connections. The present mode does nothing.

        Raises:
            OSError: the address cannot be bound.
        """
        if self._http is None:
            self._http = web.Server(
                self._serve, keepalive_timeout=_KEEPALIVE_SECONDS, access_log=None
            )
        if mode is self._listener.mode:
            return
        self._listener.switch(mode)
        for connection in self._http.connections:
            reset(connection.transport)
        await self._http.shutdown(_LAST_WORDS_SECONDS)

    def _connected(self) -> asyncio.BaseProtocol:
        if self._http is None:
            raise RuntimeError("The port was never opened")
        return self._http()


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Break a connection off as the death of its process does: RST instead of a farewell."""
    if not isinstance(transport, asyncio.Transport):
        return
    link = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
