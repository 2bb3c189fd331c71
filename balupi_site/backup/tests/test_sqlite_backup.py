"""A backup is whole and of one moment, or there is none."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from balupi_site.backup import child, making, sqlite, sqlite_work
from balupi_site.backup.problems import BackupError, BackupStoppedError
from balupi_site.backup.tests.conftest import ROWS, content, make_database

NOW = datetime(2026, 11, 26, 2, 15, tzinfo=UTC)
NAME = "balupi-2026-11-26T021500Z-"


def files_in(where: Path) -> list[str]:
    return sorted(file.name for file in where.iterdir())


def unpacked(packed: Path, raw: Path) -> Path:
    sqlite_work.unpack(packed, raw, most_bytes=10**9)
    return raw


def test_a_backup_has_all_that_the_database_has(database: Path, tmp_path: Path) -> None:
    made = making.make_backup(NOW)
    assert content(unpacked(made.path, tmp_path / "raw")) == content(database)
    assert (made.tables, made.rows, made.restored_into) == (4, 2 * ROWS + 3, "memory")
    assert made.path.name.startswith(NAME)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert files_in(made.path.parent) == [made.path.name]
    assert made.bytes < made.raw_bytes / 4


def test_it_is_of_one_moment_and_nobody_waits_for_it(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_work, "_STEP_PAGES", 10)
    raw, over = tmp_path / "raw", threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as writer:
            while not over.is_set():
                writer.execute("BEGIN IMMEDIATE")  # "database is locked" at once if it had to wait
                writer.execute("INSERT INTO one (text) VALUES ('new')")
                writer.execute("INSERT INTO two (text) VALUES ('new')")
                writer.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        counts = sqlite_work.copy(database, raw)
    finally:
        over.set()
        thread.join()
    assert counts["one"] == counts["two"]
    assert sqlite_work.check(raw, counts) == counts
    with closing(sqlite3.connect(database)) as file:
        assert sqlite_work.counts_of(file)["one"] > counts["one"], "the writer did write meanwhile"


def test_a_large_one_is_checked_without_filling_the_memory(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_work, "MEMORY_BYTES", 1000)
    known = sqlite_work.save(database, tmp_path / "raw", tmp_path / "packed")
    assert known["restored_into"] == "a file"
    assert content(unpacked(tmp_path / "packed", tmp_path / "again")) == content(database)


def test_a_copy_without_all_rows_is_found_out(database: Path, tmp_path: Path) -> None:
    counts = sqlite_work.copy(database, tmp_path / "raw")
    with pytest.raises(sqlite_work.DamagedError, match="does not have the rows"):
        sqlite_work.check(tmp_path / "raw", {**counts, "one": ROWS + 1})


def test_a_disk_that_gives_back_something_else_is_found_out(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_work, "_unpacked", lambda _packed: iter([b"something else"]))
    with pytest.raises(sqlite_work.DamagedError, match="not what was written"):
        sqlite_work.save(database, tmp_path / "raw", tmp_path / "packed")


def test_no_backup_is_made_of_a_damaged_database(database: Path) -> None:
    older = making.make_backup(NOW.replace(hour=1)).path
    with closing(sqlite3.connect(database)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:  # pages in the middle of the table
        file.seek(40 * 4096)
        file.write(b"\xff" * 4096 * 3)
    with pytest.raises(sqlite.DamagedDatabaseError, match="restore latest"):
        making.make_backup(NOW)
    assert files_in(older.parent) == [older.name]


def test_a_full_disk_leaves_nothing_behind_and_keeps_the_old(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = making.make_backup(NOW.replace(hour=1))
    most_bytes = older.raw_bytes // 2

    def limited(command: list[Any]) -> child.Said:
        return child.run(["prlimit", f"--fsize={most_bytes}", *command])

    monkeypatch.setattr(sqlite, "run", limited)
    with pytest.raises(BackupError, match=r"could not be written: .*MB free"):
        making.make_backup(NOW)
    assert files_in(older.path.parent) == [older.path.name]


def test_too_little_room_is_told_before_anything_is_written(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10_000_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(BackupError, match=r"10 MB are free.*BALUPI_BACKUP_DIR"):
        making.make_backup(NOW)


def test_what_a_cut_off_backup_left_is_removed_and_nothing_else(
    database: Path, settings: Any
) -> None:
    settings.BACKUP_DIR.mkdir()
    for name in (".balupi-backup-abc.part", "notes.txt", "balupi.sqlite3"):
        (settings.BACKUP_DIR / name).write_text("something")
    made = making.make_backup(NOW)
    assert files_in(settings.BACKUP_DIR) == [made.path.name, "balupi.sqlite3", "notes.txt"]


def test_a_worker_that_ends_does_not_wait_for_a_backup(
    database: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "ending", threading.Event())
    child.stop_backup()
    with pytest.raises(BackupStoppedError):
        making.make_backup(NOW)
    assert files_in(settings.BACKUP_DIR) == []


def test_a_program_that_hangs_is_ended_with_all_it_has_started() -> None:
    script = "import subprocess,sys; p=subprocess.Popen(['sleep','60']); p.wait()"
    began_s = time.monotonic()
    with pytest.raises(BackupError, match="did not end within"):
        child.run([sys.executable, "-I", "-c", script], deadline_s=0.3)
    assert time.monotonic() - began_s < 10


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(BackupError, match=r"no-such-program is not installed.*some-package"):
        child.run(["no-such-program"], package="some-package")


#: Kills itself after so many steps of 10 pages, as a power cut would.
_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import sqlite_work
left = int(sys.argv[4])
def step(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
sqlite_work.put_back(Path(sys.argv[2]), Path(sys.argv[3]), step_pages=10, progress=step)
"""


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(database: Path, tmp_path: Path) -> None:
    """Each step: the transaction's log is written, committed, and brought home."""
    new = make_database(tmp_path / "new", text="new", rows=ROWS // 2)
    raw = tmp_path / "raw"
    sqlite_work.copy(new, raw)
    before, after = content(database), content(new)
    seen = []
    pages = raw.stat().st_size // 4096
    last = -(-pages // 10)  # with this step it is committed
    for steps in (1, 2, last // 2, last - 1, last, last + 1):
        place = str(Path(sqlite_work.__file__).parent)
        command = [sys.executable, "-I", "-c", _KILLED, place, str(raw), str(database), str(steps)]
        code = subprocess.run(command, check=False).returncode  # noqa: S603  # our own words
        assert code in {0, -signal.SIGKILL}
        found = content(database)
        assert found in (before, after)
        seen.append((code, found == after))
    assert (-signal.SIGKILL, False) in seen, "it was killed before the end"
    assert (-signal.SIGKILL, True) in seen, "it was killed after the commit"
    assert seen[-1] == (0, True)
