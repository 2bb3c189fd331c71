"""A TCP address that can be open, refuse, or stay silent like a host without power."""

import asyncio
import logging
import socket
from collections.abc import Callable
from enum import StrEnum

logger = logging.getLogger(__name__)

_BACKLOG = 128
_PAUSE_SECONDS = 1.0


class Mode(StrEnum):
    """What a client meets that connects."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"


class SwitchedListener:
    """Accepts connections for a protocol factory; can be switched within a moment, both ways.

    Silent is done by the kernel: a listening socket with backlog 0 whose one place is taken by a
    connection of our own, so that it drops every further SYN and a connect times out. The socket
    stays the same for open and silent, so no client meets a refusal in between.
    """

    def __init__(
        self, *, host: str, port: int, protocol_factory: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._address = (host, port)
        self._protocol_factory = protocol_factory
        self._socket: socket.socket | None = None
        self._filler: socket.socket | None = None
        self._filler_address: tuple[str, int] | None = None
        self._accepting: set[asyncio.Task[object]] = set()
        self.mode = Mode.REFUSED
        self.accepted = 0

    def switch(self, mode: Mode) -> None:
        """Take a mode; the one it has already is no change.

        Raises:
            OSError: the address cannot be bound.
        """
        if mode is self.mode:
            return
        if mode is Mode.REFUSED:
            self._close_socket()
        elif mode is Mode.SILENT:
            self._silence()
        else:
            self._open()
        self.mode = mode

    def close(self) -> None:
        """Stop listening; connections that were accepted are left alone."""
        self._close_socket()
        self.mode = Mode.REFUSED
        for task in self._accepting:
            task.cancel()

    def _bound(self) -> socket.socket:
        if self._socket is None:
            host, port = self._address
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.setblocking(False)
                listening.bind(self._address)
            except OSError as error:
                listening.close()
                raise OSError(error.errno, f"TCP {host}:{port}: {error.strerror}") from error
            self._socket = listening
        return self._socket

    def _open(self) -> None:
        listening = self._bound()
        listening.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(listening, self._accept_all)
        self._drop_filler()

    def _silence(self) -> None:
        listening = self._bound()
        asyncio.get_running_loop().remove_reader(listening)
        listening.listen(0)
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.setblocking(False)
        filler.connect_ex(self._address)
        self._filler = filler
        self._filler_address = filler.getsockname()

    def _drop_filler(self) -> None:
        if self._filler is not None:
            self._filler.close()
            self._filler = None

    def _close_socket(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._drop_filler()

    def _accept_all(self) -> None:
        while self._socket is not None:
            try:
                connection, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._pause(self._socket, error)
                return
            if address == self._filler_address:
                connection.close()
                continue
            connection.setblocking(False)
            self.accepted += 1
            task = asyncio.get_running_loop().create_task(self._serve(connection))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """Look away for a while: a socket that cannot be accepted from would spin the loop."""
        logger.warning("no connection accepted for %s s: %s", _PAUSE_SECONDS, error)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)

        def look_again() -> None:
            if self._socket is listening and self.mode is Mode.OPEN:
                loop.add_reader(listening, self._accept_all)

        loop.call_later(_PAUSE_SECONDS, look_again)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._protocol_factory, connection)
        except OSError as error:
            logger.debug("a connection was gone before it was served: %s", error)
            connection.close()
