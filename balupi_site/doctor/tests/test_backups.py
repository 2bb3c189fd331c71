"""What the doctor says of the backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from balupi_site.backup import sqlite, status
from balupi_site.backup.nightly import INBOX_FOLDER
from balupi_site.doctor import backups as doctor
from balupi_site.doctor.known import Known

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 26, 2, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAME = "balupi-2026-11-26T021000Z-0.9.0.sqlite3.xz"


@pytest.fixture
def backup(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A backup of a real home, beside its database."""
    settings.IS_PROD, settings.BACKUP_TO_INBOX = True, False
    settings.INBOX_DIR = tmp_path / "disk" / "inbox"
    monkeypatch.setattr(doctor, "is_sqlite", lambda: True)
    monkeypatch.setattr(sqlite, "database_path", lambda: tmp_path / "balupi.sqlite3")
    file = tmp_path / NAME
    file.touch()
    status.note(newest=NAME, folder=str(tmp_path), bytes=1_300_000)
    return file


def test_a_new_home_has_some_hours_for_its_first_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balupi_site.lib.boot.uptime_s", DAY.total_seconds)
    now = datetime.now(UTC)
    assert doctor.newest(Known(now)).level == "skipped"
    assert doctor.newest(Known(now + DAY)).level == "warn"
    assert doctor.place(Known(now)).level == "skipped"


def test_a_night_may_be_missed_and_no_more(backup: Path) -> None:
    assert doctor.newest(Known(NIGHT + HOUR)).level == "ok"
    assert "1.3 MB" in doctor.newest(Known(NIGHT + HOUR)).found
    assert doctor.newest(Known(NIGHT + 2 * DAY)).level == "ok"
    assert doctor.newest(Known(NIGHT + 3 * DAY)).level == "fail"


def test_a_failure_is_as_bad_as_the_last_backup_is_old(backup: Path) -> None:
    status.note(why="There is no room. Make some.")
    told = doctor.newest(Known(NIGHT + DAY))
    assert (told.level, told.found, told.cure) == ("warn", "There is no room.", "Make some.")
    assert doctor.newest(Known(NIGHT + 3 * DAY)).level == "fail"


def test_a_backup_on_the_databases_own_card_is_told(
    backup: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned = doctor.place(Known(NIGHT))
    assert (warned.level, str(settings.INBOX_DIR.parent) in warned.cure) == ("warn", True)
    monkeypatch.setattr(sqlite, "database_path", lambda: Path("/proc/nothing"))
    assert doctor.place(Known(NIGHT)).level == "ok"
    backup.unlink()
    assert doctor.place(Known(NIGHT)).level == "fail"


def test_a_copy_that_has_left_for_the_nas_is_enough(backup: Path, settings: Any) -> None:
    settings.BACKUP_TO_INBOX = True
    status.note(handed_over=NAME)
    waiting = settings.INBOX_DIR / INBOX_FOLDER / NAME
    waiting.parent.mkdir(parents=True)
    waiting.touch()
    assert doctor.place(Known(NIGHT)).level == "warn"
    waiting.unlink()
    assert doctor.place(Known(NIGHT)).level == "ok"
