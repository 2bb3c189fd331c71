"""Places for requests that hold a thread of the web's for long: so many at most, and no queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.utils.translation import gettext_noop

from balupi_site.lib.errors import TransientError

#: More would let hanging logins or plugs hold up a call of the NAS (ADR 13).
_PLACES = threading.BoundedSemaphore(2)


def waiting_for_outside() -> AbstractContextManager[None]:
    """Take one of the two places; TransientError where both are taken."""
    return one_of(
        _PLACES,
        gettext_noop(
            "Two other requests are waiting for an answer already; try again in a moment."
        ),
    )


@contextmanager
def one_of(places: threading.Semaphore, refusal: str) -> Iterator[None]:
    """Take one of the places; TransientError, which says ``refusal``, where all are taken."""
    if not places.acquire(blocking=False):
        raise TransientError(refusal)
    try:
        yield
    finally:
        places.release()
