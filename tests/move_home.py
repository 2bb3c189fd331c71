"""A home in SQLite that has something in each table, awkward values included, and its plugs' past."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connections, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

from balupi_site.backup.move.tables import Model, fields_of, moved_models

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
_ALIAS = "move_seed"
#: Each column gets these in turn.
_VALUES: list[tuple[type[models.Field[Any, Any]], list[Any]]] = [
    (models.UUIDField, [uuid.UUID(int=1), uuid.UUID(int=2**127)]),
    (models.BooleanField, [True, False]),
    (models.DateTimeField, [NOW.replace(microsecond=1), datetime(1999, 12, 31, 23, tzinfo=UTC)]),
    (models.DateField, [date(2024, 2, 29), date(1970, 1, 1)]),
    (models.TimeField, [time(23, 59, 59, 999_999), time(0)]),
    (models.DecimalField, [Decimal("0.000001"), Decimal("123.45")]),
    (models.FloatField, [0.1 + 0.2, 5e-324]),
    (models.GenericIPAddressField, ["192.0.2.53", "192.0.2.54"]),
    (models.JSONField, [{"a": [1, 1.5, None, "ü\n\t\\"], "b": {"c": True}}, []]),
    (models.SmallIntegerField, [32_767, 0]),
    (models.BigIntegerField, [2**63 - 1, 0]),
    (models.IntegerField, [2**31 - 1, 0]),
]


def make_home(path: Path) -> None:
    """Make a database of this release with two rows in each table."""
    home = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    handler = ConnectionHandler({"default": {}, _ALIAS: home})
    connections[_ALIAS] = handler[_ALIAS]
    try:
        executor = MigrationExecutor(connections[_ALIAS])
        executor.migrate(executor.loader.graph.leaf_nodes())
        with transaction.atomic(using=_ALIAS):
            for model in moved_models():
                model._base_manager.using(_ALIAS).bulk_create(_rows(model))
    finally:
        connections[_ALIAS].close()
        del connections[_ALIAS]
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=WAL")


def _rows(model: Model) -> Iterator[models.Model]:
    for turn in (0, 1):
        yield model(**{field.attname: _value(field, turn) for field in fields_of(model)})


def _value(field: Any, turn: int) -> Any:
    if field.is_relation or isinstance(field, models.AutoField):
        return turn + 1 if turn == 0 or not field.null else None
    if turn == 1 and field.null and not field.unique:
        return None
    for kind, values in _VALUES:
        if isinstance(field, kind):
            return values[turn]
    if field.name == "timezone":
        return ("Europe/Berlin", "UTC")[turn]
    if isinstance(field, models.TextField):
        return f"{turn} Füße\n\t\\N ' \" \U0001f600" * 100
    return ("\\.", "ß\\N")[turn].ljust(field.max_length, "Z")[: field.max_length]


def add_past(path: Path, *, plugs: int, days: int = 365, sample_days: int = 7) -> None:
    """Give a home plugs, with energy for each hour and, for the last days, power for each half minute."""
    known = random.Random(plugs)
    numbers = range(100, 100 + plugs)

    def readings(step: timedelta, count: int) -> Iterator[tuple[int, str, float]]:
        for turn in range(count):
            at = f"{NOW - step * turn:%Y-%m-%d %H:%M:%S}"
            yield from ((plug, at, known.random() * 100) for plug in numbers)

    with closing(sqlite3.connect(path)) as file, file:
        file.executemany(
            _plug_sql(file),
            [
                (each, f"device {each}", f"02:00:00:00:{each // 100:02}:{each % 100:02}")
                for each in numbers
            ],
        )
        file.executemany(
            "INSERT INTO energy_energyhour (plug_id, hour, energy_wh, coverage, source)"
            " VALUES (?, ?, ?, 1, 'measured')",
            readings(timedelta(hours=1), days * 24),
        )
        file.executemany(
            "INSERT INTO energy_powersample (plug_id, at, power_w) VALUES (?, ?, ?)",
            readings(timedelta(seconds=30), sample_days * 2880),
        )


def _plug_sql(file: sqlite3.Connection) -> str:
    """Return what copies the first plug, with another id, device id and MAC address."""
    names = [str(row[1]) for row in file.execute("PRAGMA table_info(energy_smartplug)")]
    own = ["id", "device_id", "mac"]
    others = ", ".join(f'"{name}"' for name in names if name not in own)
    return (
        f"INSERT INTO energy_smartplug (id, device_id, mac, {others})"  # noqa: S608  # ours
        f" SELECT ?, ?, ?, {others} FROM energy_smartplug WHERE id = 1"
    )
