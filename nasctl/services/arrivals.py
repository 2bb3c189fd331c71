"""Who wants to know that the NAS has come up, by whatever witness."""

from __future__ import annotations

from collections.abc import Callable

#: Called in the watcher's process, in a thread of its own; must not raise.
Listener = Callable[[], object]

_listeners: list[Listener] = []


def register_arrival(listener: Listener) -> None:
    """Have ``listener`` called whenever BaluHost begins to answer; a second call does nothing."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell_arrival() -> None:
    """Call all listeners."""
    for listener in _listeners:
        listener()
