"""What somebody can do about an error of the database, where it is no bug."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from balupi_site.lib.errors import in_a_line


def cure_of(error: Exception) -> str:
    """Return what to do about an error that ended a command; "" where only its traceback helps."""
    why = in_a_line(error)
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return f"The database cannot be asked; 'sudo balupi doctor --only stores' looks into it ({why})."
    if missing:
        return (
            "The database has no tables yet, or those of an older release: run 'sudo balupi migrate' first "
            f"({why})."
        )
    return ""
