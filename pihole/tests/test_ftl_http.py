"""One call to a Pi-hole that misbehaves on the wire: a deadline and a cause for everything."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pihole.ftl_http import FtlHttp
from pihole.problems import PiholeProblem, ProblemCode
from pihole.tests.raw_server import (
    OK,
    RawServer,
    Script,
    raw_server,
    read_request,
    self_signed,
    silent_port,
)

pytestmark = pytest.mark.enable_socket

#: Far above ``_CALL_S``, far below the 5 s that a per-read timeout would need.
_GENEROUS_S = 1.5
_CALL_S = 0.3


@contextmanager
def http_to(
    port: int, *, scheme: str = "http", host: str = "127.0.0.1", call_s: float = _CALL_S
) -> Iterator[FtlHttp]:
    http = FtlHttp(f"{scheme}://{host}:{port}", ends_s=time.monotonic() + 30, call_s=call_s)
    try:
        yield http
    finally:
        http.close()


def failing(http: FtlHttp) -> PiholeProblem:
    """Return the problem of a call, which must come within the deadline."""
    started_s = time.monotonic()
    with pytest.raises(PiholeProblem) as caught:
        http.call("GET", "/api/auth")
    assert time.monotonic() - started_s < _GENEROUS_S
    return caught.value


def _drip(text: bytes) -> Callable[[RawServer], Script]:
    """Say something whole, then one byte per 20 ms without an end."""

    def script(server: RawServer) -> Script:
        def run(connection: socket.socket, _number: int) -> None:
            read_request(connection)
            connection.sendall(text)
            while not server.ends.wait(0.02):
                connection.sendall(b"x")

        return run

    return script


def _say(*texts: bytes) -> Callable[[RawServer], Script]:
    """Answer the n-th connection with the n-th text (the last for all others) and close it."""

    def run(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(texts[min(number, len(texts)) - 1])

    return lambda _server: run


def _hang(server: RawServer) -> Script:
    def run(_connection: socket.socket, _number: int) -> None:
        server.ends.wait()

    return run


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(_hang, ProblemCode.NO_ANSWER, id="hangs"),
        pytest.param(_drip(b""), ProblemCode.NO_ANSWER, id="drips the status"),
        pytest.param(_drip(b"HTTP/1.1 200 OK\r\nA: "), ProblemCode.NO_ANSWER, id="drips headers"),
        pytest.param(
            _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"),
            ProblemCode.NO_ANSWER, id="drips the body",
        ),
        pytest.param(
            _say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            ProblemCode.NO_ANSWER, id="cut in the middle",
        ),
        pytest.param(_say(b""), ProblemCode.NO_ANSWER, id="closes without a word, twice"),
        pytest.param(_say(b"SSH-2.0-OpenSSH_9.2\r\n"), ProblemCode.GARBAGE, id="not HTTP"),
    ],
)  # fmt: skip
def test_each_misbehaviour_ends_in_time_with_its_cause(
    script: Callable[[RawServer], Script], code: ProblemCode
) -> None:
    with raw_server(script) as server, http_to(server.port) as http:
        assert failing(http).code == code


def test_a_late_first_byte_does_not_buy_more_time() -> None:
    def script(server: RawServer) -> Script:
        def run(connection: socket.socket, _number: int) -> None:
            read_request(connection)
            server.ends.wait(0.8)
            connection.sendall(b"H")
            server.ends.wait()

        return run

    with raw_server(script) as server, http_to(server.port, call_s=1.0) as http:
        assert failing(http).code == ProblemCode.NO_ANSWER  # 1.8 s if each byte had its own second


def test_a_connection_closed_without_a_word_is_tried_once_more() -> None:
    with raw_server(_say(b"", OK)) as server, http_to(server.port) as http:
        assert http.call("GET", "/api/auth").body == {}
        assert server.connections == 2


def test_a_connection_is_kept_and_used_again() -> None:
    def serve(connection: socket.socket, _number: int) -> None:
        while read_request(connection):
            connection.sendall(OK)

    with raw_server(lambda _server: serve) as server, http_to(server.port) as http:
        for _ in range(3):
            assert http.call("GET", "/api/auth").status == 200
        assert server.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    closed = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(OK)
        if number == 1:
            connection.close()  # FTL after 5 idle seconds
            closed.set()
        else:
            read_request(connection)

    with raw_server(lambda _server: serve) as server, http_to(server.port) as http:
        http.call("GET", "/api/auth")
        assert closed.wait(5)
        assert http.call("GET", "/api/auth").status == 200
        assert server.connections == 2


def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with http_to(port) as http:
        found = failing(http)
    assert found.code == ProblemCode.UNREACHABLE
    assert f"http://127.0.0.1:{port}: connection refused." in str(found)


def test_a_host_without_power_costs_no_more_than_the_deadline() -> None:
    with silent_port() as port, http_to(port) as http:
        assert failing(http).code == ProblemCode.UNREACHABLE


def test_a_name_that_nobody_knows_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with http_to(80, host="pi.hole") as http:
        found = failing(http)
    assert found.code == ProblemCode.UNREACHABLE
    assert "its name is not known" in str(found)


def test_a_name_server_that_hangs_costs_no_more_than_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: over.wait() and [])
    with http_to(80, host="pi.hole") as http:
        assert failing(http).code == ProblemCode.UNREACHABLE
    over.set()


def test_a_certificate_made_by_pihole_itself_is_told(tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    def serve(connection: socket.socket, _number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            read_request(secure)

    with (
        raw_server(lambda _server: serve) as server,
        http_to(server.port, scheme="https", host="localhost") as http,
    ):
        found = failing(http)
    assert found.code == ProblemCode.BAD_TLS
    assert "http://" in str(found)


def test_https_to_a_port_without_tls_is_told() -> None:
    def serve(connection: socket.socket, _number: int) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with (
        raw_server(lambda _server: serve) as server,
        http_to(server.port, scheme="https") as http,
    ):
        assert failing(http).code == ProblemCode.BAD_TLS


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with raw_server(_say(OK)) as server, http_to(server.port) as http:
        assert http.call("GET", "/api/auth").status == 200


def test_all_calls_together_have_a_deadline_too() -> None:
    http = FtlHttp("http://127.0.0.1:9", ends_s=time.monotonic())
    assert failing(http).code == ProblemCode.NO_ANSWER
    http.close()
