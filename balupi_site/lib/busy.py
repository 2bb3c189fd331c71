"""How long SQLite waits for whoever writes: 20 s by the settings, less for what may be left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def busy_for_at_most(seconds: float | None) -> Iterator[None]:
    """Let this thread's writes within fail where the database is still busy after so many seconds.

    Args:
        seconds: None: as the settings say. Other databases than SQLite have no such wait.
    """
    if seconds is None or connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    sqlite = connection.connection
    [before_ms] = sqlite.execute("PRAGMA busy_timeout").fetchone()
    sqlite.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    try:
        yield
    finally:
        sqlite.execute(f"PRAGMA busy_timeout = {int(before_ms)}")
