"""BaluHost's calls: the recorded bytes again, and what becomes of a call."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from simhome.baluhost_calls import CallResult, send_call, signed_call
from simhome.nas_snapshot import shutdown_snapshot
from simhome.nas_stages import Call
from simhome.nas_users import NasUser

pytestmark = pytest.mark.enable_socket

VECTORS = {
    vector["name"]: vector
    for vector in json.loads(
        (Path(__file__).parents[2] / "tests" / "handshake_vectors.json").read_text()
    )
}
NOW = datetime(2026, 11, 23, 22, 42, 49, 700000, tzinfo=UTC)
SECRET = "a household's secret, long enough"
PORT = 8124

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def body_of(vector: dict[str, Any]) -> bytes:
    return base64.b64decode(vector["body_bytes_base64"])


@pytest.mark.parametrize(
    "name",
    [
        "offline-real-httpx027",
        "offline-nonascii-httpx027",
        "offline-floats-httpx027",
        "offline-sorted-httpx027",
    ],
)
def test_going_offline_is_sent_byte_for_byte_as_recorded(name: str) -> None:
    vector = VECTORS[name]
    call = signed_call(
        Call.GOING_OFFLINE,
        secret=vector["secret"],
        timestamp=int(vector["timestamp"]),
        snapshot=json.loads(body_of(vector)),
    )
    assert call.body == body_of(vector)
    assert call.path == vector["path"]
    assert call.headers["X-Balupi-Timestamp"] == vector["timestamp"]
    assert call.headers["X-Balupi-Signature"] == vector["signature"]


def test_coming_online_is_sent_byte_for_byte_as_recorded() -> None:
    vector = VECTORS["startup-empty-body"]
    call = signed_call(
        Call.COMING_ONLINE, secret=vector["secret"], timestamp=int(vector["timestamp"])
    )
    assert (call.body, call.path) == (b"", vector["path"])
    assert call.headers["X-Balupi-Signature"] == vector["signature"]


def test_the_snapshot_has_the_shape_of_the_recorded_one() -> None:
    users = [NasUser(id=1, username="admin", password="x", role="admin")]
    snapshot = shutdown_snapshot(now=NOW, hostname="balunas", uptime_seconds=7, users=users)
    recorded = json.loads(body_of(VECTORS["offline-real-httpx027"]))
    assert shape(snapshot) == shape(recorded)
    assert list(snapshot) == list(recorded)
    assert snapshot["users"] == {"total": 1, "list": [{"username": "admin", "role": "admin"}]}


def shape(value: object) -> object:
    """Return the keys and types of a JSON value; lists by their first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value)


def call_against(
    host: str, handler: Handler, *, call: Call = Call.COMING_ONLINE, timeout: float | None = None
) -> CallResult:
    async def scenario() -> CallResult:
        server = web.Server(handler, access_log=None, handler_cancellation=True)
        listening = await asyncio.get_running_loop().create_server(server, host, PORT)
        try:
            return await send_call(
                call,
                url=f"http://{host}:{PORT}/",
                secret=SECRET,
                now=NOW,
                snapshot={"version": 1} if call is Call.GOING_OFFLINE else None,
                timeout_seconds=timeout,
            )
        finally:
            listening.close()
            await server.shutdown(0.1)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("call", "body"),
    [
        pytest.param(Call.COMING_ONLINE, b""),
        pytest.param(Call.GOING_OFFLINE, b'{"version": 1}'),
    ],
)
def test_the_call_on_the_wire_is_the_signed_one(block: str, call: Call, body: bytes) -> None:
    seen: list[tuple[str, str, bytes, str, str]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        received = await request.read()
        headers = request.headers
        seen.append(
            (
                request.method,
                request.path,
                received,
                headers["Content-Type"],
                headers["X-Balupi-Signature"],
            )
        )
        assert "Transfer-Encoding" not in headers
        assert headers["Content-Length"] == str(len(body))
        return web.json_response({"acknowledged": True})

    result = call_against(f"{block}.2", handler, call=call)
    expected = signed_call(
        call,
        secret=SECRET,
        timestamp=int(NOW.timestamp()),
        snapshot={"version": 1} if body else None,
    )
    assert seen == [
        (
            "POST",
            f"/api/handshake/{call}",
            body,
            "application/json",
            expected.headers["X-Balupi-Signature"],
        )
    ]
    assert (result.acknowledged, result.status, result.error) == (True, 200, None)
    assert result.answer == {"acknowledged": True}


@pytest.mark.parametrize(
    ("status", "text", "answer"),
    [
        pytest.param(401, '{"detail": "no"}', {"detail": "no"}, id="refused"),
        pytest.param(200, '{"acknowledged": false}', {"acknowledged": False}, id="not taken"),
        pytest.param(200, "<html>", "<html>", id="somebody else"),
        pytest.param(302, '{"acknowledged": true}', {"acknowledged": True}, id="elsewhere"),
        pytest.param(500, "", "", id="broken"),
    ],
)
def test_anything_but_an_acknowledge_does_not_count(
    block: str, status: int, text: str, answer: object
) -> None:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    result = call_against(f"{block}.2", handler)
    assert (result.acknowledged, result.status, result.answer) == (False, status, answer)


def test_it_gives_up_and_does_not_try_again(block: str) -> None:
    asked = 0

    async def handler(_request: web.BaseRequest) -> web.Response:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return web.Response()

    result = call_against(f"{block}.2", handler, timeout=0.05)
    assert (result.acknowledged, result.status, asked) == (False, None, 1)
    assert result.error == "no answer within 0.05 s"


def test_a_pi_that_is_not_there_is_told_as_an_error(block: str) -> None:
    result = asyncio.run(
        send_call(Call.COMING_ONLINE, url=f"http://{block}.2:{PORT}", secret=SECRET, now=NOW)
    )
    assert result.status is None
    assert result.error is not None
    assert "Connect call failed" in result.error
