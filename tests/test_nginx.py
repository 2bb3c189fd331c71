"""The real nginx in front of the real web process, as deploy/nginx.conf has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trial, free_port
from tests.nginx import TRICKS, Answer, ask, running_nginx, site_of

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

CANARY = "canary-that-must-not-be-read"
PAGE = "<!doctype html><title>built by the NAS</title>"
#: What only files outside the page's folder hold: ours, the trial's settings, the computer's.
OUTSIDE = (CANARY, "BALUPI_SECRET_KEY", "root:x:0", "SQLite format 3")
DOORS = ["nginx", "web"]


@dataclass
class Site:
    """Both doors of the Pi: nginx's and the web process's own."""

    trial: Trial
    ports: dict[str, int]

    def ask(self, target: str, *lines: str, door: str = "nginx", **options: Any) -> Answer:
        """Ask at one of the doors, see `tests.nginx.ask`."""
        return ask(self.ports[door], target, *lines, **options)


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
    web = int(trial.facts["url"].rpartition(":")[2])
    printed = site_of(trial)
    nobody = printed.replace(f":{web} max_fails", f":{free_port()} max_fails")
    with (
        running_nginx(folder / "up", printed) as up,
        running_nginx(folder / "down", nobody) as down,
    ):
        yield Site(trial, {"nginx": up, "web": web, "nginx without web": down})
    (page / "assets" / "out.txt").unlink()
    assert trial.manage("install_frontend", "--remove").returncode == 0


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
        assert PAGE in site.ask(path, "Accept: text/html", "Connection: close", door=door).body
    asset = site.ask("/assets/index-DwkQ2a_9.js", "Connection: close", door=door)
    assert (asset.status, asset.body) == (200, "console.log(1)")
    assert "immutable" in asset.head
    assert "nosniff" in asset.head
    assert "javascript" in asset.head
    assert site.ask("/assets/gone.js", "Connection: close", door=door).status == 404
    assert (
        site.ask("/dashboard/", "Accept: text/html", "Connection: close", door=door).status == 302
    )
    assert (
        site.ask("/api/nothing", "Accept: text/html", "Connection: close", door=door).status == 404
    )


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
    except ConnectionResetError:
        return  # it closed while we were still sending, which is its right
    assert answer.status == 413


def test_what_is_too_large_for_us_was_meant_for_the_nas(site: Site) -> None:
    body = b"x" * (3 * 1024 * 1024)
    answer = site.ask("/api/files/upload", method="POST", body=body, host="baluhost.local")
    assert answer.status == 503
    assert "Retry-After: 60" in answer.head
    assert "no-store" in answer.head
    assert json.loads(answer.body)["detail"].startswith("The NAS does not answer under this name")
    assert answer.is_closed


@pytest.mark.parametrize("host", ["127.0.0.1", "baluhost.local", "evil.example"])
def test_an_answer_to_head_has_no_body(site: Site, host: str) -> None:
    for door in (*DOORS, "nginx without web"):
        for path in ("/", "/dashboard/login", "/api/health", "/nothing", "/static/balupi/icon.svg"):
            lines = ("Accept: text/html", "Connection: close")
            answer = site.ask(path, *lines, door=door, method="HEAD", host=host)
            # waitress ends what has no length with an empty chunk, and closes; nginx does not pass it on.
            rest = answer.body.removeprefix("0\r\n\r\n") if door == "web" else answer.body
            assert (rest, answer.is_closed) == ("", True), (door, path, answer.head)


@pytest.mark.parametrize("host", ["127.0.0.1", "baluhost.local"])
def test_while_the_web_process_starts_a_person_is_told_and_the_page_reloads(
    site: Site, host: str
) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/dashboard/"),
        ("POST", "/wake"),
        ("GET", "/a%20b"),
    ):
        answer = site.ask(path, method=method, host=host, door="nginx without web", body=b"x=1")
        assert answer.status == 503
        assert "BaluPi starts." in answer.body
        assert "BaluPi startet." in answer.body
        assert '<meta http-equiv="refresh" content="5">' in answer.body
        assert "text/html; charset=utf-8" in answer.head
        _assert_soon_and_not_kept(answer, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "baluhost.local"])
def test_while_the_web_process_starts_a_program_gets_json(site: Site, host: str) -> None:
    for method, path in (("GET", "/api"), ("GET", "/api/health"), ("PUT", "/api/plugs/1")):
        answer = site.ask(path, method=method, host=host, door="nginx without web", body=b"{}")
        assert answer.status == 503
        assert json.loads(answer.body)["errors"] == {}
        assert "application/json" in answer.head
        _assert_soon_and_not_kept(answer, host)


def _assert_soon_and_not_kept(answer: Answer, host: str) -> None:
    assert "Retry-After: 5" in answer.head
    assert "Cache-Control: no-store" in answer.head
    if host == "baluhost.local":
        assert "Connection: close" in answer.head
        assert answer.is_closed


def test_the_starting_page_is_no_page_of_its_own(site: Site) -> None:
    for path in ("/balupi-starting", "/balupi-starting.json"):
        assert PAGE in site.ask(path, "Accept: text/html").body  # as any path
        away = site.ask(path, "Accept: text/html", host="baluhost.local")
        assert (away.status, "BaluPi starts." in away.body) == (503, False)
        assert "x-balupi" in away.head.lower()


@pytest.mark.parametrize("door", DOORS)
def test_our_pages_are_found_without_their_last_slash(site: Site, door: str) -> None:
    for path in ("/dashboard", "/admin"):
        answer = site.ask(f"{path}?a=b", "Accept: text/html", door=door)
        assert (answer.status, f"Location: {path}/?a=b" in answer.head) == (302, True)


def test_the_pi_answers_by_ipv6_too(site: Site) -> None:
    answer = ask(site.ports["nginx"], "/api/health", host="[::1]", address="::1")
    assert (answer.status, json.loads(answer.body)["service"]) == (200, "balupi")


@pytest.mark.usefixtures("home_in_order")
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
