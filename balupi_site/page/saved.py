"""What sleeping saved."""

from __future__ import annotations

import datetime as dt
from typing import Any

from balupi_site.page.choice import Choice
from balupi_site.page.energy import energy


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"energy": energy(now)}
