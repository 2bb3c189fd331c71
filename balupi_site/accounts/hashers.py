"""How passwords are hashed: Argon2id, sized for a Pi."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from functools import cache

from django.contrib.auth.hashers import Argon2PasswordHasher

from balupi_site.accounts.refusals import BusyError

#: Two at once: as much memory as the Pi can spare for guesses that somebody sends in numbers.
_PLACES = threading.BoundedSemaphore(2)
_PLACE_WITHIN_S = 1.0
#: mallopt(3): blocks above the threshold go back to the system as soon as they are freed.
_M_MMAP_THRESHOLD, _THRESHOLD_BYTES = -3, 1024 * 1024


class PiArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane (OWASP's recommendation for little memory).

    Django's own figures take 100 MiB per login: eight at once are more than the Pi has.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash."""
        _give_memory_back()
        with _place():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Tell whether it is the password."""
        _give_memory_back()
        with _place():
            return super().verify(password, encoded)


@contextlib.contextmanager
def _place() -> Iterator[None]:
    """Wait for a place, but not for long: the threads are needed for other things too."""
    if not _PLACES.acquire(timeout=_PLACE_WITHIN_S):
        raise BusyError
    try:
        yield
    finally:
        _PLACES.release()


@cache
def _give_memory_back() -> None:
    """Have glibc free large blocks at once; by itself it keeps 19 MiB for each thread that hashed.

    Measured with eight threads: the web process stays at 255 MiB without this, at 99 MiB with it.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library has other habits
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
