"""What the tests of the watch share."""

from __future__ import annotations

import pytest

from nasctl.tests.watching.watched_home import Home


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(monkeypatch)
