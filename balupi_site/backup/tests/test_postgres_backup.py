"""Backups of PostgreSQL, by its real programs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.db import connection
from django.utils import timezone

from balupi_site.backup import child, making, postgres
from balupi_site.backup.problems import BackupError
from balupi_site.backup.restoring import restore
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.services import record

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

is_postgres = pytest.mark.skipif(
    "postgres" not in os.environ.get("BALUPI_DATABASE_URL", ""), reason="of PostgreSQL only"
)


@pytest.fixture
def backup(transactional_db: None, settings: Any, tmp_path: Path) -> Path:
    """A backup of a database that has one event."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.INBOX_DIR = tmp_path / "disk" / "inbox"
    record(Kind.CHANGE_COMMAND, timezone.now(), subject="before")
    return making.make_backup(NOW).path


def subjects() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("subject", flat=True))


@is_postgres
def test_the_database_is_as_it_was_and_what_was_there_is_kept(backup: Path) -> None:
    record(Kind.CHANGE_COMMAND, timezone.now(), subject="after")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_a_newer_release (id integer)")
    restored = restore(backup, NOW)
    assert subjects() == ["before"]
    assert "of_a_newer_release" not in connection.introspection.table_names()
    record(Kind.CHANGE_COMMAND, timezone.now(), subject="sequences go on")
    assert restored.safety_copy is not None
    restore(restored.safety_copy, NOW, keeps_present=False)
    assert subjects() == ["before", "after"]
    restore(backup, NOW, keeps_present=False)  # without the table, which no later test expects
    assert sorted(backup.parent.iterdir()) == sorted([backup, restored.safety_copy])


@is_postgres
@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        pytest.param(lambda data: data[:-2000], "is damaged", id="cut off"),
        pytest.param(lambda data: data[: len(data) // 2], "is damaged", id="half"),
        pytest.param(lambda data: b"x" + data, "no backup of PostgreSQL", id="foreign"),
    ],
)
def test_what_is_no_whole_backup_changes_nothing(backup: Path, spoilt: Any, why: str) -> None:
    backup.write_bytes(spoilt(backup.read_bytes()))
    with pytest.raises(BackupError, match=why):
        restore(backup, NOW)
    assert subjects() == ["before"]


@is_postgres
def test_a_restore_that_fails_in_the_middle_changes_nothing(
    backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_EMPTY", postgres._EMPTY + "SELECT 1/0;\n")
    with pytest.raises(BackupError, match="division by zero"):
        restore(backup, NOW, keeps_present=False)
    assert subjects() == ["before"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A connection to a server that is not there."""
    database = {"NAME": "home", "USER": "balupi", "PASSWORD": "very secret", "HOST": "db"}
    cursor = MagicMock()
    cursor.__enter__.return_value.fetchone.return_value = ("150004",)  # SHOW server_version_num
    found = SimpleNamespace(
        settings_dict={**database, "OPTIONS": {"sslmode": "require"}}, cursor=lambda: cursor
    )
    monkeypatch.setattr(postgres, "connection", found)
    return found


def test_a_password_is_in_the_environment_and_nowhere_else(
    server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[Any], dict[str, str]]] = []

    def run(command: list[Any], *, environment: dict[str, str], **_options: Any) -> child.Said:
        ran.append((command, environment))
        return child.Said(0, "", "")

    monkeypatch.setattr(postgres, "run", run)
    postgres._do("pg_dump", "--format=custom")
    ((command, environment),) = ran
    assert command == ["pg_dump", "--format=custom"]
    assert environment == {
        "PGHOST": "db",
        "PGUSER": "balupi",
        "PGDATABASE": "home",
        "PGPASSWORD": "very secret",
        "PGSSLMODE": "require",
        "LC_ALL": "C.UTF-8",
    }


def test_an_old_pg_dump_says_what_to_install(
    server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = child.Said(0, "pg_dump (PostgreSQL) 13.4 (Debian)", "")
    monkeypatch.setattr(postgres, "_run", lambda *_words: said)
    with pytest.raises(BackupError, match="install postgresql-client-15"):
        postgres._require_version()


def test_a_missing_pg_dump_names_its_package(server: SimpleNamespace) -> None:
    with pytest.raises(BackupError, match=r"pg_nothing is not installed.*postgresql-client"):
        postgres._run("pg_nothing")
