"""The nightly backup comes about by itself, and what hinders it is told once."""

from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from balupi_site.backup import making, nightly, status, tasks
from balupi_site.backup.making import alone
from balupi_site.backup.nightly import INBOX_FOLDER, tend_backups
from balupi_site.backup.problems import BackupError, BackupStoppedError
from balupi_site.events.models import Event
from handshake.folder import marker_of
from handshake.inbox import is_junk

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 26, 2, 10, tzinfo=UTC)  # 3:10 in Berlin
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def tend(now: datetime) -> None:
    tend_backups(now, uptime_s=86400.0)


def made(settings: Any) -> list[str]:
    return sorted(file.name[:18] for file in settings.BACKUP_DIR.glob("balupi-*"))


def events() -> list[tuple[str, float | None]]:
    return list(Event.objects.order_by("pk").values_list("kind", "duration_s"))


def no_room(*_arguments: Any, **_options: Any) -> Any:
    raise BackupError("There is no room. Make some.")


def test_there_is_one_a_night_and_the_old_go(database: Path, settings: Any) -> None:
    for look in range(48):  # each half hour until the next night
        tend(NIGHT + look * HOUR / 2)
    assert made(settings) == ["balupi-2026-11-26T"]
    for name in ("2026-11-25T020000Z", "2026-11-25T010000Z", "2025-01-01T010000Z"):
        (settings.BACKUP_DIR / f"balupi-{name}-0.1.0.sqlite3.xz").touch()
    (settings.BACKUP_DIR / "mine.txt").touch()
    tend(NIGHT + DAY)
    assert made(settings) == [
        *("balupi-2025-01-01T", "balupi-2026-11-25T"),
        *("balupi-2026-11-26T", "balupi-2026-11-27T"),
    ]
    assert (settings.BACKUP_DIR / "mine.txt").exists()
    assert events() == []


def test_a_lost_note_is_found_again_in_the_folder(database: Path, settings: Any) -> None:
    tend(NIGHT)
    before = status.load()
    (settings.DATA_DIR / "backup.json").write_text('{"newest": 5')
    tend(NIGHT + HOUR)
    assert status.load() == before
    assert len(made(settings)) == 1


def test_a_failure_is_told_once_and_so_is_its_end(
    database: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(nightly, "make_backup", no_room)
        tend(NIGHT)
        assert status.load().why == "There is no room. Make some."
        for look in range(1, 12):
            tend(NIGHT + look * HOUR / 2)
    assert events() == [("backup.failed", None)]
    tend(NIGHT + 6 * HOUR)
    assert events() == [("backup.failed", None), ("backup.recovered", 6 * 3600.0)]
    assert status.load().why == ""


def test_a_backup_by_hand_ends_a_failure_soon(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(nightly, "make_backup", no_room)
        tend(NIGHT)
    making.make_backup(NIGHT + HOUR)
    tend(NIGHT + HOUR)
    assert [kind for kind, _lasted in events()] == ["backup.failed", "backup.recovered"]


def test_a_full_disk_that_takes_no_note_either_is_told_in_the_log(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nightly, "make_backup", no_room)
    monkeypatch.setattr(Path, "write_text", full)
    tend(NIGHT)
    assert "no backup: There is no room" in caplog.text
    assert "was not written down: [Errno 28]" in caplog.text


def test_what_breaks_is_told_too(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_now: datetime) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(nightly, "make_backup", break_down)
    with pytest.raises(ZeroDivisionError):
        tend(NIGHT)
    assert events() == [("backup.failed", None)]


def test_one_that_is_under_way_or_stopped_is_no_failure(
    database: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone():
        tend(NIGHT)
    assert not settings.BACKUP_DIR.exists()

    def stopped(_now: datetime) -> None:
        raise BackupStoppedError("it ends")

    monkeypatch.setattr(nightly, "make_backup", stopped)
    tend(NIGHT)
    assert (events(), status.load().why) == ([], "")


def test_a_clock_that_may_be_wrong_makes_none(
    database: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: False)
    tasks.tend_backups()
    assert not settings.BACKUP_DIR.exists()


def test_nothing_is_written_where_the_data_disk_should_be(database: Path, settings: Any) -> None:
    settings.BACKUP_DIR = settings.INBOX_DIR.parent / "backups"
    tend(NIGHT)
    assert not settings.BACKUP_DIR.exists()
    assert "is not mounted" in status.load().why


def test_the_nas_gets_the_newest_one_only(database: Path, settings: Any) -> None:
    settings.BACKUP_TO_INBOX = True
    tend(NIGHT)
    assert events() == [("backup.failed", None)], "the inbox's disk is not mounted"
    settings.INBOX_DIR.mkdir(parents=True)
    marker_of(settings.INBOX_DIR).touch()
    tend(NIGHT + 4 * HOUR)
    waiting = settings.INBOX_DIR / INBOX_FOLDER
    (first,) = waiting.iterdir()
    assert first.read_bytes() == (settings.BACKUP_DIR / first.name).read_bytes()
    assert first.stat().st_mode & 0o777 == 0o600
    (waiting / "of somebody else.txt").touch()
    tend(NIGHT + DAY)
    assert not first.exists()
    (second,) = waiting.glob("balupi-*")
    second.unlink()  # it went to the NAS
    tend(NIGHT + DAY + HOUR)
    assert not list(waiting.glob("balupi-*"))
    assert (waiting / "of somebody else.txt").exists()


def test_a_half_copy_is_never_moved_to_the_nas() -> None:
    assert is_junk(f"{INBOX_FOLDER}/.balupi-backup-abc.part".encode())
