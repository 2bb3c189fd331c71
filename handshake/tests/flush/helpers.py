"""What the tests of moving the inbox share."""

from __future__ import annotations

import time

import pytest


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the monotonic clock be so much later."""
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + seconds)
