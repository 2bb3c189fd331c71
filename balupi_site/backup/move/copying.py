"""Adapter: one table's rows, from SQLite into PostgreSQL, by COPY."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper

from balupi_site.backup.move.progress import Progress
from balupi_site.backup.move.tables import Model, fields_of, key_of, table_of
from balupi_site.backup.move.texts import rule_of
from balupi_site.backup.problems import MoveError

Row = tuple[Any, ...]
#: Where PostgreSQL stopped, in any of its languages: "COPY energy_tariff, line 3, column name: ...".
_PLACE = re.compile(r"COPY \S+, \S+ (\d+)(?:, \S+ (\w+))?")


class TableCopy:
    """The copying of one table.

    Attributes:
        rows: how many there are.
        changed: the places of texts that PostgreSQL could not keep as they were.
    """

    def __init__(
        self, model: Model, source: BaseDatabaseWrapper, target: BaseDatabaseWrapper
    ) -> None:
        """Keep what is copied, and both databases."""
        self.table, self._key = table_of(model), str(key_of(model).column)
        self._source, self._target = source, target
        self._columns = [str(field.column) for field in fields_of(model)]
        rules = [rule_of(field) for field in fields_of(model)]
        self._rules = [(place, rule) for place, rule in enumerate(rules) if rule is not None]
        self.rows = int(self._ask_source("count(*)"))
        self.changed: list[str] = []

    def run(self, progress: Progress) -> None:
        """Copy all rows, in the order of their keys.

        Raises:
            MoveError: PostgreSQL refuses one, or SQLite cannot give it.
        """
        progress.begin(f"Copying {self.table}", self.rows)
        names = ", ".join(map(self._target.ops.quote_name, self._columns))
        table = self._target.ops.quote_name(self.table)
        try:
            with (
                self._target.wrap_database_errors,
                self._target.cursor() as cursor,
                cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
            ):
                for row in self._rows():
                    copy.write_row(row)
                    progress.row()
        except (DataError, IntegrityError) as error:
            raise self._refused(error) from error
        except sqlite3.Error as error:  # such as a text that is no UTF-8
            raise MoveError(f"{self.table} cannot be read from SQLite: {error}.") from error

    def go_on_counting(self) -> None:
        """Have PostgreSQL give new rows the numbers after SQLite's last one, also if that row is gone."""
        with self._source.cursor() as cursor:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [self.table])
            last = cursor.fetchone()
        if last and last[0]:
            with self._target.cursor() as cursor:
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
                    [self._target.ops.quote_name(self.table), self._key, last[0]],
                )

    def _rows(self) -> Iterator[Row]:
        # What is calculated, if only by "+", has no declared type, by which Django would convert it.
        columns = ", ".join(f"+{self._source.ops.quote_name(name)}" for name in self._columns)
        found = self._read(columns)
        return map(self._storable, found) if self._rules else found

    def _storable(self, row: Row) -> Row:
        kept = list(row)
        for place, rule in self._rules:
            text = row[place]
            if isinstance(text, str) and (stored := rule(text)) != text:
                kept[place] = stored
                key = row[self._columns.index(self._key)]
                self.changed.append(f"{self.table}, {self._key} {key}, {self._columns[place]}")
        return tuple(kept)

    def _refused(self, error: DatabaseError) -> MoveError:
        diag: Any = getattr(error.__cause__, "diag", None)
        why = str(getattr(diag, "message_primary", None) or error).strip()
        place = _PLACE.search(getattr(diag, "context", None) or "")
        if place is None:
            return MoveError(f"{self.table}: PostgreSQL refuses it: {why}.")
        key = self._ask_source(self._source.ops.quote_name(self._key), int(place[1]) - 1)
        column = place[2] or diag.column_name or "one of its columns"
        return MoveError(
            f"{self.table}, {self._key} {key}, {column}: PostgreSQL refuses it: {why}. Mend or remove that "
            "row in BaluPi (its admin pages), then begin again."
        )

    def _ask_source(self, what: str, offset: int = 0) -> Any:  # noqa: ANN401  # a key or a number
        return next(self._read(what, f" LIMIT 1 OFFSET {offset}"))[0]

    def _read(self, what: str, limit: str = "") -> Iterator[Row]:
        quote = self._source.ops.quote_name
        sql = f"SELECT {what} FROM {quote(self.table)} ORDER BY {quote(self._key)}{limit}"  # noqa: S608  # quoted
        self._source.ensure_connection()
        found: Iterator[Row] = self._source.connection.execute(sql)
        return found
