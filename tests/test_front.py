"""All that faces the household together: nginx, web process, worker, Redis and smbd, under load.

``pytest -s`` prints the figures.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import pytest

from tests.conftest import Trial
from tests.nginx import TRICKS, Answer, ask, running_nginx, site_of
from tests.smb import SmbShare

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]  # nothing here changes the home

FOREIGN = "evil.example"
CONNECTIONS, REQUESTS = 8, 2000
#: What is in files that no path may lead to.
SECRETS = ("canary", "BALUPI_SECRET_KEY", "root:x:0", "SQLite format 3")


@dataclass
class Front:
    """What the household sees of a Pi."""

    trial: Trial
    port: int

    def ask(self, target: str, *lines: str, **options: str | bytes) -> Answer:
        """Ask nginx, see `tests.nginx.ask`."""
        return ask(self.port, target, *lines, **options)  # type: ignore[arg-type]

    @property
    def hosts(self) -> list[str]:
        """Names that are known: the Pi's, and each that is the NAS's."""
        return ["127.0.0.1", "localhost", *self.trial.facts["dns_names"]]

    def log_in(self) -> str:
        """Sign in by the form; the cookie."""
        page = self.ask("/dashboard/login", "Accept: text/html")
        csrf = re.search(r"balupi_csrf=\w+", page.head)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert csrf
        assert token
        facts = self.trial.facts
        form = {
            "username": facts["user"],
            "password": facts["password"],
            "csrfmiddlewaretoken": token[1],
        }
        kind = "Content-Type: application/x-www-form-urlencoded"
        body = urlencode(form).encode()
        answer = self.ask("/dashboard/login", kind, f"Cookie: {csrf[0]}", method="POST", body=body)
        session = re.search(r"balupi_session=\w+", answer.head)
        assert (answer.status, bool(session)) == (302, True), answer.head
        assert session
        return session[0]


@pytest.fixture(scope="module")
def front(trial: Trial, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    for name in ("secret.txt", ".env"):
        (trial.data_dir / name).write_text("canary")
    with running_nginx(tmp_path_factory.mktemp("front") / "nginx", site_of(trial)) as port:
        yield Front(trial, port)


def test_the_dashboard_needs_a_login_and_is_there_after_it(front: Front) -> None:
    cookie = front.log_in()
    page = front.ask("/dashboard/", "Accept: text/html", f"Cookie: {cookie}")
    assert page.status == 200
    assert front.trial.facts["user"] in page.body or "/dashboard/logout" in page.body
    assert front.ask("/api/auth/me", f"Cookie: {cookie}").status == 200
    assert front.ask("/api/auth/me").status == 401


@pytest.mark.parametrize("path", ["/", "/login", "/admin/", "/photos/2026?sort=a", "/a/b/c.html"])
def test_the_wake_page_is_there_under_each_of_the_nas_names_and_any_path(
    front: Front, path: str
) -> None:
    for host in front.trial.facts["dns_names"]:
        for name in (host, host.upper(), f"{host}."):
            answer = front.ask(path, "Accept: text/html", host=name)
            assert (answer.status, answer.is_closed) == (503, True)
            assert "Retry-After" in answer.head
            assert "/wake?" in answer.body


@pytest.mark.parametrize("path", ["/", "/dashboard/", "/api/health", "/static/balupi/icon.svg"])
def test_a_foreign_host_is_misdirected_and_kept_nowhere(front: Front, path: str) -> None:
    answer = front.ask(path, "Accept: text/html", host=FOREIGN)
    assert (answer.status, answer.is_closed) == (421, True)
    assert ('{"detail"' in answer.body) == path.startswith("/api")


def test_no_path_leads_to_a_file_that_is_not_for_all_under_any_name(front: Front) -> None:
    for host in (*front.hosts, FOREIGN):
        for target in TRICKS:
            answer = front.ask(target, "Accept: */*", "Connection: close", host=host)
            assert answer.status >= 300, (host, target, answer.head)
            assert not [word for word in SECRETS if word in answer.body], (host, target)


def test_static_files_are_small_and_kept_for_long(front: Front) -> None:
    path = stylesheet(front)
    plain = front.ask(path)
    assert (plain.status, len(plain.body) > 10_000) == (200, True)
    assert "Cache-Control: public, max-age=31536000, immutable" in plain.head
    small = front.ask(path, "Accept-Encoding: gzip")
    assert "Content-Encoding: gzip" in small.head
    assert len(small.body) < len(plain.body) / 2
    found = re.search("ETag: (.*)", plain.head)
    assert found
    assert front.ask(path, f"If-None-Match: {found[1].strip()}").status == 304
    unhashed = front.ask("/static/balupi/icon.svg")
    assert "Cache-Control: public, max-age=3600" in unhashed.head


def stylesheet(front: Front) -> str:
    page = front.ask("/dashboard/login", "Accept: text/html").body
    found = re.search(r"/static/balupi/balupi\.[0-9a-f]{12}\.css", page)
    assert found
    return found[0]


@dataclass(frozen=True)
class Kind:
    """One kind of request and what a right answer has."""

    name: str
    path: str
    status: int
    has: bytes
    host: str = "127.0.0.1"
    accept: str = "text/html"


def test_2000_requests_by_8_connections_are_all_answered_while_files_arrive(front: Front) -> None:
    cookie = front.log_in()
    kinds = [
        Kind("static", stylesheet(front), 200, b"--asleep-ink"),
        Kind("ping", "/api/ping", 200, b"{", accept="*/*"),
        Kind("wake page", "/photos", 503, b"/wake?", front.trial.facts["dns_names"][0]),
        Kind("dashboard", "/dashboard/", 200, b"</html>"),
        Kind("API", "/api/nas/status", 200, b'"state"', accept="application/json"),
    ]
    each = REQUESTS // CONNECTIONS
    with TemporaryDirectory(prefix="front-") as folder, SmbShare(Path(folder)) as share:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            start_s = time.monotonic()
            visits = [
                pool.submit(visit, front.port, cookie, kinds, first, each)
                for first in range(CONNECTIONS)
            ]
            for number in range(5):
                share.put(b"scanned " * 100_000, f"scan {number}.pdf")
            took = [one for done in visits for one in done.result()]
            whole_s = time.monotonic() - start_s
        arrived = {path.name: path.read_bytes() for path in share.path.iterdir()}
    assert arrived == {f"scan {number}.pdf": b"scanned " * 100_000 for number in range(5)}
    assert len(took) == REQUESTS
    tell(took, whole_s)


def visit(
    port: int, cookie: str, kinds: list[Kind], first: int, count: int
) -> list[tuple[str, float]]:
    """Send requests one after the other on a connection that is kept where the server keeps it.

    Returns:
        Kind and seconds of each.

    Raises:
        AssertionError: the first answer that is not right.
    """
    took = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as link:
        for number in range(first, first + count):
            kind = kinds[number % len(kinds)]
            start_s = time.monotonic()
            head = {"Host": kind.host, "Accept": kind.accept, "Cookie": cookie}
            link.request("GET", kind.path, headers=head)
            answer = link.getresponse()
            body = answer.read()
            took.append((kind.name, time.monotonic() - start_s))
            assert (answer.status, kind.has in body) == (kind.status, True), (kind, body[:500])
    return took


def tell(took: list[tuple[str, float]], whole_s: float) -> None:
    by_kind: dict[str, list[float]] = defaultdict(list)
    for name, seconds in took:
        by_kind[name].append(seconds * 1000)
        by_kind["all"].append(seconds * 1000)
    print(
        f"\n{len(took)} requests by {CONNECTIONS} connections, no error, "
        f"{len(took) / whole_s:.0f} a second"
    )
    for name, each_ms in by_kind.items():
        print(
            f"{name:10} median {median(each_ms):6.1f} ms, p99 {quantiles(each_ms, n=100)[98]:6.1f} ms"
        )
