"""The real nginx in front of the real web process, as deploy/nginx.conf has it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, Trial, free_port

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

CANARY = "canary-that-must-not-be-read"
PAGE = "<!doctype html><title>built by the NAS</title>"
#: What only files outside the page's folder hold: ours, the trial's settings, the computer's.
OUTSIDE = (CANARY, "BALUPI_SECRET_KEY", "root:x:0", "SQLite format 3")
DOORS = ["nginx", "web"]


@dataclass
class Answer:
    """What a socket got, and whether the server closed it by itself."""

    status: int
    head: str
    body: str
    is_closed: bool


@dataclass
class Site:
    """Both doors of the Pi: nginx's and the web process's own."""

    trial: Trial
    ports: dict[str, int]

    def ask(
        self,
        target: str,
        *lines: str,
        door: str = "nginx",
        method: str = "GET",
        host: str | None = "127.0.0.1",
        body: bytes = b"",
        source: str = "127.0.0.1",
    ) -> Answer:
        """Send one request as it stands, with no client that would clean it up."""
        head = [f"{method} {target} HTTP/1.1"]
        head += [f"Host: {host}"] if host is not None else []
        head += [f"Content-Length: {len(body)}"] if body else []
        request = "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body
        where = ("127.0.0.1", self.ports[door])
        with socket.create_connection(where, 10, (source, 0)) as link:
            link.sendall(request)
            return _read(link)


def _read(link: socket.socket) -> Answer:
    """Read one answer, then see for a moment whether the server closes."""
    data, is_closed = b"", False
    link.settimeout(10)
    while not _is_whole(data):
        chunk = link.recv(65536)
        if not chunk:
            is_closed = True
            break
        data += chunk
    link.settimeout(0.5)
    try:
        is_closed = is_closed or link.recv(1) == b""
    except TimeoutError:
        is_closed = False
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    return Answer(int(head.split(" ", 2)[1]), head, body, is_closed)


def _is_whole(data: bytes) -> bool:
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def site(trial: Trial, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "assets" / "index-DwkQ2a_9.js").write_text("console.log(1)")
    done = trial.manage("install_frontend", str(dist))
    assert done.returncode == 0, done.stderr
    page = trial.data_dir / "frontend"
    for place in (page.resolve().parent, trial.data_dir, trial.data_dir / "static"):
        (place / ".env").write_text(CANARY)
        (place / "secret.txt").write_text(CANARY)
    (page / "assets" / "out.txt").symlink_to(trial.data_dir / "secret.txt")
    (page / "assets" / ".hidden").write_text(CANARY)
    (trial.data_dir / "static" / "secret.txt").unlink()
    port, web = free_port(), int(trial.facts["url"].rpartition(":")[2])
    with _running_nginx(folder, trial, port, web):
        yield Site(trial, {"nginx": port, "web": web})
    (page / "assets" / "out.txt").unlink()
    assert trial.manage("install_frontend", "--remove").returncode == 0


class _running_nginx:  # noqa: N801  # used as a function
    def __init__(self, folder: Path, trial: Trial, port: int, web: int) -> None:
        filled = (ROOT / "deploy" / "nginx.conf").read_text()
        for word, value in {
            "LISTEN": f"127.0.0.1:{port}",
            "WEB": f"127.0.0.1:{web}",
            "PI_NAMES": f"127.0.0.1 localhost {trial.facts['pi_ip']}",
            "NAS_NAMES": " ".join(trial.facts["dns_names"]),
            "DATA": str(trial.data_dir),
            "FRONTEND": str(trial.data_dir / "frontend"),
        }.items():
            filled = filled.replace(f"@{word}@", value)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        user = "user root;\n" if os.geteuid() == 0 else ""
        self._conf, self._port, self._folder = folder / "nginx.conf", port, folder
        self._conf.write_text(
            f"{user}daemon off;\npid {folder}/pid;\nworker_processes 1;\nevents {{}}\n"
            f"http {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n{places}{filled}}}\n"
        )

    def __enter__(self) -> None:
        command = ["/usr/sbin/nginx", "-c", str(self._conf), "-e", str(self._folder / "error.log")]
        self._process = subprocess.Popen(command)  # noqa: S603
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self._folder / "error.log").read_text())

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(10)


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
    "/static/%2e%2e/balupi.sqlite3",
    "/static//etc/passwd",
    "/static/",
    "/frontend.copies/secret.txt",
    "/live/..%2f..%2fsecret.txt",
    "/dashboard/..%2f..%2fsecret.txt",
    "/" + "a" * 300 + "/../../secret.txt",
]


@pytest.mark.parametrize("door", DOORS)
def test_no_path_leads_to_a_file_outside_the_page(site: Site, door: str) -> None:
    if not Path("/etc/passwd").read_text().startswith("root:x:0"):
        pytest.fail("the test would not see it if /etc/passwd were served")
    for target in TRICKS:
        for accept in ("text/html", "*/*"):
            answer = site.ask(target, f"Accept: {accept}", "Connection: close", door=door)
            assert answer.status < 500, (target, answer.head)
            assert not [word for word in OUTSIDE if word in answer.body], target
            assert "Index of" not in answer.body, target


@pytest.mark.parametrize("door", DOORS)
def test_the_page_and_its_files_are_served(site: Site, door: str) -> None:
    for path in ("/", "/login", "/system", "/any/route"):
        assert PAGE in site.ask(path, "Accept: text/html", door=door).body
    asset = site.ask("/assets/index-DwkQ2a_9.js", door=door)
    assert (asset.status, asset.body) == (200, "console.log(1)")
    assert "immutable" in asset.head
    assert "nosniff" in asset.head
    assert "javascript" in asset.head
    assert site.ask("/assets/gone.js", door=door).status == 404
    assert site.ask("/dashboard/", "Accept: text/html", door=door).status == 302
    assert site.ask("/api/nothing", "Accept: text/html", door=door).status == 404


def test_our_own_static_files_come_from_disk_with_a_long_cache(site: Site) -> None:
    login = site.ask("/dashboard/login", "Accept: text/html").body
    path = re.search(r"/static/balupi/balupi\.[0-9a-f]{12}\.css", login)
    assert path
    answer = site.ask(path[0])
    assert answer.status == 200
    assert "immutable" in answer.head
    assert "X-BaluPi" not in answer.head.replace("X-Balupi", "X-BaluPi")  # nginx's, not the web's


def test_what_the_web_process_draws_is_compressed(site: Site) -> None:
    answer = site.ask("/dashboard/login", "Accept: text/html", "Accept-Encoding: gzip")
    assert "content-encoding: gzip" in answer.head.lower()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "host", ["evil.example", "baluhost.local.evil.example", "127.0.0.1.evil.example", "", "a b"]
)
def test_a_name_that_nobody_here_has_is_misdirected(site: Site, door: str, host: str) -> None:
    for path in ("/", "/api/health", "/wake"):
        answer = site.ask(path, "Accept: text/html", door=door, host=host)
        assert answer.status in {400, 421}, answer.head
        assert "Traceback" not in answer.body
        assert "balupi_session" not in answer.head
    if host == "evil.example":
        assert '{"detail"' in site.ask("/api/health", door=door, host=host).body


@pytest.mark.parametrize("door", DOORS)
def test_two_names_or_none_are_refused(site: Site, door: str) -> None:
    two = site.ask("/api/health", "Host: evil.example", door=door)
    assert two.status in {400, 421}
    assert site.ask("/api/health", door=door, host=None).status in {400, 421}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "host", ["baluhost.local", "BALUHOST.Local", "baluhost.local.", "baluhost.local:80"]
)
def test_under_the_nas_name_nothing_is_kept(site: Site, door: str, host: str) -> None:
    for path, accept, status in (
        ("/", "text/html", 503),
        ("/login", "text/html", 503),
        ("/photos/summer", "text/html", 503),
        ("/api/files", "application/json", 503),
        ("/assets/index-DwkQ2a_9.js", "*/*", 503),
        ("/api/health", "*/*", 200),
        ("/favicon.ico", "*/*", 302),
    ):
        answer = site.ask(path, f"Accept: {accept}", door=door, host=host)
        assert answer.status == status, (path, answer.head)
        assert "cache-control: no-store" in answer.head.lower()
        assert "connection: close" in answer.head.lower()
        assert answer.is_closed, path
        assert PAGE not in answer.body


@pytest.mark.parametrize("door", DOORS)
def test_under_the_pi_name_the_connection_is_kept(site: Site, door: str) -> None:
    assert not site.ask("/api/health", door=door).is_closed


@pytest.mark.parametrize("door", DOORS)
def test_an_absolute_address_in_the_request_line_is_no_way_around(site: Site, door: str) -> None:
    answer = site.ask(
        "http://baluhost.local/photos", "Accept: text/html", door=door, host="baluhost.local"
    )
    assert answer.status == 503
    evil = site.ask("http://evil.example/", door=door, host="evil.example")
    assert evil.status in {400, 421}


@pytest.mark.parametrize("door", DOORS)
def test_a_body_that_is_too_large_is_413(site: Site, door: str) -> None:
    body = b"x" * (3 * 1024 * 1024)
    try:
        answer = site.ask("/api/nas/wol", door=door, method="POST", body=body)
    except (BrokenPipeError, ConnectionResetError):
        return  # it closed while we were still sending, which is its right
    assert answer.status == 413


def test_a_visitor_without_an_account_wakes_the_nas_under_its_name(site: Site) -> None:
    trial, source = site.trial, "127.0.0.9"
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
    page = site.ask("/photos/a%20b?c=d", "Accept: text/html", host="baluhost.local", source=source)
    assert page.status == 503
    assert "Retry-After" in page.head
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    cookie = re.search(r"(balupi_csrf=\w+)", page.head)
    assert token
    assert cookie
    for method, target in (("POST", "/photos"), ("GET", "/wake"), ("PUT", "/wake")):
        site.ask(target, method=method, host="baluhost.local", source=source)
    assert trial.nas_state() == "offline"
    woken = site.ask(
        "/wake",
        "Content-Type: application/x-www-form-urlencoded",
        f"Cookie: {cookie[1]}",
        "X-Forwarded-For: 203.0.113.7",
        "Forwarded: for=203.0.113.7",
        method="POST",
        host="baluhost.local",
        source=source,
        body=f"csrfmiddlewaretoken={token[1]}&next=/photos/a%2520b?c=d".encode(),
    )
    assert (woken.status, "Location: /photos/a%20b?c=d" in woken.head) == (302, True), woken.head
    status = trial.get("/api/nas/status")[1]
    assert status["state"] == "booting"
    [asked] = trial.get("/api/nas/timeline?kind=wake.requested&limit=1")[1]["items"]
    assert asked["address"] == source  # not what it said of itself
    stages = site.ask("/photos", "Accept: text/html", host="baluhost.local", source=source)
    assert "Signal sent" in stages.body
    trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is up")
