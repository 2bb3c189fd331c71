"""What the tests of rsync share: a NAS that nobody asks, and an rsync that says what it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake.rsync import Nas
from handshake.tests.rsync.fake_program import SECRET_KEY, FakeProgram, on_path


@pytest.fixture
def nas(tmp_path: Path) -> Nas:
    folder = tmp_path / "ssh"
    folder.mkdir()
    (folder / "id").write_text(SECRET_KEY)
    (folder / "known_hosts").touch()
    return Nas(
        host="127.66.0.53",
        port=2222,
        user="balu",
        key=folder / "id",
        known_hosts=folder / "known_hosts",
    )


@pytest.fixture
def fake_rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    return on_path(tmp_path, "rsync", monkeypatch)
