"""A commit that a power cut cannot take back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    IntegrityError,
    OperationalError,
    connections,
    transaction,
)
from django.db.utils import ConnectionHandler

from balupi_site.lib.durable import durable
from handshake.models import Snapshot
from handshake.services import calls
from handshake.signature import Flaw, SignatureError
from handshake.tests.conftest import Enqueued, Names, NasCaller
from handshake.tests.nas_stands import NOON

pytestmark = pytest.mark.django_db

FULL, NORMAL = 2, 1


@pytest.fixture
def database_file(transactional_db: None, settings: Any, tmp_path: Any) -> Iterator[Any]:
    """Put a SQLite file with the product's own options in the place of the tests' database."""
    from balupi_site.settings import _SQLITE_OPTIONS

    options = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "balupi.sqlite3"),
        "OPTIONS": _SQLITE_OPTIONS,
        "CONN_MAX_AGE": None,
    }
    before = connections[DEFAULT_DB_ALIAS]
    file = ConnectionHandler({DEFAULT_DB_ALIAS: options})[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = file
    with file.cursor() as cursor:
        cursor.execute("CREATE TABLE word (text TEXT UNIQUE)")
    try:
        yield file
    finally:
        file.close()
        connections[DEFAULT_DB_ALIAS] = before


def synchronous(connection: Any) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute("PRAGMA synchronous").fetchone()[0])


def write(connection: Any, word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO word VALUES (%s)", [word])


def words(connection: Any) -> list[str]:
    with connection.cursor() as cursor:
        return [text for (text,) in cursor.execute("SELECT text FROM word").fetchall()]


def test_a_durable_commit_is_written_through(database_file: Any) -> None:
    assert synchronous(database_file) == NORMAL
    with durable():
        assert database_file.in_atomic_block
        assert synchronous(database_file) == FULL
        write(database_file, "kept")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, ["kept"])
    assert not database_file.in_atomic_block


def test_a_durable_commit_works_on_a_connection_that_is_not_open_yet(database_file: Any) -> None:
    database_file.close()
    with durable():
        assert synchronous(database_file) == FULL
        write(database_file, "kept")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, ["kept"])


def keep(connection: Any, *texts: str, error: Exception | None = None) -> None:
    """Write durably; an error comes after that."""
    with durable():
        assert connection.in_atomic_block
        for text in texts:
            write(connection, text)
        if error:
            raise error


@pytest.mark.parametrize("error", [ZeroDivisionError("0"), SignatureError(Flaw.USED_BEFORE)])
def test_after_an_error_nothing_is_kept_and_commits_are_cheap_again(
    database_file: Any, error: Exception
) -> None:
    with pytest.raises(type(error)):
        keep(database_file, "lost", error=error)
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_an_error_of_the_database_is_told_as_it_is(database_file: Any) -> None:
    with pytest.raises(IntegrityError, match="word"):
        keep(database_file, "twice", "twice")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_an_error_on_a_connection_that_breaks_is_told_as_it_is(
    database_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that fails: not even the rollback succeeds, and Django closes the connection."""

    def fail() -> None:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(database_file, "_rollback", fail)
    with pytest.raises(ZeroDivisionError):
        keep(database_file, "lost", error=ZeroDivisionError("0"))
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_within_another_transaction_that_one_decides(database_file: Any) -> None:
    with transaction.atomic():
        with durable():
            assert synchronous(database_file) == NORMAL
            write(database_file, "lost")
        with pytest.raises(ZeroDivisionError):
            keep(database_file, "lost at once", error=ZeroDivisionError("0"))
        assert words(database_file) == ["lost"]
        transaction.set_rollback(True)
    assert words(database_file) == []


def test_other_databases_are_durable_by_themselves(
    database_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database_file, "vendor", "postgresql")
        with durable():
            assert database_file.in_atomic_block
            assert synchronous(database_file) == NORMAL
            write(database_file, "kept")
    assert words(database_file) == ["kept"]


@pytest.mark.django_db(transaction=True)
def test_on_the_database_at_hand_it_is_a_transaction() -> None:
    def keep_snapshot(error: Exception | None = None) -> None:
        with durable():
            Snapshot.objects.create(received_at=NOON, content="{}")
            if error:
                raise error

    with pytest.raises(ZeroDivisionError):
        keep_snapshot(ZeroDivisionError("0"))
    assert not Snapshot.objects.exists()
    keep_snapshot()
    assert Snapshot.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_good_bye_is_stored_durably(
    nas: NasCaller, names: Names, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: list[bool] = []

    def note() -> Any:
        depths.append(connections[DEFAULT_DB_ALIAS].in_atomic_block)
        return durable()

    monkeypatch.setattr(calls, "durable", note)
    nas.go_offline()
    assert depths == [False], "the outermost transaction, or another one decides"
