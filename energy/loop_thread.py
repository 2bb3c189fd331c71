"""An asyncio loop in a daemon thread, for code that lives in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_STOP_S = 1.0


class LoopThread:
    """Started by the first ``submit``; connections of one loop live on between calls.

    A loop per call would not do: a python-kasa object dies with its loop (Tapo notes, section 1.5).
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run ``coroutine`` in the loop; callable from any thread."""
        with self._lock:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name=self._name, daemon=True)
                thread.start()
                self._running = loop, thread
            return asyncio.run_coroutine_threadsafe(coroutine, self._running[0])

    def stop(self) -> None:
        """Cancel what runs and end the thread; a second call does nothing."""
        with self._lock:
            if self._running is None:
                return
            (loop, thread), self._running = self._running, None
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(2 * _STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STOP_S)
        if not thread.is_alive():
            loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_STOP_S)
