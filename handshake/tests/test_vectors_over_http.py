"""Every vector on the wire, byte for byte, against the web process's own server."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
import waitress
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteConnection
from django.utils import timezone
from waitress import wasyncore

from balupi_site.management.commands import run_web
from handshake.models import NasCall, Snapshot
from handshake.services import snapshots
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from handshake.snapshot import read_snapshot
from handshake.tests.conftest import Stored
from handshake.tests.vectors import COMING_ONLINE, PARAMS, SNAPSHOT, VECTORS, Vector, balu_sign
from nasctl import services as nasctl

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("enqueued", "names"),
    pytest.mark.sqlite_is_enough("a signature knows none"),
]

#: Well signed, but no snapshot.
UNUSABLE = {
    "offline-empty-object",
    "offline-empty-body",
    "offline-not-json-raw-signed",
    "hostile-nan",
    "hostile-lone-surrogate",
}
_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """The web process's server in a thread, with the tests' database."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._handler = WSGIHandler()
        # A database in memory is one connection, which all threads have to share.
        self._shared = {
            connection.alias: connection
            for connection in connections.all()
            if isinstance(connection, SqliteConnection) and connection.is_in_memory_db()
        }
        self._map: dict[int, Any] = {}
        self._server = waitress.create_server(self._answer, self._map, **options)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve until the block ends."""
        for connection in self._shared.values():
            connection.inc_thread_sharing()
        self._thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._server.trigger.pull_trigger()
            self._thread.join(_DEADLINE_S)
            self._server.task_dispatcher.shutdown()
            wasyncore.close_all(self._map)
            for connection in self._shared.values():
                connection.dec_thread_sharing()
        assert not self._thread.is_alive()

    def send(self, request: bytes) -> Answer:
        """Send bytes as they are and read until the server hangs up."""
        address = ("127.0.0.1", self._server.effective_port)
        with socket.create_connection(address, timeout=_DEADLINE_S) as wire:
            wire.sendall(request)
            answer = b""
            while part := wire.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        return Answer(int(head.split(maxsplit=2)[1]), head.lower(), body)

    def _run(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=_DEADLINE_S, use_poll=True, map=self._map, count=1)

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        for alias, connection in self._shared.items():
            connections[alias] = connection
        response = self._handler(environ, start_response)
        try:
            return list(response)
        finally:
            response.close()
            for alias in set(connections) - set(self._shared):
                connections[alias].close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[Server]:
    """Serve with the options that ``run_web`` gives its server."""
    asked: list[dict[str, Any]] = []
    settings.LISTEN, settings.STATIC_ROOT = ("127.0.0.1:0",), tmp_path

    def create_server(_application: object, **options: Any) -> SimpleNamespace:
        asked.append(options)
        return SimpleNamespace(run=lambda: None)

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "balupi_site.wsgi", SimpleNamespace(application=None))
        patch.setattr(signal, "signal", lambda *_arguments: None)
        patch.setattr(waitress, "create_server", create_server)
        run_web.Command(stdout=io.StringIO()).handle()
    (options,) = asked
    with Server(options).running() as running:
        yield running


@pytest.fixture(autouse=True)
def _before() -> None:
    """Let the NAS be online, and have sent a snapshot earlier."""
    with time_machine.travel(VECTORS["startup-empty-body"].at - timedelta(hours=1), tick=False):
        nasctl.note_coming_online(timezone.now())
        snapshots.keep(read_snapshot(SNAPSHOT.replace(b"48211", b"17")), timezone.now())


def request(
    vector: Vector, *, signature: bytes | None = None, without: str = "", length: str | None = None
) -> bytes:
    """Write a vector as it goes over the wire.

    Args:
        vector: the call.
        signature: other bytes for the header.
        without: a header that is left out.
        length: another word for the length of the body; None: the right one.
    """
    length = str(len(vector.body)) if length is None else length
    headers = {
        "Host": b"127.0.0.1",
        "Connection": b"close",
        "Content-Type": b"application/json",
        "Content-Length": length.encode(),
        TIMESTAMP_HEADER: vector.timestamp.encode(),
        SIGNATURE_HEADER: vector.signature.encode() if signature is None else signature,
    }
    lines = [f"{vector.method} {vector.path} HTTP/1.1".encode()]
    lines += [name.encode() + b": " + value for name, value in headers.items() if name != without]
    return b"\r\n".join([*lines, b"", vector.body])


def expected_statuses(vector: Vector) -> set[int]:
    if vector.is_optional:
        return {200, 400, 401, 405}
    if not vector.secret:
        return {503}
    if not vector.is_accepted:
        return {401}
    return {400} if vector.name in UNUSABLE else {200}


@pytest.mark.parametrize("vector", PARAMS)
def test_a_vector_on_the_wire(
    vector: Vector, server: Server, stored: Stored, settings: Any
) -> None:
    settings.HANDSHAKE_SECRET = vector.secret
    before = stored()
    with time_machine.travel(vector.now, tick=False):
        answer = server.send(request(vector))
    assert answer.status in expected_statuses(vector), answer
    assert (stored() == before) is (answer.status != 200)
    if answer.status == 200:
        assert answer.json["acknowledged"] is True
    else:
        assert vector.is_optional or answer.json["detail"]
    if answer.status == 401:
        assert b"\r\nwww-authenticate: signature " in answer.headers


ACCEPTED = [param for param in PARAMS if expected_statuses(VECTORS[str(param.id)]) == {200}]


@pytest.mark.parametrize("vector", ACCEPTED)
def test_an_accepted_vector_is_followed(vector: Vector, server: Server) -> None:
    is_offline = vector.path != COMING_ONLINE
    with time_machine.travel(vector.now, tick=False):
        assert server.send(request(vector)).status == 200
        status = nasctl.nas_overview(timezone.now())
        kept = snapshots.latest(timezone.now())
    assert status.state == ("shutting_down" if is_offline else "online")
    call = NasCall.objects.get()
    assert (call.signature, call.client) == (vector.signature, "127.0.0.1")
    assert (call.received_at, call.signed_at.timestamp()) == (vector.at, int(vector.timestamp))
    assert Snapshot.objects.count() == (2 if is_offline else 1)
    assert kept is not None
    if is_offline:
        assert json.loads(Snapshot.objects.order_by("pk").last().content) == json.loads(vector.body)  # type: ignore[union-attr]
        assert kept["age_s"] == 0


@pytest.mark.parametrize("vector", ACCEPTED)
def test_an_accepted_vector_is_not_accepted_again(
    vector: Vector, server: Server, stored: Stored
) -> None:
    """The predecessor took each call as often as it came, for a minute."""
    with time_machine.travel(vector.now, tick=False):
        assert server.send(request(vector)).status == 200
        before = stored()
        answer = server.send(request(vector))
    assert (answer.status, stored()) == (401, before)
    assert "accepted before" in answer.json["detail"]


def test_the_same_value_in_other_bytes_is_the_same_call(server: Server, stored: Stored) -> None:
    """One signature is good for several bodies; still it is used up by the first."""
    first, second = VECTORS["offline-real-httpx027"], VECTORS["offline-real-httpx028"]
    assert (first.signature, first.body != second.body) == (second.signature, True)
    with time_machine.travel(first.now, tick=False):
        assert server.send(request(first)).status == 200
        before = stored()
        assert server.send(request(second)).status == 401
    assert stored() == before


@pytest.mark.parametrize("signature", [b"\xe9" * 64, b"\xff" * 64, "\U0001f600".encode() * 16])
def test_bytes_that_are_no_text_are_401(signature: bytes, server: Server) -> None:
    """The predecessor: 500."""
    vector = VECTORS["offline-real-httpx027"]
    with time_machine.travel(vector.now, tick=False):
        assert server.send(request(vector, signature=signature)).status == 401


@pytest.mark.parametrize("header", [TIMESTAMP_HEADER, SIGNATURE_HEADER])
@pytest.mark.parametrize("is_there_twice", [False, True])
def test_a_header_must_be_there_once(header: str, is_there_twice: bool, server: Server) -> None:
    vector = VECTORS["offline-real-httpx027"]
    value = vector.timestamp if header == TIMESTAMP_HEADER else vector.signature
    line = f"{header}: {value}\r\n".encode()
    call = request(vector)
    assert call.count(line) == 1
    with time_machine.travel(vector.now, tick=False):
        answer = server.send(call.replace(line, line * 2 if is_there_twice else b""))
    assert answer.status == 401
    assert header in answer.json["detail"] or is_there_twice


@pytest.mark.parametrize("name", ["x_balupi_signature", "X-Balupi_Signature"])
def test_a_header_with_underscores_is_not_the_nas_s(name: str, server: Server) -> None:
    """Else one could hide a second signature behind the one that a proxy sees."""
    vector = VECTORS["offline-real-httpx027"]
    call = request(vector).replace(SIGNATURE_HEADER.encode(), name.encode())
    with time_machine.travel(vector.now, tick=False):
        assert server.send(call).status == 401


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "٣", "9" * 400, "1, 1", ""])
def test_a_length_that_is_none_is_no_fault_of_ours(
    length: str, server: Server, stored: Stored
) -> None:
    vector, before = VECTORS["offline-real-httpx027"], stored()
    with time_machine.travel(vector.now, tick=False):
        answer = server.send(request(vector, length=length))
    assert answer.status in (400, 401, 413)
    assert stored() == before


def test_a_body_in_chunks_is_read_whole(server: Server) -> None:
    vector = VECTORS["offline-real-httpx027"]
    half = len(vector.body) // 2
    parts = [vector.body[:half], vector.body[half:], b""]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    length = f"Content-Length: {len(vector.body)}".encode()
    call = request(vector).replace(length, b"Transfer-Encoding: chunked")
    with time_machine.travel(vector.now, tick=False):
        assert server.send(call.replace(vector.body, chunks)).status == 200


def test_a_body_in_chunks_has_the_same_limit(server: Server, stored: Stored) -> None:
    vector, before = VECTORS["offline-real-httpx027"], stored()
    body = json.dumps({"a": "x" * (1024 * 1024)}).encode()
    signature = balu_sign(vector.path, vector.timestamp, body)
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    length = f"Content-Length: {len(vector.body)}".encode()
    call = request(vector, signature=signature.encode())
    call = call.replace(length, b"Transfer-Encoding: chunked").replace(vector.body, chunks)
    with time_machine.travel(vector.now, tick=False):
        assert server.send(call).status == 413
    assert stored() == before
