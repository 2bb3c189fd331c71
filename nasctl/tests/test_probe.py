"""Looking at the NAS: what counts as being there, what counts as BaluHost, and how long it may take."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nasctl.evidence import Answer, Presence
from nasctl.probe import Probe, presence, probe
from pihole.tests.raw_server import RawServer, Script, raw_server, self_signed, silent_port

pytestmark = pytest.mark.enable_socket

PATH = "/api/system/info"
JSON = b"Content-Type: application/json\r\n"
NOT_LOGGED_IN = b'{"detail": "Not authenticated"}'


def answer(head: bytes, body: bytes = b"", *, status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + head + b"\r\n" + body


def says(reply: bytes, heard: list[bytes] | None = None) -> Callable[[RawServer], Script]:
    def script(connection: socket.socket, _number: int) -> None:
        request = connection.recv(4096)
        if heard is not None:
            heard.append(request)
        connection.sendall(reply)

    return lambda _server: script


def asked(port: int, *, deadline_s: float = 5.0) -> Probe:
    return probe(f"http://127.0.0.1:{port}", "127.0.0.1", PATH, deadline_s=deadline_s)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(
            answer(JSON, NOT_LOGGED_IN, status=b"401 Unauthorized"),
            Probe(Answer.GOOD, 401),
            id="a real BaluHost to a stranger",
        ),
        pytest.param(answer(JSON, b"{}"), Probe(Answer.GOOD, 200), id="200 JSON"),
        pytest.param(answer(JSON, b"[]", status=b"404 No"), Probe(Answer.GOOD, 404), id="404 JSON"),
        pytest.param(
            answer(b"Content-Type: Application/JSON; charset=utf-8\r\n", b"{}"),
            Probe(Answer.GOOD, 200),
            id="JSON spelt differently",
        ),
        pytest.param(
            answer(b"Content-Type: text/html\r\n", b"<html>", status=b"502 Bad Gateway"),
            Probe(Answer.BAD_STATUS, 502),
            id="its front server without it",
        ),
        pytest.param(
            answer(JSON, b"{}", status=b"503 No"), Probe(Answer.BAD_STATUS, 503), id="503 JSON"
        ),
        pytest.param(
            answer(b"Content-Type: text/html\r\n", b"<html>"),
            Probe(Answer.NOT_JSON, 200),
            id="200 with a page",
        ),
        pytest.param(answer(JSON, b"<html>"), Probe(Answer.NOT_JSON, 200), id="a lie about JSON"),
        pytest.param(answer(JSON, b""), Probe(Answer.NOT_JSON, 200), id="no body"),
        pytest.param(
            answer(JSON, b"[" * 60_000), Probe(Answer.NOT_JSON, 200), id="too deep to parse"
        ),
        pytest.param(
            answer(JSON, b'"' + b"a" * 70_000 + b'"'),
            Probe(Answer.NOT_JSON, 200),
            id="far too long",
        ),
        pytest.param(
            answer(JSON + b"X-BaluPi: 0.1.0\r\n", b"{}"),
            Probe(Answer.OURS, 200),
            id="ourselves, by header",
        ),
        pytest.param(
            answer(JSON, b'{"service": "balupi"}'), Probe(Answer.OURS, 200), id="ourselves, by name"
        ),
        pytest.param(
            answer(b"Location: http://127.0.0.1:1/\r\n", b"", status=b"302 Found"),
            Probe(Answer.NOT_JSON, 302),
            id="a redirect is not followed",
        ),
        pytest.param(b"", Probe(Answer.BROKEN), id="hangs up"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", Probe(Answer.BROKEN), id="no HTTP at all"),
    ],
)
def test_only_json_below_500_is_proof_of_baluhost(reply: bytes, expected: Probe) -> None:
    with raw_server(says(reply)) as server:
        assert asked(server.port) == expected


def test_it_asks_one_plain_question() -> None:
    heard: list[bytes] = []
    with raw_server(says(answer(JSON, b"{}"), heard)) as server:
        probe(f"http://nas.home:{server.port}", "127.0.0.1", PATH)
    [request] = heard
    lines = request.decode().split("\r\n")
    assert lines[0] == f"GET {PATH} HTTP/1.1"
    assert f"Host: nas.home:{server.port}" in lines
    assert "Connection: close" in lines
    assert not [line for line in lines if line.lower().startswith(("authorization", "cookie"))]


def test_it_takes_no_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with raw_server(says(answer(JSON, b"{}"))) as server:
        assert asked(server.port).answer is Answer.GOOD


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_self_signed_certificate_is_no_obstacle(tmp_path: Path) -> None:
    """NAS_URL may be https; no certificate is good for an address in the house."""
    tls = self_signed(tmp_path)

    def script(connection: socket.socket, _number: int) -> None:
        with tls.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(4096)
            wrapped.sendall(answer(JSON, b"{}"))

    with raw_server(lambda _server: script) as server:
        found = probe(f"https://127.0.0.1:{server.port}", "127.0.0.1", PATH)
    assert found == Probe(Answer.GOOD, 200)


def drip(reply: bytes) -> Callable[[RawServer], Script]:
    """Send a reply byte by byte, so that no single read is ever late."""

    def make(server: RawServer) -> Script:
        def script(connection: socket.socket, _number: int) -> None:
            for byte in reply:
                if server.ends.wait(0.02):
                    return
                connection.sendall(bytes([byte]))

        return script

    return make


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 90, id="in its headers"),
        pytest.param(answer(JSON, b"[" + b"1," * 900 + b"1]")[:200] + b"1" * 900, id="in its body"),
    ],
)
def test_the_deadline_is_for_everything_however_slowly_it_drips(reply: bytes) -> None:
    with raw_server(drip(reply)) as server:
        started_s = time.monotonic()
        assert asked(server.port, deadline_s=0.6) == Probe(Answer.TIMEOUT)
        assert 0.5 <= time.monotonic() - started_s < 1.2


def test_a_nas_that_accepts_and_never_answers_is_late_but_present() -> None:
    def silence(server: RawServer) -> Script:
        return lambda _connection, _number: (server.ends.wait(10), None)[1]

    with raw_server(silence) as server:
        assert presence("127.0.0.1", server.port) is Presence.OK
        assert asked(server.port, deadline_s=0.3) == Probe(Answer.TIMEOUT)


def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert presence("127.0.0.1", port) is Presence.REFUSED
    assert asked(port) == Probe(Answer.REFUSED)


def test_a_host_that_swallows_connections_is_silent() -> None:
    with silent_port() as port:
        started_s = time.monotonic()
        assert presence("127.0.0.1", port, deadline_s=0.3) is Presence.SILENT
        assert time.monotonic() - started_s < 0.8
        assert asked(port, deadline_s=0.3) == Probe(Answer.TIMEOUT)


def test_presence_sends_nothing() -> None:
    heard: list[bytes] = []

    def listen(_server: RawServer) -> Script:
        return lambda connection, _number: heard.append(connection.recv(4096))

    with raw_server(listen) as server:
        assert presence("127.0.0.1", server.port) is Presence.OK
        deadline_s = time.monotonic() + 5
        while not heard and time.monotonic() < deadline_s:
            time.sleep(0.005)
    assert heard == [b""]


@pytest.mark.parametrize(
    "error", [OSError(113, "No route to host"), OSError(101, "Network is unreachable")]
)
def test_a_host_without_a_route_is_silent(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr("nasctl.probe.socket.create_connection", fail)
    assert presence("127.0.0.1", 9) is Presence.SILENT
