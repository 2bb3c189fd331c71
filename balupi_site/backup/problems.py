"""What goes wrong with backups."""

from __future__ import annotations

from balupi_site.lib.errors import BaluPiError


class BackupError(BaluPiError):
    """Why there is no backup, or why one was not put back; nothing has changed."""


class BackupBusyError(BackupError):
    """Another backup, or a restore, is under way."""


class BackupStoppedError(BackupError):
    """This process ends; the backup is made later."""


class MoveError(BackupError):
    """Why nothing was moved to PostgreSQL; both databases are as they were."""
