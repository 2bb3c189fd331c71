"""What guards every request and answer: headers, hosts, bodies, forms of other sites, errors."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.db.utils import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone
from rest_framework.test import APIClient

from balupi_site.accounts.models import How
from balupi_site.accounts.services.tokens import make_login_token
from balupi_site.lib.logs import CalmFilter, Rarely
from balupi_site.middleware import BodyLimitMiddleware
from balupi_site.tests.test_settings import HOME, start
from balupi_site.urls import handler400, handler403, handler404, handler500
from balupi_site.urls import urlpatterns as real_urls
from nasctl.models import Wake

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


# --- views that fail, beside the real ones ----------------------------------------------------------


def _fail(request: HttpRequest) -> HttpResponse:
    password = "hunter2hunter2"  # noqa: F841  # what an error page must not show
    raise RuntimeError("the inside of the program")


def _suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("the inside of the program")


urlpatterns = [
    path("api/fails", _fail, name="health"),
    path("fails", _fail, name="health"),
    path("api/suspicious", _suspicious, name="health"),
    path("suspicious", _suspicious, name="health"),
    *real_urls,
]
__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


@pytest.fixture
def failing(settings: Any) -> Client:
    """A client of a site two of whose paths fail."""
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("owner", password=PASSWORD)


# --- headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/dashboard/login", 200),
        ("/api/health", 200),
        ("/api/system/status", 401),
        ("/api/nothing", 404),
        ("/nothing.html", 404),
        ("/favicon.ico", 302),
        ("/dashboard/", 302),
        ("/fails", 500),
        ("/api/fails", 500),
        ("/suspicious", 400),
    ],
)
def test_every_kind_of_answer_has_the_headers(failing: Client, url: str, status: int) -> None:
    answer = failing.get(url, headers={"accept": "text/html, */*"})
    assert answer.status_code == status
    _check_headers(answer)


def test_a_refused_host_has_the_headers_too(client: Client) -> None:
    _check_headers(client.get("/", headers={"host": "evil.example"}))


def test_a_static_file_has_the_headers_too(settings: Any, client: Client) -> None:
    settings.STATIC_ROOT = settings.DATA_DIR / "static"
    settings.STATIC_ROOT.mkdir()
    (settings.STATIC_ROOT / "look.css").write_text("body {}")
    middleware = list(settings.MIDDLEWARE)
    after = middleware.index("balupi_site.middleware.OurAnswerMiddleware") + 1
    middleware.insert(after, "whitenoise.middleware.WhiteNoiseMiddleware")
    settings.MIDDLEWARE = middleware
    answer = Client().get("/static/look.css")
    assert answer.status_code == 200
    _check_headers(answer)
    assert "Access-Control-Allow-Origin" not in answer
    answer.close()


def _check_headers(answer: Any) -> None:
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-BaluPi"]


# --- hosts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "[::", "a b", "127.0.0.1:x", "127.0.0.1\\evil", "", "localhost@evil", "é"],
)
def test_an_unknown_host_is_answered_shortly_and_logs_nothing(
    host: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/api/health", HTTP_HOST=host)
    assert answer.status_code == 421 or (host == "" and answer.status_code == 200)
    assert len(answer.content) < 300
    assert [record for record in caplog.records if record.exc_info] == []
    assert "Invalid HTTP_HOST" not in caplog.text


# --- bodies -----------------------------------------------------------------------------------------

KIB = 1024


@pytest.mark.parametrize(
    ("url", "size", "is_too_large"),
    [
        ("/api/nas/wol", 64 * KIB, False),
        ("/api/nas/wol", 64 * KIB + 1, True),
        ("/api/health", 64 * KIB + 1, True),
        ("/api/nothing", 64 * KIB + 1, True),
        ("/api/handshake/nas-going-offline", 1024 * KIB, False),
        ("/api/handshake/nas-going-offline", 1024 * KIB + 1, True),
        ("/dashboard/login", 64 * KIB + 1, True),
        ("/admin/auth/user/add/", 1024 * KIB, False),
        ("/admin/auth/user/add/", 1024 * KIB + 1, True),
    ],
)
def test_a_body_has_a_limit(client: Client, url: str, size: int, is_too_large: bool) -> None:
    answer = client.post(url, b" " * size, content_type="application/json")
    assert (answer.status_code == 413) is is_too_large
    if is_too_large and url.startswith("/api/"):
        assert "bytes" in answer.json()["detail"]


@pytest.mark.parametrize("length", ["", "x", "-1", "9" * 5000])
def test_a_length_that_is_none_breaks_nothing(rf: Any, length: str) -> None:
    request = rf.get("/api/health")
    request.META["CONTENT_LENGTH"] = length
    assert BodyLimitMiddleware(lambda _request: HttpResponse())(request).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain",
        "application/xml",
        "application/octet-stream",
    ],
)
@pytest.mark.parametrize("url", ["/api/nas/wol", "/api/pihole/dns", "/api/auth/login"])
def test_the_api_takes_nothing_but_json(owner: User, url: str, kind: str) -> None:
    """What a form of another site can send is not JSON."""
    api = APIClient()
    api.force_authenticate(owner)
    answer = api.generic("POST", url, '{"anyway": true, "target": "pi"}', content_type=kind)
    assert answer.status_code == 415
    assert isinstance(answer.json()["detail"], str)
    assert not Wake.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"target": NaN}', id="NaN"),
        pytest.param(b'{"target": -Infinity}', id="infinity"),
        pytest.param(b'{"target": 1e999}', id="too large a float"),
        pytest.param(b'{"target": ' + b"1" * 5000 + b"}", id="too large an integer"),
        pytest.param(b'{"target": ' + b"[" * 900 + b"]" * 900 + b"}", id="deep lists"),
        pytest.param(b'{"target": ' + b'{"a":' * 900 + b"1" + b"}" * 901, id="deep objects"),
        pytest.param(b'{"target": ' + b"[" * 30_000, id="very deep"),
        pytest.param(b'{"target": "\xff"}', id="not UTF-8"),
        pytest.param('{"target": "pi"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
    ],
)
def test_json_that_trips_things_up_is_400(owner: User, body: bytes) -> None:
    client = Client()
    client.force_login(owner)
    answer = client.generic("POST", "/api/pihole/dns", body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


# --- forms of other sites ---------------------------------------------------------------------------


@pytest.fixture
def browser(owner: User) -> Client:
    """A browser in which the owner is signed in; it sends no token of a form by itself."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    return browser


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://testserver:81"])
@pytest.mark.parametrize("url", ["/api/nas/wol", "/wake", "/dashboard/logout", "/dashboard/login"])
def test_another_site_can_neither_wake_nor_sign_in_or_out(
    browser: Client, url: str, origin: str | None
) -> None:
    headers = {} if origin is None else {"origin": origin}
    kinds: list[dict[str, Any]] = [{}, {"content_type": "text/plain", "data": "{}"}]
    for more in kinds:
        assert browser.post(url, headers=headers, **more).status_code == 403
    assert not Wake.objects.exists()
    assert "_auth_user_id" in browser.session


