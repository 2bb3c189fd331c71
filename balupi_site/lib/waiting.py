"""Places for requests that wait for something outside: two of the web's threads at most."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_noop

from balupi_site.lib.errors import TransientError

#: More would let hanging logins or plugs hold up a call of the NAS (ADR 13).
_PLACES = threading.BoundedSemaphore(2)


@contextmanager
def waiting_for_outside() -> Iterator[None]:
    """Take one of the two places; TransientError where both are taken."""
    if not _PLACES.acquire(blocking=False):
        raise TransientError(
            gettext_noop(
                "Two other requests are waiting for an answer already; try again in a moment."
            )
        )
    try:
        yield
    finally:
        _PLACES.release()
