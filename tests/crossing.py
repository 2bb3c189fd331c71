"""The way from the NAS's name to a machine, as a device of the household goes it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from tests.conftest import Trial, free_port, leads_to

NAME = "baluhost.local"


class Crossing:
    """Stands at one address for the name: each new connection goes where the name leads just then.

    Attributes:
        site: for the address bar.
        remembered: the address that the device goes to whatever the name server says; "": it asks.
    """

    def __init__(self, where: Callable[[], str], port: int) -> None:
        self._where, self._target_port = where, port
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.remembered = ""
        self.site = f"http://{NAME}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(browser,), daemon=True).start()

    def _join(self, browser: socket.socket) -> None:
        address = self.remembered or self._where()
        with browser, contextlib.suppress(OSError):
            with socket.create_connection((address, self._target_port), 5) as server:
                back = threading.Thread(target=_copy, args=(server, browser), daemon=True)
                back.start()
                _copy(browser, server)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def crossing_of(trial: Trial) -> Iterator[Crossing]:
    """Open the way of one device."""
    crossing = Crossing(lambda: leads_to(trial), trial_port(trial))
    try:
        yield crossing
    finally:
        crossing.close()


def trial_port(trial: Trial) -> int:
    """Return the port at which the Pi and the NAS of a trial serve their pages."""
    return int(trial.facts["url"].rpartition(":")[2])
