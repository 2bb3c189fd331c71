"""A TCP server that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: What to do with a connection; gets it and its number, from 1.
Script = Callable[[socket.socket, int], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class RawServer:
    """Runs a script for each connection; ``ends`` is set when the test is over."""

    def __init__(self, script: Callable[[RawServer], Script]) -> None:
        self._script = script(self)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.connections = 0
        self.ends = threading.Event()
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                thread = threading.Thread(target=self._run, args=(connection, self.connections))
                thread.start()
                self._threads.append(thread)  # started ones only: the others cannot be joined

    def _run(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            self._script(connection, number)

    def close(self) -> None:
        self.ends.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def raw_server(script: Callable[[RawServer], Script]) -> Iterator[RawServer]:
    """Run a server; ``script`` makes the script for it."""
    server = RawServer(script)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """Return one request without a body; b"" where the client is gone."""
    read = b""
    while b"\r\n\r\n" not in read:
        chunk = connection.recv(4096)
        if not chunk:
            return b""
        read += chunk
    return read


@contextmanager
def silent_port() -> Iterator[int]:
    """Give a port that drops connection attempts, as a host without power does.

    The one place in its queue is taken by a connection of our own, which is never accepted.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port: int = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yield port


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS with a certificate like the one FTL makes: CN and SAN pi.hole."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pi.hole")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=47))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pi.hole")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "tls.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
