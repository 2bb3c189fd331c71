"""A predecessor's home, and a present that stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import time_machine

from energy.tests.importing.helpers import NOW
from energy.tests.legacy_helpers import OldHome


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def old(tmp_path: Path) -> OldHome:
    return OldHome(tmp_path / "balupi.db")
