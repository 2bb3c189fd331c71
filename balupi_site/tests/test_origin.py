"""Who is behind what is done now, asked from within pages, the API, the admin site, commands, the worker."""

from __future__ import annotations

import getpass
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, JsonResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.accounts.services.tokens import make_token
from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.lib.origin import Origin, origin, serving

ADDRESS = "192.168.178.20"


def told() -> dict[str, str]:
    """Return who is behind it, as the log of events keeps it."""
    event = record(Kind.LOGIN, timezone.now())
    return {"who": event.who, "via": event.via, "address": event.address}


class ApiView(APIView):
    def get(self, _request: Request) -> Response:
        return Response(told())


def page(_request: HttpRequest) -> JsonResponse:
    return JsonResponse(told())


def sign_in(request: HttpRequest) -> JsonResponse:
    before = told()
    user = User.objects.get(username="kim")
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return JsonResponse({"before": before["who"], "after": told()["who"]})


# The names are of those that access.py knows: who may is not the matter here.
urlpatterns = [
    path("api/ask", ApiView.as_view(), name="system-status"),
    path("ask", page, name="favicon"),
    path("administration", page, name="favicon"),
    path("admin/ask", page, name="favicon"),
    path("sign-in", sign_in, name="favicon"),
]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.PROCESS = "web"


@pytest.fixture
def kim(db: None) -> User:
    return User.objects.create_user("kim")


@pytest.fixture
def signed_in(kim: User) -> Client:
    client = Client(REMOTE_ADDR=ADDRESS)
    client.force_login(kim)
    return client


@pytest.mark.parametrize(
    ("asked", "via"),
    [
        pytest.param("/ask", "page", id="a page"),
        pytest.param("/api/ask", "api", id="the API"),
        pytest.param("/admin/ask", "admin", id="the admin site"),
        pytest.param("/administration", "page", id="a page that is only named so"),
    ],
)
def test_a_session_tells_who_and_the_path_how(signed_in: Client, asked: str, via: str) -> None:
    assert signed_in.get(asked).json() == {"who": "kim", "via": via, "address": ADDRESS}


def test_a_token_tells_who_though_it_is_read_only_in_the_view(kim: User) -> None:
    secret = make_token(kim, timezone.now(), scopes=["read"], label="Phone", days=30)
    answer = Client(REMOTE_ADDR=ADDRESS).get(
        "/api/ask", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.json() == {"who": "kim", "via": "api", "address": ADDRESS}


@pytest.mark.django_db
def test_a_visitor_without_a_login_is_an_address() -> None:
    answer = Client(REMOTE_ADDR="fe80::1").get("/ask")
    assert answer.json() == {"who": "", "via": "page", "address": "fe80::1"}


@pytest.mark.usefixtures("kim")
def test_who_signs_in_is_known_from_then_on() -> None:
    assert Client().get("/sign-in").json() == {"before": "", "after": "kim"}


def test_an_address_that_a_client_claims_is_not_believed(signed_in: Client) -> None:
    answer = signed_in.get("/ask", headers={"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1"})
    assert answer.json()["address"] == ADDRESS


def test_after_a_request_nobody_is_behind_it(signed_in: Client) -> None:
    signed_in.get("/ask")
    assert origin() == Origin()


def test_after_a_request_that_failed_nobody_is_behind_it(rf: RequestFactory) -> None:
    def fail() -> None:
        with serving(rf.get("/ask")):
            raise RuntimeError(origin().via)

    with pytest.raises(RuntimeError, match="page"):
        fail()
    assert origin() == Origin()


def test_a_request_within_another_ends_before_it(rf: RequestFactory) -> None:
    with serving(rf.get("/ask")):
        with serving(rf.get("/api/ask")):
            assert origin().via == "api"
        assert origin().via == "page"


def test_requests_at_the_same_time_do_not_mix(rf: RequestFactory) -> None:
    both_are_in = threading.Barrier(2, timeout=10)

    def ask(name: str) -> Origin:
        request = rf.get(f"/api/{name}", REMOTE_ADDR=ADDRESS)
        request.user = User(username=name)
        with serving(request):
            both_are_in.wait()
            found = origin()
            both_are_in.wait()
            return found

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(ask, ["kim", "robin"]))
    assert found == [Origin(name, "api", ADDRESS) for name in ("kim", "robin")]


@pytest.mark.parametrize(
    "user", [None, AnonymousUser()], ids=["before sessions are read", "nobody"]
)
def test_a_request_without_a_user_has_an_address_all_the_same(
    rf: RequestFactory, user: AnonymousUser | None
) -> None:
    request = rf.get("/ask", REMOTE_ADDR=ADDRESS)
    if user is not None:
        request.user = user
    with serving(request):
        assert origin() == Origin("", "page", ADDRESS)


class TestCommand:
    @pytest.fixture(autouse=True)
    def _command(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.PROCESS = "command"
        monkeypatch.delenv("SUDO_USER", raising=False)

    def test_a_command_is_of_whoever_runs_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(getpass, "getuser", lambda: "kim")
        assert origin() == Origin("kim", "command", "")

    def test_behind_a_sudo_it_is_of_whoever_called_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUDO_USER", "kim")
        monkeypatch.setattr(getpass, "getuser", lambda: "root")
        assert origin().who == "kim"

    @pytest.mark.parametrize("error", [OSError, KeyError])
    def test_a_user_without_a_name_is_a_number(
        self, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def getuser() -> str:
            raise error("no such user")

        monkeypatch.setattr(getpass, "getuser", getuser)
        assert origin().who == str(os.getuid())


def test_the_worker_does_it_by_itself(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PROCESS = "worker"
    monkeypatch.setenv("SUDO_USER", "kim")
    assert origin() == Origin()
