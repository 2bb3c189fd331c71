"""When the inbox was last found as its row has it: in Redis, as that is news at each look and no fact."""

from __future__ import annotations

import json
import logging
from datetime import datetime

from balupi_site.lib.redis import RedisError, client
from handshake.models import InboxStatus

logger = logging.getLogger(__name__)

_KEY = "inbox:look"


def current_status() -> InboxStatus:
    """Return what is known of the inbox, with the time and disk mark of the last look.

    Without Redis they are those of the last look that found something new.
    """
    known = InboxStatus.current()
    look = _load()
    # Only of this row: what was kept before the row was written is older than it.
    if look and known.scanned_at and look["row_at"] == known.scanned_at.isoformat():
        known.scanned_at = datetime.fromisoformat(look["at"])
        known.disk_mark = look["disk_mark"]
    return known


def keep(now: datetime, disk_mark: str) -> bool:
    """Note that a look found what the row has already; False while Redis is away."""
    row_at = InboxStatus.current().scanned_at
    look = {
        "row_at": row_at and row_at.isoformat(),
        "at": now.isoformat(),
        "disk_mark": disk_mark,
    }
    try:
        client().set(_KEY, json.dumps(look))
    except RedisError as error:
        logger.debug("Redis does not keep the inbox's last look: %s", error)
        return False
    return True


def _load() -> dict[str, str] | None:
    try:
        text = client().get(_KEY)
        data = json.loads(str(text)) if text else None
        return {name: str(data[name]) for name in ("row_at", "at", "disk_mark")} if data else None
    except RedisError as error:
        logger.debug("Redis does not say when the inbox was looked into: %s", error)
    except (ValueError, TypeError, KeyError) as error:  # of another release
        logger.warning("what Redis knows of the inbox's last look cannot be read: %s", error)
    return None
