"""Service: takes all that is in SQLite to PostgreSQL, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from balupi_site.backup import sqlite
from balupi_site.backup.making import alone, is_sqlite
from balupi_site.backup.move.comparing import Totals, compare_rows, compare_totals
from balupi_site.backup.move.copying import TableCopy
from balupi_site.backup.move.databases import (
    SOURCE,
    TARGET,
    both,
    make_tables,
    require_empty,
    require_present,
)
from balupi_site.backup.move.progress import Progress
from balupi_site.backup.move.tables import moved_models, table_of
from balupi_site.backup.problems import MoveError
from balupi_site.backup.restoring import require_unused
from balupi_site.lib.errors import in_a_line

_WAIT_S = 5.0


@dataclass
class Moved:
    """What was moved.

    Attributes:
        totals: of each table its rows and the sums, smallest and largest of its numbers, as both have them.
        changed: the places of texts that PostgreSQL could not keep as they were.
    """

    totals: dict[str, Totals] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def move(url: str, progress: Progress) -> Moved:
    """Copy all of SQLite into an empty PostgreSQL, and compare, in one transaction; SQLite is only read.

    Args:
        url: the address of PostgreSQL.
        progress: whom to tell how far it is.

    Raises:
        BackupError: nothing was moved, and PostgreSQL is as empty as before.
    """
    if not is_sqlite():
        raise MoveError(
            "BaluPi uses PostgreSQL already. To take along what is in SQLite, take BALUPI_DATABASE_URL (or "
            "..._FILE) out of the settings first."
        )
    path = sqlite.database_path()
    connections.close_all()
    with alone(wait_s=_WAIT_S):
        require_unused()
        with both(path, url) as (source, target):
            require_present(source)
            require_empty(target)
            try:
                moved = _move(source, target, progress)
            except DatabaseError as error:  # the server was stopped, its disk is full
                raise MoveError(
                    f"The database has ended the move ({in_a_line(error)}). Its log may tell more; then "
                    "begin again."
                ) from error
            with target.cursor() as cursor:
                cursor.execute("ANALYZE")  # so that the first questions are answered fast
    return moved


def _move(source: BaseDatabaseWrapper, target: BaseDatabaseWrapper, progress: Progress) -> Moved:
    moved = Moved()
    seen = _changes_of_others(source)
    with transaction.atomic(using=TARGET):
        progress.say("Making the tables")
        make_tables(target)
        with transaction.atomic(using=SOURCE):  # all is read as it is at one moment
            copies = [TableCopy(model, source, target) for model in moved_models()]
            # A small one's flaw is told soon.
            for copy in sorted(copies, key=lambda each: each.rows):
                copy.run(progress)
                copy.go_on_counting()
                moved.changed += copy.changed
            with target.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # whoever is referred to is there
            for model in moved_models():
                totals = moved.totals[table_of(model)] = compare_totals(model)
                compare_rows(model, totals["rows"], progress)
        if _changes_of_others(source) != seen:
            raise MoveError(
                "BaluPi has written into SQLite meanwhile, and that would be missing. Stop it first: sudo "
                "systemctl stop 'balupi-w*'"
            )
    return moved


def _changes_of_others(source: BaseDatabaseWrapper) -> Any:  # noqa: ANN401  # only to be compared
    with source.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()[0]
