"""Which start of the machine this is."""

from __future__ import annotations

from pathlib import Path

import pytest

from balupi_site.lib.boot import boot_id


def test_a_start_that_was_known_once_does_not_become_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "boot_id"
    monkeypatch.setattr("balupi_site.lib.boot._BOOT_ID", file)
    assert boot_id() == ""
    file.write_text("5e9c\n")
    assert boot_id() == "5e9c"
    file.unlink()
    assert boot_id() == "5e9c"
