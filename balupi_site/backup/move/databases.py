"""Adapter: the two databases of a move: SQLite, which is only read, and a PostgreSQL that is empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, NotSupportedError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ConnectionHandler

from balupi_site.backup.move.tables import moved_models, table_of
from balupi_site.backup.problems import MoveError
from balupi_site.backup.restoring import newer_migrations
from balupi_site.lib.errors import in_a_line
from balupi_site.version import VERSION

SOURCE, TARGET = "move_source", "move_target"
_BUSY_S = 20
_CONNECT_S = 10
_NO_DRIVER = (
    "The driver of PostgreSQL is not installed. Where /etc/balupi/database.url exists, "
    "'sudo deploy/install.sh' installs it; without the installer: pip install -r requirements-postgres.txt."
)


@contextmanager
def both(path: Path, url: str) -> Iterator[tuple[BaseDatabaseWrapper, BaseDatabaseWrapper]]:
    """Yield SQLite, which cannot be written to, and PostgreSQL, which has answered.

    Args:
        path: the file of SQLite.
        url: the address of PostgreSQL, with its password.

    Raises:
        MoveError: one of them is not there.
    """
    if not path.is_file():
        raise MoveError(f"There is nothing to move: {path} does not exist.")
    source = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{path.absolute().as_uri()}?mode=ro",
        "OPTIONS": {"timeout": _BUSY_S},
    }
    handler = ConnectionHandler({"default": {}, SOURCE: source, TARGET: _of_url(url)})
    with ExitStack() as undo:
        for alias in (SOURCE, TARGET):
            connections[alias] = _made(handler, alias)
            undo.callback(connections.__delitem__, alias)
            undo.callback(connections[alias].close)
        _connect(connections[TARGET])
        yield connections[SOURCE], connections[TARGET]


def require_present(source: BaseDatabaseWrapper) -> None:
    """Do nothing where SQLite's tables are those of this release.

    Raises:
        MoveError: they are older or newer.
    """
    plan = MigrationExecutor(source)
    newer = newer_migrations(set(plan.loader.applied_migrations), set(plan.loader.disk_migrations))
    if newer:
        named = ", ".join(newer[:3])
        raise MoveError(
            f"What is in SQLite is of a newer release than {VERSION} ({named}); update BaluPi first."
        )
    if plan.migration_plan(plan.loader.graph.leaf_nodes()):
        raise MoveError(
            "What is in SQLite is of an older release. Bring it up to this one first: 'sudo balupi migrate'."
        )


def require_empty(target: BaseDatabaseWrapper) -> None:
    """Do nothing where a move to PostgreSQL can begin.

    Raises:
        MoveError: there is something in it, or it cannot keep what we have.
    """
    with target.cursor() as cursor:
        tables = target.introspection.table_names(cursor)
        cursor.execute(
            "SELECT current_database(), current_user, current_setting('server_encoding'),"
            " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
        )
        name, user, encoding, may_create = cursor.fetchone()
    again = (
        f"sudo -u postgres dropdb {name} && sudo -u postgres createdb --owner {user} "
        f"--encoding UTF8 --template template0 {name}"
    )
    if tables:
        raise MoveError(
            f"The database {name} is not empty: it has {len(tables)} tables, such as {tables[0]}. Choose "
            f"another one, or, if nobody needs what is in it, make it anew: '{again}'."
        )
    if encoding != "UTF8":
        raise MoveError(
            f"The database {name} cannot keep all characters: its encoding is {encoding}, not UTF8. "
            f"Make it anew: '{again}'."
        )
    if not may_create:
        raise MoveError(
            f"{user} may not make tables in the database {name}. Make it anew as its own: '{again}'."
        )


def make_tables(target: BaseDatabaseWrapper) -> None:
    """Make the tables of this release, with nothing in them; to be called in a transaction."""
    executor = MigrationExecutor(target)
    executor.migrate(executor.loader.graph.leaf_nodes())
    quoted = [target.ops.quote_name(table_of(model)) for model in moved_models()]
    with target.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {', '.join(quoted)} RESTART IDENTITY")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _made(handler: ConnectionHandler, alias: str) -> BaseDatabaseWrapper:
    try:
        return handler[alias]
    except ImproperlyConfigured as error:  # so Django says that it finds no driver
        raise MoveError(_NO_DRIVER) from error


def _connect(target: BaseDatabaseWrapper) -> None:
    try:
        target.ensure_connection()
    except (DatabaseError, NotSupportedError) as error:
        raise MoveError(
            f"PostgreSQL cannot be used ({in_a_line(error)}). Is it running, and are host, user, "
            "password and database in the address right?"
        ) from error


def _of_url(url: str) -> dict[str, Any]:
    try:
        target: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.UnknownSchemeError):
        target = {}
    if target.get("ENGINE") != "django.db.backends.postgresql":
        raise MoveError("The address must be postgres://user:password@host/name.")
    return {**target, "OPTIONS": {"connect_timeout": _CONNECT_S, **target.get("OPTIONS", {})}}
