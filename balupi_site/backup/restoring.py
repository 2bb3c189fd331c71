"""Putting a backup back into the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from balupi_site.backup import postgres, sqlite
from balupi_site.backup.folder import backups_in, remove_halves
from balupi_site.backup.making import alone, is_sqlite, make_safety_copy
from balupi_site.backup.naming import BackupName
from balupi_site.backup.problems import BackupError
from balupi_site.backup.schedule import newest_of
from balupi_site.version import VERSION

LATEST = "latest"
_WAIT_S = 5.0


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes:
        path: the backup.
        safety_copy: what was there before; None: nothing was, or it was not wanted.
    """

    path: Path
    safety_copy: Path | None


def chosen(name: str, now: datetime) -> Path:
    """Return the backup that a person means.

    Args:
        name: a path, a name in the folder of backups, or "latest".
        now: the present.

    Raises:
        BackupError: there is none.
    """
    folder = Path(settings.BACKUP_DIR)
    if name == LATEST:
        found = backups_in(folder)
        newest = newest_of(found, now)
        if newest is None:
            raise BackupError(f"There is no backup in {folder}.")
        return found[newest]
    for path in (Path(name), folder / name):
        if path.is_file():
            return path.absolute()
    raise BackupError(f"There is no {name}; 'sudo balupi restore --list' tells what there is.")


def restore(path: Path, now: datetime, *, keeps_present: bool = True) -> Restored:
    """Put a backup into the database, whatever state that is in; in the end it is the old or the new one.

    Args:
        path: the backup.
        now: the present.
        keeps_present: make a backup of what is there first.

    Raises:
        BackupError: it was not put back; nothing has changed.
    """
    connections.close_all()
    with alone(wait_s=_WAIT_S):
        require_unused()
        remove_halves(Path(settings.DATA_DIR))
        with _checked(path) as checked:
            safety_copy = make_safety_copy(now) if keeps_present else None
            require_unused()  # the check and the copy may have taken minutes
            (sqlite if is_sqlite() else postgres).put_back(checked)
            connections.close_all()
    return Restored(path, safety_copy)


@contextmanager
def _checked(path: Path) -> Iterator[Path]:
    """Yield what can be put back: the backup is whole, ours, and of no newer release."""
    if not is_sqlite():
        _require_no_newer(path, postgres.migrations_in(path))
        yield path
        return
    with sqlite.unpacked(path) as raw:
        _require_no_newer(path, sqlite.migrations_in(raw, path))
        yield raw


def _require_no_newer(path: Path, applied: set[tuple[str, str]]) -> None:
    ours = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    names = newer_migrations(applied, ours)
    if names:
        named = ", ".join(names[:3])
        raise BackupError(
            f"{path} is of a newer release than {VERSION} ({named}); update BaluPi first, then restore it."
        )


def newer_migrations(applied: set[tuple[str, str]], ours: set[tuple[str, str]]) -> list[str]:
    """Return the migrations of our apps that this release does not have; of other apps it knows nothing."""
    apps = {app for app, _name in ours}
    return sorted(f"{app}.{name}" for app, name in applied - ours if app in apps)


def require_unused() -> None:
    """Do nothing where no process has the database open.

    Raises:
        BackupError: one has; its memory would not know what has changed.
    """
    if is_sqlite():
        pid = sqlite.user_of_database()
        user = "" if pid is None else f"Process {_process(pid)}"
    else:
        count = postgres.users_of_database()
        user = f"Somebody ({count} connections)" if count else ""
    if user:
        raise BackupError(
            f"{user} uses the database. Stop BaluPi first: sudo systemctl stop 'balupi-w*'"
        )


def _process(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:  # another user's, which may be hidden
        return f"{pid}"
    command = " ".join(words.replace("\0", " ").split())
    return f"{pid} ({command[:100]})"


def listed() -> dict[BackupName, Path]:
    """Return the backups that there are, oldest first."""
    return backups_in(Path(settings.BACKUP_DIR))
