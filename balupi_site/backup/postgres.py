"""Adapter: backups of PostgreSQL by its own programs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from balupi_site.backup.child import Said, run
from balupi_site.backup.folder import half, require_room
from balupi_site.backup.problems import BackupError
from balupi_site.lib.kept import kept

_PACKAGE = "postgresql-client"
_FIRST_BYTES = b"PGDMP"
#: A table that is locked for longer is in use.
_LOCK_TIMEOUT = "30s"

_OLDER = gettext_noop(
    "pg_dump is version %(ours)s, older than the server (%(server)s), so it refuses to work; install "
    "postgresql-client-%(server)s."
)
_FAILED = gettext_noop("%(program)s failed: %(why)s")

#: All that is there goes, also what the backup does not know, such as tables of a newer release.
_EMPTY = """\
SET lock_timeout = '{lock_timeout}';
SET client_min_messages = warning;
DO $$
DECLARE found record;
BEGIN
  FOR found IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE %I.%I CASCADE', found.schemaname, found.tablename);
  END LOOP;
END $$;
"""


def save(target: Path) -> dict[str, Any]:
    """Write a verified backup of the database, which others may use meanwhile.

    Args:
        target: an empty file.

    Returns:
        What is known of it: bytes, raw_bytes, tables, restored_into.

    Raises:
        BackupError: there is none.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        raw_bytes = int(cursor.fetchone()[0])
    _require_version()
    require_room(target.parent, raw_bytes)
    _do("pg_dump", "--format=custom", "--no-password", f"--file={target}")
    with target.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # read from the disk again
    tables = _contents(target).count(" TABLE DATA ")
    # All of it is unpacked, so that its checksums speak.
    _do("pg_restore", f"--file={os.devnull}", target)
    return {
        "bytes": target.stat().st_size,
        "raw_bytes": raw_bytes,
        "tables": tables,
        "restored_into": "",
    }


def users_of_database() -> int:
    """Return how many other connections to the database there are, besides those of other sites.

    A worker there remembers nothing that a restore changes, and nobody here can stop it: it must not
    keep a failed update from being taken back.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " AND NOT starts_with(application_name, %s)",
            [settings.SITE_CONNECTIONS],
        )
        return int(cursor.fetchone()[0])


def migrations_in(file: Path) -> set[tuple[str, str]]:
    """Return the migrations that a backup has seen, and look whether it is whole.

    Raises:
        BackupError: it is damaged, or no database of ours.
    """
    with file.open("rb") as opened:
        if opened.read(len(_FIRST_BYTES)) != _FIRST_BYTES:
            raise BackupError(
                f"{file} is no backup of PostgreSQL (pg_dump -Fc), which this BaluPi uses. What is "
                "encrypted must be decrypted first."
            )
    said = _run("pg_restore", f"--file={os.devnull}", file)
    if said.code:
        raise BackupError(f"{file} is damaged: {said.last_words}. Take another one.")
    if " TABLE DATA public django_migrations " not in _contents(file):
        raise BackupError(f"{file} is a database, but not one of BaluPi's.")
    with half(_scratch()) as rows:
        options = ("--data-only", "--table=django_migrations", f"--file={rows}")
        _do("pg_restore", *options, file)
        lines = rows.read_text(encoding="utf-8").splitlines()
    fields = [line.split("\t") for line in lines if "\t" in line]
    return {(row[1], row[2]) for row in fields if len(row) > 2}  # noqa: PLR2004  # id, app, name, time


def put_back(file: Path) -> None:
    """Put a backup into the database in one transaction; what it does not know is removed.

    Raises:
        BackupError: it was not; nothing has changed.
    """
    with half(_scratch()) as script, half(_scratch()) as empty:
        empty.write_text(_EMPTY.format(lock_timeout=_LOCK_TIMEOUT), encoding="utf-8")
        _do("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", file)
        connection.close()  # its locks would be waited for
        _do(
            *("psql", "--no-psqlrc", "--quiet", "--no-password", "--single-transaction"),
            *("--set=ON_ERROR_STOP=1", f"--file={empty}", f"--file={script}"),
        )


def _scratch() -> Path:
    """Return where files are that only we can read."""
    return Path(settings.DATA_DIR)


def _contents(file: Path) -> str:
    with half(_scratch()) as listed:
        _do("pg_restore", "--list", f"--file={listed}", file)
        return listed.read_text(encoding="utf-8")


def _require_version() -> None:
    said = _run("pg_dump", "--version")
    found = re.search(r"(\d+)", said.out)
    ours = int(found[1]) if found else 0
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10_000
    if ours < server:
        raise BackupError(kept(_OLDER, ours=ours, server=server))


def _do(program: str, *arguments: str | Path) -> Said:
    said = _run(program, *arguments)
    if said.code:
        raise BackupError(kept(_FAILED, program=program, why=said.last_words))
    return said


def _run(program: str, *arguments: str | Path) -> Said:
    return run(
        [program, *arguments], environment=_environment(connection.settings_dict), package=_PACKAGE
    )


def _environment(database: Mapping[str, Any]) -> dict[str, str]:
    """Return how libpq finds the database; in the environment, where others do not read the password."""
    options = database.get("OPTIONS") or {}
    wanted = {
        "PGHOST": database.get("HOST"),
        "PGPORT": database.get("PORT"),
        "PGUSER": database.get("USER"),
        "PGPASSWORD": database.get("PASSWORD"),
        "PGDATABASE": database.get("NAME"),
        "PGSSLMODE": options.get("sslmode"),
        "PGSSLROOTCERT": options.get("sslrootcert"),
        "PGCONNECT_TIMEOUT": options.get("connect_timeout"),
        "LC_ALL": "C.UTF-8",
    }
    return {name: str(value) for name, value in wanted.items() if value}
