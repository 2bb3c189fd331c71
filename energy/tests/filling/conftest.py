"""What the tests of filling missing hours share."""

from __future__ import annotations

from typing import Any

import pytest

from energy.services import filling
from energy.tests.filling.helpers import FakePool


@pytest.fixture(autouse=True)
def _flush_interval(settings: Any) -> None:
    """Let samples wait for five minutes, so that hours are filled from ten minutes after their end."""
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = 300


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> FakePool:
    fake = FakePool()
    monkeypatch.setattr(filling, "shared_pool", lambda: fake)
    return fake
