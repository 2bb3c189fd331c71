"""Our own tokens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.accounts import services
from balupi_site.accounts.models import How, NasAccount, Token
from balupi_site.accounts.tests.conftest import Login
from balupi_site.accounts.tests.sim_nas import FAMILY, Nas
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event

pytestmark = pytest.mark.django_db

ME = "/api/auth/me"
START = timezone.now().replace(microsecond=0)


def after(**span: float) -> time_machine.travel:
    return time_machine.travel(START + timedelta(**span), tick=False)


@pytest.fixture
def kim() -> User:
    return User.objects.create_user("kim", email="kim@home.example")


@pytest.fixture
def token(kim: User) -> str:
    return services.make_login_token(kim, How.LOCAL, START)


def test_predecessor_14_a_reload_finds_the_user_again(token: str, get: Login) -> None:
    body = get(ME, token).json()
    assert body["username"] == "kim"
    assert body.keys() == {
        "id",
        "username",
        "email",
        "role",
        "is_active",
        "smb_enabled",
        "created_at",
        "updated_at",
    }


@pytest.mark.enable_socket
def test_predecessor_13_and_16_a_session_outlives_the_nas_and_does_not_ask_it(
    nas: Nas, login: Login, get: Login
) -> None:
    secret = login(FAMILY).json()["access_token"]
    nas.act("power_cut")
    for _ in range(3):
        assert get(ME, secret).status_code == 200
        assert get("/api/nas/status", secret).status_code == 200
    nas.act("power_back")
    assert nas.asked("me") == 0


def test_predecessor_08_what_changes_something_needs_more_than_a_visit(
    token: str, client: Client
) -> None:
    path = "/api/tapo/devices/1/toggle"
    assert client.post(path).status_code == 401
    assert client.post(path, headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_only_a_hash_is_kept(token: str) -> None:
    row = Token.objects.values().get()
    assert token not in repr(row)
    assert row["hint"] == token[:12]
    assert len(token) > 45


def test_a_token_lives_on_while_it_is_used_and_dies_unused(token: str, get: Login) -> None:
    for day in (0, 29, 58):
        with after(days=day):
            assert get(ME, token).status_code == 200
    with after(days=58 + 29.9):
        found = services.find_token(token)
        assert found is not None
        assert found.is_good(timezone.now())
    with after(days=58 + 30):
        answer = get(ME, token)
        assert answer.status_code == 401
        assert isinstance(answer.json()["detail"], str)


def test_its_use_is_noted_once_an_hour(token: str, get: Login) -> None:
    def noted() -> Any:
        return Token.objects.values_list("last_used_at", "last_used_from").get()

    with after(minutes=1):
        get(ME, token)
        first = noted()
        assert first == (timezone.now(), "192.168.178.20")
    with after(minutes=60):
        get(ME, token, address="192.168.178.21")
        assert noted() == first
    with after(minutes=61):
        get(ME, token, address="192.168.178.21")
        assert noted() == (timezone.now(), "192.168.178.21")


def test_a_clock_set_back_does_not_shorten_a_life(token: str, get: Login) -> None:
    with after(days=10):
        get(ME, token)
    end = Token.objects.get().expires_at
    with after(days=-20):
        get(ME, token)
    assert Token.objects.get().expires_at == end


def test_what_was_let_in_without_the_nas_ends_with_its_last_word(get: Login, kim: User) -> None:
    NasAccount.objects.create(
        user=kim,
        nas_user_id=1,
        role="user",
        confirmed_at=START - timedelta(days=10),
        password_at=START - timedelta(days=10),
        offline_hash="some",
    )
    secret = services.make_login_token(kim, How.OFFLINE, START)
    other = services.make_login_token(kim, How.OFFLINE, START)
    with after(days=19.9):
        assert get(ME, secret).status_code == 200
        # A login of the same user with the NAS awake:
        NasAccount.objects.update(password_at=timezone.now())
        assert get(ME, other).status_code == 200
    with after(days=20.1):
        assert get(ME, secret).status_code == 401
        assert get(ME, other).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer balupi_", "Bearer balupi_x y", "bearer balupi_\xff", "Bearer x"],
)
def test_a_token_that_is_none_is_401(header: str) -> None:
    answer = Client().get(ME, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_old_token_closes_no_open_door() -> None:
    answer = Client().get("/api/health", headers={"Authorization": "Bearer balupi_old"})
    assert answer.status_code == 200


def test_the_token_of_a_user_switched_off_opens_nothing(token: str, kim: User, get: Login) -> None:
    kim.is_active = False
    kim.save()
    assert get(ME, token).status_code == 401


def test_scopes_are_what_the_table_sees(kim: User, get: Login) -> None:
    secret = services.make_token(kim, START, scopes=["wake"], label="Tablet", days=30)
    assert get("/api/nas/status", secret).status_code == 200
    assert get("/api/energy/current", secret).status_code == 403
    [event] = Event.objects.filter(kind=Kind.TOKEN_MADE)
    assert (event.subject, event.facts["scopes"]) == ("kim", ["wake"])
    assert secret not in json.dumps(event.facts)


def test_logout_revokes_the_token_and_is_harmless_without(token: str, get: Login) -> None:
    client = Client(enforce_csrf_checks=True)
    header = {"Authorization": f"Bearer {token}"}
    for headers in (header, header, {}, {"Authorization": "Bearer a.b.c"}):
        assert client.post("/api/auth/logout", headers=headers).status_code == 204
    assert get(ME, token).status_code == 401
    assert Event.objects.filter(kind=Kind.TOKEN_REVOKED).count() == 1


def test_one_query_or_two_know_a_token(
    token: str, get: Login, django_assert_max_num_queries: Any
) -> None:
    get(ME, token)
    with django_assert_max_num_queries(2):
        get(ME, token)


def test_a_password_per_request_is_for_local_users_only_and_counted(kim: User) -> None:
    kim.set_password("right-1")
    kim.save()
    client = Client()

    def ask(pair: str) -> Any:
        from base64 import b64encode

        return client.get(
            ME, headers={"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        )

    assert ask("kim:right-1").status_code == 200
    assert ask("nobody:x").status_code == 401
    for number in range(8):
        assert ask(f"kim:guess-{number}").status_code == 401
    assert ask("kim:right-1").status_code == 429


def test_a_name_that_no_database_takes_is_nobodys() -> None:
    answer = Client().get(ME, headers={"Authorization": "Basic YQBiOng="})
    assert answer.status_code == 401
