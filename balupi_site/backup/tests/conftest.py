"""A database of its own for each test: a real SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from balupi_site.backup import making, restoring, sqlite

#: About 150 pages for each of two tables.
ROWS = 6_000


def make_database(path: Path, text: str = "old", rows: int = ROWS) -> Path:
    """Make a database as ours are, with two tables that have the same rows."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app, name, applied)")
        file.execute("INSERT INTO django_migrations (app, name) VALUES ('energy', '0001_initial')")
        for table in ("one", "two"):
            file.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)")
            file.executemany(
                f"INSERT INTO {table} (text) VALUES (?)",  # noqa: S608  # ours
                [
                    (f"{text} {number} of some length, and then some more",)
                    for number in range(rows)
                ],
            )
        file.commit()
    return path


def content(path: Path) -> list[str]:
    """Return all of a database: tables, rows, sequences, indexes."""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(file.iterdump())


@pytest.fixture
def database(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Point backups at a real file, whatever database the other tests have."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_TO_INBOX = False
    settings.INBOX_DIR = tmp_path / "disk" / "inbox"
    path = make_database(settings.DATA_DIR / "balupi.sqlite3")
    monkeypatch.setattr(sqlite, "database_path", lambda: path)
    for module in (making, restoring):
        monkeypatch.setattr(module, "is_sqlite", lambda: True)
    return path