def test_another_site_can_sign_nobody_in_by_the_api() -> None:
    """A form cannot send JSON, and the answer is a token in a body that the other site cannot read."""
    browser = Client(enforce_csrf_checks=True)
    body = '{"username": "owner", "password": "x", "=": ""}'
    answer = browser.post("/api/auth/login", body, content_type="text/plain")
    assert answer.status_code == 415
    assert not answer.cookies


def test_a_session_needs_the_forms_token_for_the_api_and_a_bearer_token_does_not(
    browser: Client, owner: User
) -> None:
    url, body = "/api/pihole/dns", '{"target": "nowhere"}'
    refused = browser.post(url, body, content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    secret = make_login_token(owner, How.LOCAL, timezone.now())
    stranger = Client(enforce_csrf_checks=True)
    bearer = {"authorization": f"Bearer {secret}"}
    answer = stranger.post(url, body, content_type="application/json", headers=bearer)
    assert answer.status_code == 400  # let in, and the target refused


def test_a_refused_form_says_what_to_do(browser: Client) -> None:
    answer = browser.post("/dashboard/logout")
    assert "reload the page" in answer.content.decode()


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(
    client: Client, owner: User
) -> None:
    answer = client.post("/dashboard/login", {"username": "owner", "password": PASSWORD})
    assert answer.status_code == 302
    for name in ("balupi_session", "balupi_csrf"):
        assert answer.cookies[name]["samesite"] == "Lax"
        assert answer.cookies[name]["httponly"]


def test_a_header_cannot_make_another_method_or_path_of_a_request(owner: User) -> None:
    api = APIClient()
    api.force_authenticate(owner)
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert api.get("/api/nas/wol", headers={name: "POST"}).status_code == 405
    answer = api.get(
        "/api/health", headers={"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"}
    )
    assert answer.json()["service"] == "balupi"


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/fails", "/api/fails", "/suspicious", "/api/suspicious"])
def test_an_error_says_nothing_of_the_inside(failing: Client, url: str) -> None:
    answer = failing.get(url)
    assert answer.status_code in {400, 500}
    text = answer.content.decode()
    for word in ("inside of the program", "hunter2", "Traceback", "RuntimeError", ".py"):
        assert word not in text
    assert answer["Content-Type"].startswith("application/json" if "/api/" in url else "text/html")


def test_the_admin_site_is_no_page_for_a_user(client: Client) -> None:
    client.force_login(User.objects.create_user("kim"))
    answer = client.get("/admin/")
    assert answer.status_code == 403
    assert "Not for you" in answer.content.decode()


# --- the log ----------------------------------------------------------------------------------------


def _record(name: str, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": name, "msg": "something", "levelno": 40, **more})


def test_refused_requests_make_few_lines_and_no_tracebacks() -> None:
    calm, name = CalmFilter(), "django.security.csrf"
    error = (RuntimeError, RuntimeError(), None)
    first = _record(name, exc_info=error)
    assert calm.filter(first)
    assert first.exc_info is None
    assert [calm.filter(_record(name)) for _each in range(50)] == [False] * 50


def test_answers_of_5xx_make_no_line_but_a_failure_is_told_whole() -> None:
    calm = CalmFilter()
    assert not calm.filter(_record("django.request"))
    failure = _record("django.request", exc_info=(RuntimeError, RuntimeError(), None))
    assert calm.filter(failure)
    assert failure.exc_info
    assert calm.filter(_record("energy.services"))


def test_a_schedule_that_a_full_disk_refuses_is_told_without_tracebacks_and_other_faults_whole() -> (
    None
):
    calm, name = CalmFilter(), "django_celery_beat.schedulers"
    refused = _record(name, exc_info=(OperationalError, OperationalError("disk is full"), None))
    assert calm.filter(refused)
    assert refused.exc_info is None
    other = _record(name, exc_info=(RuntimeError, RuntimeError(), None))
    assert calm.filter(other)
    assert other.exc_info


def test_what_was_kept_quiet_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("balupi_site.lib.logs.time.monotonic", lambda: now_s)
    rarely = Rarely(seconds=60, max_keys=2)
    assert [rarely.unsaid("a") for _each in range(4)] == [0, None, None, None]
    assert rarely.unsaid("b") == 0
    now_s = 160.0
    assert rarely.unsaid("a") == 3
    assert rarely.unsaid("c") == 0  # in place of b, which spoke longest ago
    assert rarely.unsaid("b") == 0


# --- the start --------------------------------------------------------------------------------------


def test_a_real_home_does_not_start_with_the_pages_of_a_developer() -> None:
    done = start({**HOME, "BALUPI_DEBUG": "true"})
    assert done.returncode != 0
    assert "BALUPI_DEBUG" in done.stderr
