"""Backups as somebody at the Pi makes them and puts them back: by the real commands."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.household


def environment(data: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")},
        "BALUPI_ENV_FILE": os.devnull,
        "BALUPI_DATA_DIR": str(data),
        "LC_ALL": "C.UTF-8",
    }


def manage(data: Path, *words: str | Path) -> str:
    command = [sys.executable, ROOT / "manage.py", *words]
    done = subprocess.run(  # noqa: S603  # our own program
        command, env=environment(data), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def content(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "balupi.sqlite3")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(file.iterdump())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a log that has some MiB."""
    data = tmp_path_factory.mktemp("home")
    manage(data, "migrate", "--verbosity", "0")
    row = (
        "INSERT INTO events_event (at, kind, subject, is_trouble, who, via, address, facts) VALUES"
        " ('2026-11-26 12:00:00', 'nas.state', ?, 0, '', '', '', '{}')"
    )
    with closing(sqlite3.connect(data / "balupi.sqlite3")) as file:
        file.executemany(row, [(f"something {number}",) for number in range(60_000)])
        file.commit()
    return data


def test_last_nights_backup_makes_a_fresh_installation_the_same_home(
    home: Path, tmp_path: Path
) -> None:
    made = json.loads(manage(home, "backup", "--json"))
    assert made["restored_into"] == "memory"
    exact, fresh = tmp_path / "exact", tmp_path / "fresh"
    manage(exact, "restore", made["path"], "--yes", "--no-migrate")
    assert content(exact) == content(home)

    manage(fresh, "migrate", "events", "0004", "--verbosity", "0")
    manage(fresh, "backup", "--to", tmp_path / "older.backup")
    told = manage(fresh, "restore", made["path"], "--yes")
    assert "before-restore" in told
    assert "systemctl start balupi-web balupi-worker" in told
    told = manage(fresh, "restore", tmp_path / "older.backup", "--yes")
    manage(fresh, "migrate", "--check")  # an older release's backup has got the newer tables
    assert manage(fresh, "restore", "--list").count("before a restore") == 2


def halves(folder: Path) -> list[Path]:
    return list(folder.glob(".balupi-backup-*"))


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(home: Path) -> None:
    folder = home / "backups"
    for file in folder.glob("*"):
        file.unlink()
    command = [sys.executable, str(ROOT / "manage.py"), "backup"]
    for filled in (1, 2):  # while it is copied, while it is packed
        with subprocess.Popen(command, env=environment(home)) as process:  # noqa: S603  # as above
            deadline_s = time.monotonic() + 60
            while sum(file.stat().st_size > 0 for file in halves(folder)) < filled:
                assert process.poll() is None
                assert time.monotonic() < deadline_s
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        assert not list(folder.glob("balupi-*"))
        assert halves(folder)
    made = json.loads(manage(home, "backup", "--json"))
    assert [str(file) for file in folder.iterdir()] == [made["path"]]
