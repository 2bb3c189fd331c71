"""What the commands of the inbox need in tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handshake.folder import marker_of
from handshake.services import flushing


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give back to pytest the signals that a command takes."""
    numbers = (signal.SIGIO, signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    flushing._ending.clear()


@pytest.fixture(autouse=True)
def _places(settings: Any, tmp_path: Path) -> None:
    settings.NAS_SSH_KEY = tmp_path / "pi" / "ssh" / "id_balupi"
    settings.NAS_SSH_KNOWN_HOSTS = tmp_path / "pi" / "ssh" / "known_hosts"
    settings.NAS_SSH_USER, settings.NAS_SSH_PORT = "balu", 9
    settings.NAS_INBOX_PATH = "/data/inbox"


@pytest.fixture
def box(settings: Any) -> Path:
    found: Path = settings.INBOX_DIR
    found.mkdir(parents=True)
    marker_of(found).touch()
    return found
