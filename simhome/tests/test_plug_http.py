"""The plug's HTTP server bears requests that python-kasa would never send."""

import asyncio

import pytest

from simhome.klap import SEED_BYTES
from simhome.tests.plug_helpers import make_plug, on_network, run

pytestmark = pytest.mark.enable_socket

SEED = b"s" * SEED_BYTES
HANDSHAKE = b"POST /app/handshake1 HTTP/1.1\r\nContent-Length: 16\r\n\r\n" + SEED
FORBIDDEN_REQUEST = b"POST /app/request?seq=1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(HANDSHAKE, 200, id="a handshake"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 404, id="a browser"),
        pytest.param(b"GET /app/request HTTP/1.1\r\n\r\n", 404, id="another method"),
        pytest.param(b"POST /app/handshake1 HTTP/1.1\r\n\r\n", 400, id="no seed"),
        pytest.param(FORBIDDEN_REQUEST, 403, id="no session"),
        pytest.param(b"POST /app/handshake2 HTTP/1.1\r\n\r\n", 403, id="no first handshake"),
        pytest.param(b"\r\n\r\n", 400, id="nothing"),
        pytest.param(b"hello\r\n\r\n", 400, id="not HTTP"),
        pytest.param(b"x" * 9000, 400, id="a head without end"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, id="length no number"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 400, id="too long"),
    ],
)
def test_a_request_gets_its_status(block: str, sent: bytes, status: int) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            reader, writer = await asyncio.open_connection(plug.host, plug.port)
            writer.write(sent)
            assert (await reader.readline()).split()[1] == str(status).encode()
            await close(writer)

    run(scenario)


def test_the_handshake_is_answered_with_the_cookie_of_a_real_plug(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            reader, writer = await asyncio.open_connection(plug.host, plug.port)
            writer.write(HANDSHAKE)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert len(await reader.readexactly(48)) == 48
            await close(writer)
        assert "Server: SHIP 2.0\r\n" in head
        assert "Content-Length: 48\r\n" in head
        cookie = next(line for line in head.split("\r\n") if line.startswith("Set-Cookie"))
        assert cookie.startswith("Set-Cookie: TP_SESSIONID=")
        assert cookie.endswith(";TIMEOUT=86400")

    run(scenario)


def test_requests_in_pieces_and_in_one_piece_are_answered_in_order(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            reader, writer = await asyncio.open_connection(plug.host, plug.port)
            for byte in HANDSHAKE:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            assert b" 200 " in await reader.readline()
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(48)
            writer.write(FORBIDDEN_REQUEST + b"GET / HTTP/1.1\r\n\r\n")
            assert b" 403 " in await reader.readuntil(b"\r\n\r\n")
            assert b" 404 " in await reader.readuntil(b"\r\n\r\n")
            await close(writer)

    run(scenario)


def test_requests_in_one_piece_are_answered_in_order_by_a_slow_plug_too(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        plug.set_fault("slow", seconds=0.05)
        async with on_network(plug):
            reader, writer = await asyncio.open_connection(plug.host, plug.port)
            writer.write(FORBIDDEN_REQUEST + b"GET / HTTP/1.1\r\n\r\n")
            assert b" 403 " in await reader.readuntil(b"\r\n\r\n")
            assert b" 404 " in await reader.readuntil(b"\r\n\r\n")
            await close(writer)

    run(scenario)


def test_a_client_that_asks_for_it_is_closed_after_the_answer(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        async with on_network(plug):
            reader, writer = await asyncio.open_connection(plug.host, plug.port)
            writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b" 404 " in await reader.read()
            await close(writer)

    run(scenario)


def test_stopping_ends_connections_and_frees_the_addresses(block: str) -> None:
    async def scenario() -> None:
        plug = make_plug(block)
        await plug.start()
        reader, writer = await asyncio.open_connection(plug.host, plug.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await plug.stop()
        await plug.stop()
        assert await reader.read() == b""
        await close(writer)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(plug.host, plug.port)
        await plug.start()
        await plug.stop()

    run(scenario)


def test_a_taken_address_is_told_and_nothing_stays_behind(block: str) -> None:
    async def scenario() -> None:
        plug, second = make_plug(block), make_plug(block)
        async with on_network(plug):
            with pytest.raises(OSError, match=r".+"):
                await second.start()
            assert second.describe()["network"] == "stopped"
        await second.start()
        await second.stop()

    run(scenario)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()
