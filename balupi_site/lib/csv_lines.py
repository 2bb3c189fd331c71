"""CSV that is sent as it is made, and that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext_noop

from balupi_site.lib.waiting import one_of

#: A spreadsheet would run what begins like this.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
#: Characters that are sent at once: each piece costs the web server far more than a line costs us.
_BLOCK = 32 * 1024
#: Files that are sent at once: each holds a thread of the web's, for as long as its client is slow.
_PLACES = threading.BoundedSemaphore(2)


def csv_blocks(rows: Iterable[Iterable[object]], *, separator: str = ",") -> Iterator[str]:
    """Yield the lines of CSV of some hundred rows at a time, as they come."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator)
    for row in rows:
        writer.writerow(row)
        if buffer.tell() >= _BLOCK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def in_a_place(blocks: Iterator[str]) -> Iterator[str]:
    """Return the blocks of a file that is sent in one of the places, which is free again at its end.

    Raises:
        TransientError: all places are taken.
    """
    held = _held(blocks)
    next(held)  # what has not begun could not be closed, and the place would be lost
    return held


def _held(blocks: Iterator[str]) -> Iterator[str]:
    text = gettext_noop(
        "Two files of the history are being sent already; try again when they have arrived."
    )
    with one_of(_PLACES, text):
        yield ""
        yield from blocks


def no_formula(text: str) -> str:
    """Return a text that a spreadsheet takes for one: with an apostrophe where it would calculate."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
