"""What the NAS told of itself before it slept."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.utils.translation import gettext as _

from balupi_site.page.choice import Choice
from balupi_site.page.inbox import name_of, size
from balupi_site.words import NBSP, ago
from handshake.services import latest_snapshot

_ARRAYS = 6
#: As BaluHost calls them, but for the healthy one (see ``handshake.snapshot.served``).
_HEALTHY, _CHECKING = "active", "checking"


def context(_choice: Choice, now: dt.datetime) -> dict[str, Any]:
    """Return the part's context."""
    return {"snapshot": snapshot(now)}


def snapshot(now: dt.datetime) -> dict[str, Any] | None:
    """Return the context of what the NAS told last before it slept; None: nothing yet."""
    newest = latest_snapshot(now)
    if newest is None:
        return None
    storage = newest["storage"]
    used_bytes, total_bytes = storage["used_bytes"], storage["total_bytes"]
    (used, unit), total = size(used_bytes).split(NBSP), size(total_bytes)
    is_one_unit = total.endswith(NBSP + unit)  # then once is enough
    words = {"total": total, "unit": unit}
    return {
        "age": ago(newest["age_s"]),
        "at": newest["received_at"].isoformat(),
        "used": used,
        "of": (_("of %(total)s used") if is_one_unit else _("%(unit)s of %(total)s used")) % words,
        "fill": min(round(100 * used_bytes / total_bytes, 1), 100.0) if total_bytes else None,
        "arrays": [_array(array) for array in storage["arrays"][:_ARRAYS]],
    }


def _array(array: dict[str, Any]) -> dict[str, Any]:
    state = array["state"].lower()
    words = {
        _HEALTHY: _("in order"),
        _CHECKING: _("being checked"),
        "rebuilding": _("rebuilding"),
        "degraded": _("a disk is missing"),
        "inactive": _("inactive"),
    }
    level = re.sub(r"(?i)^raid[ _-]?(\d+)$", rf"RAID{NBSP}\1", array["level"])
    return {
        "name": name_of(", ".join(filter(None, (level, array["name"])))),
        "state": words.get(state, array["state"]),
        "is_healthy": state == _HEALTHY,
        "is_bad": state not in {_HEALTHY, _CHECKING},
    }
