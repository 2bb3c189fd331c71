"""Locks between our processes that a killed holder does not keep."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

_POLL_S = 0.02


@contextmanager
def file_lock(name: str, *, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock ``name`` in the data directory; yields False where it was not free in time.

    The kernel drops it when its holder dies. It holds between threads too, as every call opens
    the file anew (flock belongs to the open file).

    Args:
        name: file name without suffix.
        wait_s: how long to wait for it; 0 tries once.
    """
    deadline_s = time.monotonic() + wait_s
    # "a": truncating would write the file's times to the card each time, even where it is empty.
    with (settings.DATA_DIR / f"{name}.lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline_s:
                    yield False
                    return
                time.sleep(_POLL_S)
            else:
                yield True
                return
