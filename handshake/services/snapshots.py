"""Keeping and serving what the NAS told of itself."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from balupi_site.lib.rows import keep_newest
from handshake.models import Snapshot
from handshake.snapshot import served

_KEPT = 30


def keep(snapshot: dict[str, Any], now: datetime) -> Snapshot:
    """Store a snapshot that is whole, and forget all but the newest 30."""
    kept = Snapshot.objects.create(received_at=now, content=json.dumps(snapshot))
    keep_newest(Snapshot, _KEPT)
    return kept


def latest(now: datetime) -> dict[str, Any] | None:
    """Return the newest snapshot as the NAS-built page understands it, with its age; None: there is none."""
    newest = Snapshot.objects.order_by("-pk").first()
    if newest is None:
        return None
    return {
        **served(json.loads(newest.content)),
        "received_at": newest.received_at,
        "age_s": max((now - newest.received_at).total_seconds(), 0.0),
    }
