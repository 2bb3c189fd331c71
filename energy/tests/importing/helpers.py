"""What the tests of taking over the predecessor's history share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from energy.models import EnergyHour
from energy.tests.legacy_helpers import OldHome, run

NOW = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)

#: Long ago, without readings.
OLD = datetime(2026, 1, 5, tzinfo=UTC)

#: The readings of this hour still exist.
RECENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def rows() -> dict[datetime, Any]:
    found = EnergyHour.objects.all()
    return {row.hour: (row.energy_wh, round(row.coverage, 4), row.source) for row in found}


def left(old: OldHome, table: str = "energy_hourly") -> dict[str, int]:
    tables = json.loads(run(old, "--json", "--dry-run"))["tables"]
    return {reason: each["count"] for reason, each in tables[table]["left"].items()}
