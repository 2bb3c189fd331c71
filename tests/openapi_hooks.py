"""What schemathesis is told of BaluPi: how the NAS signs, and that its callers are many.

Loaded by schemathesis itself, which ``test_openapi.py`` runs.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from typing import Any
from zlib import crc32

import schemathesis

from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

_numbers = itertools.count()
#: Half of the seconds that clocks may be apart: each signature counts once, and seconds are few.
_SPREAD_S = 50


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="/api/handshake/nas-")
class Signature:
    """Signs as the NAS does, so that what is generated is looked at."""

    def get(self, case: Any, _context: Any) -> dict[str, str]:
        """Return the headers of a call with this body."""
        body = b"" if not case.media_type else _canonical(case.body)
        timestamp = str(int(time.time()) - _SPREAD_S + next(_numbers) % (2 * _SPREAD_S))
        secret = os.environ["TRIAL_HANDSHAKE_SECRET"]
        signature = sign(secret, case.method, case.formatted_path, timestamp, body)
        return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature}

    def set(self, case: Any, data: dict[str, str], _context: Any) -> None:
        """Add them."""
        case.headers.update(data)


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Let each call come from another address of the household, or all would soon be told to wait.

    As if through nginx, which is on this machine too; see ``run_web``.
    """
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Ask for a tariff that is there every other time; nobody guesses a number."""
    price = str((path_parameters or {}).get("price_id", ""))
    if not price or crc32(price.encode("utf-8", "replace")) % 2:
        return path_parameters
    return {**(path_parameters or {}), "price_id": str(1 + len(price) % 3)}


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Leave the plugs at their addresses: at another one nothing answers, rightly with a 503."""
    return not (isinstance(body, dict) and str(body.get("host", "")).startswith("127."))


def _canonical(body: Any) -> bytes:
    """Return JSON in the form that BaluHost signs, whatever the form in which it is sent."""
    if isinstance(body, bytes):
        return body
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
