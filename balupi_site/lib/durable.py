"""Transactions that a power cut cannot take back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def durable() -> Iterator[None]:
    """Run a transaction whose commit is on the disk when it returns.

    SQLite's WAL is otherwise written to the disk at checkpoints only (``synchronous=NORMAL``), which
    spares the card; PostgreSQL always does this. Within another transaction that one decides.
    """
    is_ours = connection.vendor == "sqlite" and not connection.in_atomic_block
    if not is_ours:
        with transaction.atomic():
            yield
        return
    _set_synchronous("FULL")
    try:
        with transaction.atomic():
            yield
    finally:
        # By a cursor of its own: Django closes a connection that cannot even be rolled back.
        _set_synchronous("NORMAL")


def _set_synchronous(level: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={level}")
