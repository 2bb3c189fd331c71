"""BaluHost's signed calls to BaluPi, byte for byte, and what became of them.

Facts from BaluHost's handshake client: it signs the *sorted, compact* JSON of the snapshot but
hands the value to httpx 0.27, which sends it in insertion order with ", " and ": ". Only the
empty body of coming-online is sent as signed. The recorded calls are ``handshake_vectors.json``.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus

import aiohttp

from simhome.nas_stages import Call
from simhome.nas_status import moment

TIMEOUT_SECONDS = {Call.GOING_OFFLINE: 10.0, Call.COMING_ONLINE: 5.0}
"""After that long without an answer BaluHost gives up, and it never tries again."""

USER_AGENT = "python-httpx/0.27.2"
_ANSWER_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True)
class SignedCall:
    """A call, ready to be sent by POST."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """What became of a call; ``status`` None means no answer, ``error`` then says why."""

    call: str
    at: str
    ms: float
    acknowledged: bool
    status: int | None = None
    answer: object = None
    error: str | None = None

    def describe(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return asdict(self)


def signature(secret: str, path: str, timestamp: str, signed_body: bytes) -> str:
    """Return the hex HMAC-SHA256 over method, path, timestamp and hash of a POST's body."""
    digest = hashlib.sha256(signed_body).hexdigest()
    message = f"POST:{path}:{timestamp}:{digest}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def signed_call(
    call: Call, *, secret: str, timestamp: int, snapshot: Mapping[str, object] | None = None
) -> SignedCall:
    """Return the call as BaluHost makes it; coming-online has no snapshot and no body."""
    path = f"/api/handshake/{call}"
    sent = signed = b""
    if snapshot is not None:
        sent = json.dumps(snapshot).encode()
        signed = json.dumps(snapshot, sort_keys=True, separators=(",", ":")).encode()
    headers = {
        "Accept": "*/*",
        "User-Agent": USER_AGENT,
        "X-Balupi-Timestamp": str(timestamp),
        "X-Balupi-Signature": signature(secret, path, str(timestamp), signed),
        "Content-Type": "application/json",
    }
    return SignedCall(path=path, headers=headers, body=sent)


async def send_call(
    call: Call,
    *,
    url: str,
    secret: str,
    now: datetime,
    snapshot: Mapping[str, object] | None = None,
    timeout_seconds: float | None = None,
) -> CallResult:
    """Make a call once and return what became of it; only a cancellation is raised.

    ``timeout_seconds`` None means BaluHost's own patience. As with BaluHost, redirects are not
    followed and only a 2xx answer with ``acknowledged`` counts.
    """
    signed = signed_call(call, secret=secret, timestamp=int(now.timestamp()), snapshot=snapshot)
    limit = aiohttp.ClientTimeout(total=timeout_seconds or TIMEOUT_SECONDS[call])
    started = time.monotonic()
    status: int | None = None
    answer: object = None
    error: str | None = None
    try:
        status, text = await _post(url.rstrip("/"), signed, limit)
        answer = _readable(text)
    except TimeoutError:
        error = f"no answer within {limit.total:g} s"
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as failure:
        error = str(failure) or type(failure).__name__
    good = status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return CallResult(
        call=str(call),
        at=moment(now),
        ms=round((time.monotonic() - started) * 1000, 1),
        acknowledged=good and isinstance(answer, dict) and bool(answer.get("acknowledged")),
        status=status,
        answer=answer,
        error=error,
    )


async def _post(url: str, call: SignedCall, limit: aiohttp.ClientTimeout) -> tuple[int, str]:
    """Return status and text of the answer; redirects are not followed."""
    async with (
        aiohttp.ClientSession(timeout=limit, skip_auto_headers=("Content-Type",)) as session,
        session.post(
            url + call.path, data=call.body, headers=call.headers, allow_redirects=False
        ) as response,
    ):
        return response.status, await response.text(errors="replace")


def _readable(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text[:_ANSWER_CHARACTERS]
