"""What is known of the backups without asking their disk, which may sleep; a file beside the database."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from balupi_site.backup.naming import BackupName

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """The state of the backups.

    Attributes:
        newest: the name of the newest backup; "" there is none.
        folder: where it was put.
        bytes: how large it is; None: not known.
        why: why the last try failed, as it is kept; "" it did not.
        failed_at: when that was, ISO 8601; "" it did not.
        failing_since: when the first of these failures was.
        handed_over: the name of the last backup that was put into the inbox.
    """

    newest: str = ""
    folder: str = ""
    bytes: int | None = None
    why: str = ""
    failed_at: str = ""
    failing_since: str = ""
    handed_over: str = ""

    @property
    def newest_at(self) -> datetime | None:
        """When the newest one was made; None: there is none."""
        name = BackupName.of(self.newest)
        return name.at if name else None


def _file() -> Path:
    return Path(settings.DATA_DIR) / "backup.json"


def load() -> Status:
    """Return what is known; nothing where the file is missing or damaged."""
    try:
        said = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Status()
    if not isinstance(said, dict):
        return Status()
    texts = {field.name for field in fields(Status)} - {"bytes"}
    known = {
        name: value for name, value in said.items() if name in texts and isinstance(value, str)
    }
    size = said.get("bytes")
    return Status(**known, bytes=size if isinstance(size, int) else None)


def note(**changes: Any) -> Status:  # noqa: ANN401  # fields of Status
    """Write down what has changed; the card is spared where nothing has.

    A full disk, which may be why a backup failed, is told in the log.
    """
    before = load()
    after = replace(before, **changes)
    if after != before or not _file().exists():
        new = _file().with_name("backup.json.new")
        try:
            new.write_text(json.dumps(asdict(after)), encoding="utf-8")
            new.replace(_file())
        except OSError as error:
            logger.error("how the backups are was not written down: %s", error)  # noqa: TRY400
    return after


def parsed(at: str) -> datetime | None:
    """Return a time of the status; None where there is none."""
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        return None
