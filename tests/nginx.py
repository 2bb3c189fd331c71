"""The real nginx with the site that ``nginx_config`` prints, and requests that no client cleans up."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Trial, free_port

NGINX = "/usr/sbin/nginx"
#: What the ways out of a folder of files look like.
TRICKS = [
    "//etc/passwd",
    "/%2fetc/passwd",
    "/%2f%2fetc/passwd",
    "/../.env",
    "/..%2f.env",
    "/%2e%2e/.env",
    "/%2e%2e%2f.env",
    "/..%5c.env",
    "/..\\.env",
    "/.env",
    "/%2eenv",
    "/secret.txt",
    "/../secret.txt",
    "/../../balupi.env",
    "/..%2f..%2fbalupi.env",
    "/%252e%252e/balupi.env",
    "/index.html%00.js",
    "/assets/../../secret.txt",
    "/assets../secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets/%2e%2e/",
    "/assets/%2e%2e/%2e%2e/secret.txt",
    "/assets//../../secret.txt",
    "/assets/%2fetc/passwd",
    "/assets//etc/passwd",
    "/assets/out.txt",
    "/assets/.hidden",
    "/assets/",
    "/assets",
    "/static/../secret.txt",
    "/static../secret.txt",
    "/static/..%2fbalupi.env",
    "/static/.env",
    "/static/../balupi.sqlite3",
    "/static/%2e%2e/balupi.sqlite3",
    "/static//etc/passwd",
    "/static/",
    "/frontend.copies/secret.txt",
    "/live/..%2f..%2fsecret.txt",
    "/dashboard/..%2f..%2fsecret.txt",
    "/balupi-starting/..%2fsecret.txt",
    "/" + "a" * 300 + "/../../secret.txt",
]


@dataclass
class Answer:
    """What a socket got, and whether the server closed it by itself."""

    status: int
    head: str
    body: str
    is_closed: bool


def ask(
    port: int,
    target: str,
    *lines: str,
    method: str = "GET",
    host: str | None = "127.0.0.1",
    body: bytes = b"",
    source: str = "127.0.0.1",
    address: str = "127.0.0.1",
) -> Answer:
    """Send one request as it stands, with no client that would clean it up.

    Args:
        port: where.
        target: of the request line.
        lines: more lines of the head.
        method: of the request line.
        host: in the head; None: no such line.
        body: what is sent.
        source: the visitor's address.
        address: the server's address.
    """
    head = [f"{method} {target} HTTP/1.1"]
    head += [f"Host: {host}"] if host is not None else []
    head += [f"Content-Length: {len(body)}"] if body else []
    request = "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body
    came_from = (source, 0) if "." in address else None
    with socket.create_connection((address, port), 10, came_from) as link:
        # A server may answer and close before it has taken all of a body.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(request)
        return _read(link, has_body=method != "HEAD")


def _read(link: socket.socket, *, has_body: bool) -> Answer:
    """Read one answer, then see for a moment whether the server closes."""
    data, is_closed = b"", False
    link.settimeout(10)
    while not _is_whole(data, has_body=has_body):
        chunk = link.recv(65536)
        if not chunk:
            is_closed = True
            break
        data += chunk
    link.settimeout(0.5)
    try:
        while not is_closed:
            more = link.recv(65536)
            data, is_closed = data + more, not more
    except TimeoutError:
        pass
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    return Answer(int(head.split(" ", 2)[1]), head, body, is_closed)


def _is_whole(data: bytes, *, has_body: bool) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    if not has_body or b" 204 " in head[:20] or b" 304 " in head[:20]:
        return True
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


@contextlib.contextmanager
def running_nginx(folder: Path, site: str) -> Iterator[int]:
    """Run nginx with a site of BaluPi's on loopback; its port there, by IPv4 and IPv6.

    Args:
        folder: a new one for its files.
        site: as ``manage.py nginx_config`` prints it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    conf, log = folder / "nginx.conf", folder / "error.log"
    conf.write_text(whole_configuration(folder, on_loopback(site, port)))
    process = subprocess.Popen([NGINX, "-c", str(conf), "-e", str(log)])  # noqa: S603
    try:
        deadline_s = time.monotonic() + 10
        while not _accepts(port):
            is_late = time.monotonic() > deadline_s or process.poll() is not None
            assert not is_late, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def on_loopback(site: str, port: int) -> str:
    """Return a site that listens on loopback only."""
    here = re.sub(r"listen 80\b", f"listen 127.0.0.1:{port}", site)
    here = here.replace("listen [::]:80", f"listen [::1]:{port}")
    assert here.count(f":{port}") == 6, "three servers, by IPv4 and IPv6"
    return here


def whole_configuration(folder: Path, site: str) -> str:
    """Return what nginx starts with: the site in such a frame as Debian's, all files in the folder."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\npid {folder}/pid;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\ninclude /etc/nginx/mime.types;\n{places}{site}}}\n"
    )


def site_of(trial: Trial) -> str:
    """Return the site that the product prints for a trial's settings."""
    done = trial.manage("nginx_config")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
