"""Watching the NAS: one watcher in the household.

It stays in its task for as long as the worker runs, so that neither
beat's jitter nor a Redis that is away delays a look; beat only starts a new one if it has ended.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from balupi_site.lib.locks import file_lock
from nasctl.services.looks import Look
from nasctl.services.watcher import Watcher

_LOCK = "watch"
#: How often ``is_over`` is asked; without one there is nothing to ask.
_TICK_S = 0.5

_stopping = threading.Event()
_guard = threading.Lock()
#: The inbox of this process's watcher, to wake it up; None while there is none.
_inbox: queue.SimpleQueue[Look | None] | None = None


def watch(
    *,
    names_changed: Callable[[], object],
    has_arrived: Callable[[], object] = lambda: None,
    is_over: Callable[[], bool] | None = None,
    asks_plug: bool = True,
) -> bool:
    """Watch the NAS until the process ends; where somebody does already, have them look now.

    Args:
        names_changed: called when the names should lead elsewhere; the edge has it done.
        has_arrived: called when BaluHost begins to answer.
        is_over: ends the watch, asked twice a second; None: only ``stop_watching`` does.
        asks_plug: ask the NAS's plug itself when it matters; for the process that owns the plugs.

    Returns:
        False where another watcher holds the lock.
    """
    with file_lock(_LOCK) as is_ours:
        if not is_ours:
            look_now()
            return False
        watcher = Watcher(names_changed=names_changed, has_arrived=has_arrived, asks_plug=asks_plug)
        _set_inbox(watcher.inbox)
        try:
            while not _stopping.is_set() and not (is_over and is_over()):
                watcher.step(longest_s=_TICK_S if is_over else None)
        finally:
            _set_inbox(None)
            watcher.close()
        return True


def look_now() -> None:
    """Have this process's watcher read the state again at once; without one this does nothing."""
    with _guard:
        if _inbox is not None:
            _inbox.put(None)


def stop_watching() -> None:
    """End the watch of this process, now and for good; safe in a signal handler."""
    _stopping.set()
    # No lock: the handler may have interrupted its holder.
    inbox = _inbox
    if inbox is not None:
        inbox.put(None)


def _set_inbox(inbox: queue.SimpleQueue[Look | None] | None) -> None:
    global _inbox  # noqa: PLW0603  # one watcher per process, guarded by the lock
    with _guard:
        _inbox = inbox
