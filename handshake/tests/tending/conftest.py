"""A quiet disk, and a NAS that is awake."""

from __future__ import annotations

import pytest

from handshake.services import looking
from handshake.tests.inbox_home import nas_is
from nasctl.state import NasState


@pytest.fixture(autouse=True)
def _quiet_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to the disk, whatever other programs do."""
    monkeypatch.setattr(looking, "disk_mark", lambda _folder: "as before")


@pytest.fixture
def awake() -> None:
    nas_is(NasState.ONLINE, probed=True)
