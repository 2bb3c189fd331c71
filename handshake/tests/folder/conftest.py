"""An inbox on the disk, and the signals that holding its files needs."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from handshake import folder
from handshake.inbox import Entry
from handshake.tests.folder.helpers import entry_of


@pytest.fixture(autouse=True)
def _ignore_sigio() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    folder.ignore_lease_signals()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    found = tmp_path / "disk" / "inbox"
    found.mkdir(parents=True)
    return found


@pytest.fixture
def open_box() -> Iterator[Path]:
    """An inbox that every user may look into: ``tmp_path`` belongs to the one who runs the tests."""
    with tempfile.TemporaryDirectory(prefix="balupi-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for found in Path(name).rglob("*"):
            with suppress(OSError):
                found.chmod(0o755)


@pytest.fixture
def path(box: Path) -> Path:
    found = box / "a.txt"
    found.write_bytes(b"content")
    return found


@pytest.fixture
def entry(box: Path, path: Path) -> Entry:
    return entry_of(box, b"a.txt")
