"""The golden test of the handshake: what BaluHost sends, and what others might."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.conf import settings

from handshake.signature import sign

GOING_OFFLINE = "/api/handshake/nas-going-offline"
COMING_ONLINE = "/api/handshake/nas-coming-online"


@dataclass(frozen=True)
class Vector:
    """One call, and whether it is the NAS's.

    Attributes:
        secret: the Pi's.
        timestamp: the header, "" where it is missing.
        now: unix seconds by the Pi's clock.
        signature: the header, "" where it is missing.
        is_optional: either answer will do, as long as it is one.
    """

    name: str
    secret: str
    method: str
    path: str
    timestamp: str
    now: int
    body: bytes
    signature: str
    is_accepted: bool
    is_optional: bool

    @property
    def at(self) -> datetime:
        """The Pi's clock as a time."""
        return datetime.fromtimestamp(self.now, UTC)


def _load() -> dict[str, Vector]:
    file = settings.BASE_DIR / "tests" / "handshake_vectors.json"
    return {
        data["name"]: Vector(
            name=data["name"],
            secret=data["secret"],
            method=data["method"],
            path=data["path"],
            timestamp=data["timestamp"],
            now=data["now"],
            body=base64.b64decode(data["body_bytes_base64"]),
            signature=data["signature"],
            is_accepted=data["expected"] == "accept",
            is_optional=data["group"] == "optional",
        )
        for data in json.loads(file.read_text())
    }


VECTORS = _load()
#: For ``parametrize``.
PARAMS = [pytest.param(vector, id=name) for name, vector in VECTORS.items()]

_REAL = VECTORS["offline-real-httpx027"]
SECRET = _REAL.secret
#: A whole snapshot, byte for byte as BaluHost 1.38 sends it; its signature is over other bytes.
SNAPSHOT = _REAL.body


def balu_sign(path: str, timestamp: int | str, body: bytes) -> str:
    """Sign a body as BaluHost does: over the sorted, compact form of its JSON, if it has any."""
    form = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) if body else ""
    return sign(SECRET, "POST", path, str(timestamp), form.encode())
