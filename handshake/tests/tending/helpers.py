"""What the tests of tending the inbox share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from handshake.models import InboxStatus

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

MINUTE = timedelta(minutes=1)

LOOKED = {"scanned_at": NOON - MINUTE, "disk_mark": "as before"}


def known(**values: Any) -> None:
    InboxStatus.objects.update_or_create(pk=1, defaults=LOOKED | values)
