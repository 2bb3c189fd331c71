"""What the tests of the inbox on the disk share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from handshake import folder
from handshake.folder import Held, NotHeld, NotHeldError
from handshake.inbox import Entry

NOBODY = 65534


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Do what follows without the rights of root, who may do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def entry_of(box: Path, path: bytes) -> Entry:
    [found] = [one for one in folder.scan(box) if one.path == path]
    return found


def paths(box: Path) -> set[bytes]:
    return {one.path for one in folder.scan(box)}


def reason(box: Path, entry: Entry) -> NotHeld:
    """Return why a file cannot be held; whatever was opened for it must be closed again."""
    before = open_files()
    with pytest.raises(NotHeldError) as error:
        Held(box, entry)
    assert open_files() == before
    return error.value.reason


def open_files() -> set[str]:
    return {name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")}  # noqa: PTH110, PTH208
