"""A part of the simulated home at work in a thread of its own, while a test asks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

_WITHIN_S = 10


class Sim(Protocol):
    """What can be started and stopped."""

    def start(self) -> Coroutine[Any, Any, None]: ...
    def stop(self) -> Coroutine[Any, Any, None]: ...


@contextmanager
def running_in_thread(sim: Sim, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Run a part of the home on this loop, in a thread; both have ended afterwards."""
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(sim.start(), loop).result(_WITHIN_S)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(sim.stop(), loop).result(_WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_WITHIN_S)
        loop.close()
