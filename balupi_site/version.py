"""The version of this release and the day it was made."""

from datetime import UTC, datetime
from pathlib import Path

VERSION = "0.9.0"


def _commit() -> str:
    """Return the commit that deploy/release.sh wrote beside the code; "unknown" in a work tree."""
    try:
        text = (Path(__file__).resolve().parents[1] / ".release").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return facts.get("commit") or "unknown"


COMMIT = _commit()

#: A clock before this moment is wrong: the code did not exist then (the Pi has no clock of its own).
BUILD_DATE = datetime(2026, 11, 26, tzinfo=UTC)
