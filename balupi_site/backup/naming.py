"""Rule: what a backup is called, and what its name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

_TIME = "%Y-%m-%dT%H%M%SZ"
_NAME = re.compile(
    r"balupi-(?P<at>\d{4}-\d\d-\d\dT\d{6}Z)-(?P<release>[0-9A-Za-z.+]+)"
    r"(?P<mark>-before-restore)?(?P<suffix>\.sqlite3\.xz|\.pgdump)"
)
SQLITE_SUFFIX, POSTGRES_SUFFIX = ".sqlite3.xz", ".pgdump"


@dataclass(frozen=True)
class BackupName:
    """The name of a backup.

    Attributes:
        at: when it was made, to the second, UTC.
        release: of which release the database was.
        suffix: how it is packed.
        is_before_restore: it holds what a restore has overwritten.
    """

    at: datetime
    release: str
    suffix: str = SQLITE_SUFFIX
    is_before_restore: bool = False

    def __str__(self) -> str:
        mark = "-before-restore" if self.is_before_restore else ""
        return f"balupi-{self.at.astimezone(UTC):{_TIME}}-{self.release}{mark}{self.suffix}"

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Return what a file's name tells; None: it is none of ours."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        try:
            at = datetime.strptime(match["at"], _TIME).replace(tzinfo=UTC)
        except ValueError:  # such as the 31st of February
            return None
        return cls(at, match["release"], match["suffix"], is_before_restore=bool(match["mark"]))
