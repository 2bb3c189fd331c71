"""Adapter: whether PostgreSQL has what SQLite has, both read as BaluPi reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from django.db import models
from django.db.models import Count, F, Max, Min, Sum
from django.db.models.functions import Cast, Collate, Round

from balupi_site.backup.move.databases import SOURCE, TARGET
from balupi_site.backup.move.progress import Progress
from balupi_site.backup.move.tables import Field, Model, fields_of, key_of, table_of
from balupi_site.backup.move.texts import rule_of
from balupi_site.backup.problems import MoveError

Row = tuple[Any, ...]
Totals = dict[str, Any]
_NUMBERS = (models.IntegerField, models.FloatField, models.DecimalField)
#: The databases add in different orders, so the last digits of a sum may differ.
_SAME_SUM = 1e-9
_CHUNK_ROWS = 2000


def compare_totals(model: Model) -> Totals:
    """Return a table's number of rows, and sum, smallest and largest of each of its columns of numbers.

    Raises:
        MoveError: they are not the same in both databases.
    """
    ours, theirs = _totals(model, SOURCE), _totals(model, TARGET)
    for name, value in ours.items():
        if not _is_same(name, value, theirs[name]):
            raise MoveError(
                f"{table_of(model)} did not arrive as it is: {name} is {theirs[name]} in PostgreSQL, "
                f"{value} in SQLite. Nothing was moved; please report this."
            )
    return ours


def compare_rows(model: Model, rows: int, progress: Progress) -> None:
    """Compare each value of each row, in the order of their keys.

    Raises:
        MoveError: one differs.
    """
    fields = fields_of(model)
    progress.begin(f"Comparing {table_of(model)}", rows)
    for ours, theirs in zip_longest(_rows(model, SOURCE), _rows(model, TARGET)):
        if ours != theirs and (
            ours is None or theirs is None or _as_stored(fields, ours) != theirs
        ):
            place = "its rows" if ours is None or theirs is None else _place(fields, ours, theirs)
            raise MoveError(
                f"{table_of(model)}, {place}: PostgreSQL does not give back what it was given. Nothing was "
                "moved; please report this."
            )
        progress.row()


def _totals(model: Model, alias: str) -> Totals:
    asked: dict[str, Any] = {"rows": Count("*")}
    for field in fields_of(model):
        if isinstance(_target(field), _NUMBERS):
            name, value = field.attname, _as_read(field)
            # As floats: SQLite cannot add large integers.
            asked[f"sum of {name}"] = Sum(Cast(value, models.FloatField()))
            asked[f"smallest {name}"] = Min(value)
            asked[f"largest {name}"] = Max(value)
    # No name may have a space in it.
    keys = {f"total_{place}": each for place, each in enumerate(asked.values())}
    found = _all(model, alias).aggregate(**keys)
    return dict(zip(asked, found.values(), strict=True))


def _target(field: Field) -> Field:
    """Return the field that a foreign key stands for, or the field itself."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def _as_read(field: Field) -> Any:  # noqa: ANN401  # an expression of one kind or another
    """Return a column as it is read: in SQLite a decimal may have more places than its column."""
    if isinstance(field, models.DecimalField):
        return Round(F(field.attname), field.decimal_places)
    return F(field.attname)


def _is_same(name: str, ours: Any, theirs: Any) -> bool:  # noqa: ANN401  # numbers of all kinds
    if name.startswith("sum ") and ours is not None and theirs is not None:
        return math.isclose(ours, theirs, rel_tol=_SAME_SUM, abs_tol=_SAME_SUM)
    return bool(ours == theirs)


def _rows(model: Model, alias: str) -> Iterator[Row]:
    key: Any = F("pk")
    if alias == TARGET and isinstance(key_of(model), models.CharField):
        key = Collate("pk", "C")  # as SQLite does: by the bytes, not as a dictionary has it
    names = [field.attname for field in fields_of(model)]
    found = _all(model, alias).order_by(key).values_list(*names)
    return iter(found.iterator(chunk_size=_CHUNK_ROWS))


def _all(model: Model, alias: str) -> models.QuerySet[models.Model]:
    return model._base_manager.using(alias)  # noqa: SLF001  # public API


def _as_stored(fields: list[Field], row: Row) -> Row:
    """Return a row with the texts that PostgreSQL cannot keep as they were copied."""
    return tuple(_value_as_stored(*each) for each in zip(fields, row, strict=True))


def _value_as_stored(field: Field, value: Any) -> Any:  # noqa: ANN401  # of any column
    rule = rule_of(field)
    if rule is None or value is None:
        return value
    if isinstance(field, models.JSONField):
        return json.loads(rule(json.dumps(value)))
    return rule(value)


def _place(fields: list[Field], ours: Row, theirs: Row) -> str:
    names = [field.column for field in fields]
    key = next(value for field, value in zip(fields, ours, strict=True) if field.primary_key)
    kept = _as_stored(fields, ours)
    wrong = [name for name, mine, other in zip(names, kept, theirs, strict=True) if mine != other]
    return f"key {key}, {', '.join(map(str, wrong))}"
