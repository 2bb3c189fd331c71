"""A backup is put back whatever the database looks like, and nothing else is."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from balupi_site.backup import making, sqlite_work
from balupi_site.backup.problems import BackupError
from balupi_site.backup.restoring import LATEST, chosen, newer_migrations, restore
from balupi_site.backup.tests.conftest import content, make_database

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def backup(database: Path) -> Path:
    """A backup of the database, which has changed since."""
    made = making.make_backup(NOW.replace(hour=3))
    with closing(sqlite3.connect(database)) as file:
        file.execute("CREATE TABLE of_a_newer_release (id INTEGER PRIMARY KEY)")
        file.execute("DELETE FROM one WHERE id > 100")
        file.commit()
    return made.path


def wanted(backup: Path, tmp_path: Path) -> list[str]:
    sqlite_work.unpack(backup, tmp_path / "wanted", most_bytes=10**9)
    return content(tmp_path / "wanted")


def test_the_database_is_as_it_was_and_what_was_there_is_kept(
    backup: Path, database: Path, tmp_path: Path
) -> None:
    before = content(database)
    (database.parent / ".balupi-backup-abc.part").touch()  # of a restore that was cut off
    restored = restore(backup, NOW)
    assert not list(database.parent.glob(".balupi-backup-*"))
    assert content(database) == wanted(backup, tmp_path)
    assert restored.safety_copy is not None
    assert "before-restore" in restored.safety_copy.name
    restore(restored.safety_copy, NOW, keeps_present=False)
    assert content(database) == before


def _damage(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"\xff" * 8192)


def _damage_within(database: Path) -> None:
    with closing(sqlite3.connect(database)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek(database.stat().st_size // 4096 * 3 // 4 * 4096)
        file.write(b"\xff" * 8192)


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        pytest.param(Path.unlink, None, id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), None, id="empty"),
        pytest.param(_damage, ".damaged.tar.gz", id="its beginning is damaged"),
        pytest.param(_damage_within, ".damaged.tar.gz", id="a page is damaged"),
    ],
)
def test_it_works_when_it_is_needed(
    backup: Path,
    database: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    kept: str | None,
) -> None:
    spoil(database)
    restored = restore(backup, NOW)
    assert content(database) == wanted(backup, tmp_path)
    assert (restored.safety_copy is None) == (kept is None)
    assert kept is None or str(restored.safety_copy).endswith(kept)
    assert not list(database.parent.glob(".balupi-backup-*"))


def _cut(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-1000])


def _flip(backup: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 0xFF
    backup.write_bytes(bytes(data))


def _encrypt(backup: Path) -> None:
    backup.write_bytes(bytes(byte ^ 0x5A for byte in backup.read_bytes()))


def _foreign(backup: Path) -> None:
    backup.unlink()
    with closing(sqlite3.connect(backup)) as file:
        file.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY)")
        file.commit()


def _newer(backup: Path) -> None:
    backup.unlink()
    with closing(sqlite3.connect(make_database(backup))) as file:
        row = "INSERT INTO django_migrations (app, name) VALUES ('energy', '9999_of_tomorrow')"
        file.execute(row)
        file.commit()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(_cut, "is damaged: ", id="cut off"),
        pytest.param(_flip, "is damaged: ", id="damaged"),
        pytest.param(_encrypt, "must be decrypted", id="encrypted"),
        pytest.param(lambda path: path.write_bytes(b""), "no backup", id="empty"),
        pytest.param(_foreign, "not one of BaluPi's", id="a foreign database"),
        pytest.param(_newer, r"newer release than .*energy\.9999_of_tomorrow", id="newer"),
    ],
)
def test_what_is_no_whole_backup_of_ours_changes_nothing(
    backup: Path, database: Path, settings: Any, spoil: Callable[[Path], object], why: str
) -> None:
    spoil(backup)
    before = content(database)
    with pytest.raises(BackupError, match=why):
        restore(backup, NOW)
    assert content(database) == before
    assert [file.name for file in settings.BACKUP_DIR.iterdir()] == [backup.name]
    assert not list(database.parent.glob(".balupi-backup-*"))


def test_a_plain_copy_of_the_database_is_taken_too(database: Path, tmp_path: Path) -> None:
    plain = tmp_path / "copy.sqlite3"
    sqlite_work.copy(make_database(tmp_path / "other", text="other", rows=10), plain)
    shutil.copyfile(plain, tmp_path / "untouched")
    restore(plain, NOW)
    assert content(database) == content(tmp_path / "untouched")
    assert plain.read_bytes() == (tmp_path / "untouched").read_bytes()


def test_nothing_is_put_back_under_a_process_that_uses_the_database(
    backup: Path, database: Path
) -> None:
    hold = (
        "import sqlite3, sys\n"
        "file = sqlite3.connect(sys.argv[1])\n"
        "file.execute('SELECT count(*) FROM one').fetchone()\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-I", "-c", hold, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:  # noqa: S603
        assert user.stdout is not None
        assert user.stdout.readline() == b"open\n"
        with pytest.raises(BackupError, match=rf"Process {user.pid} \(.*systemctl stop"):
            restore(backup, NOW)
        user.communicate(b"")
    restore(backup, NOW)


def test_the_latest_is_the_newest_that_is_not_from_the_future(
    database: Path, settings: Any
) -> None:
    newest = making.make_backup(NOW).path
    for name in (
        "balupi-2026-11-25T030000Z-0.1.0.sqlite3.xz",
        "balupi-2031-11-25T030000Z-0.1.0.sqlite3.xz",
        "balupi-2026-11-26T113000Z-0.1.0-before-restore.sqlite3.xz",
    ):
        (settings.BACKUP_DIR / name).touch()
    assert chosen(LATEST, NOW) == newest
    assert chosen(newest.name, NOW) == newest
    with pytest.raises(BackupError, match="--list"):
        chosen("of yesterday", NOW)


def test_migrations_of_apps_that_are_not_ours_say_nothing() -> None:
    ours = {("energy", "0001_initial")}
    assert newer_migrations({("energy", "0001_initial"), ("photos", "0009_x")}, ours) == []
    assert newer_migrations({("energy", "0002_y")}, ours) == ["energy.0002_y"]
