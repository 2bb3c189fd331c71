"""Logging in by the API, with a simulated NAS on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.accounts import attempts, nas_auth
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.accounts.refusals import BusyError
from balupi_site.accounts.tests.conftest import Login, believe_online
from balupi_site.accounts.tests.login_helpers import again
from balupi_site.accounts.tests.sim_nas import ADMIN, FAMILY, Nas
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.waiting import waiting_for_outside

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

WRONG = ("family", "wrong")


def test_a_login_at_the_nas_is_answered_as_baluhost_does_with_a_token_of_ours(
    nas: Nas, login: Login
) -> None:
    answer = login(ADMIN)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "user"}
    assert (body["token_type"], body["access_token"][:7]) == ("bearer", "balupi_")
    created = body["user"].pop("created_at")
    assert created[-6] in "+-"
    assert body["user"] == {
        "id": User.objects.get().pk,
        "username": "admin",
        "email": "admin@home.example",
        "role": "admin",
        "is_active": True,
        "smb_enabled": False,
        "updated_at": None,
    }


def test_predecessor_12_whoever_logged_in_before_logs_in_with_the_nas_off(
    nas: Nas, login: Login
) -> None:
    assert login(FAMILY).status_code == 200
    nas.act("power_cut")
    started_s = time.monotonic()
    answer = login(FAMILY)
    assert time.monotonic() - started_s < 3
    assert answer.status_code == 200
    assert answer.json()["user"]["username"] == "family"
    assert answer.json()["user"]["role"] == "user"
    wrong = login(WRONG)
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "Invalid credentials")
    stranger = login(("stranger", "x"))
    assert stranger.status_code == 503
    assert "NAS" in stranger.json()["detail"]


@pytest.mark.parametrize("fault", ["hang", "hang_logins"])
def test_predecessor_12_a_nas_that_hangs_is_not_waited_for_longer_than_the_page_waits(
    nas: Nas, login: Login, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    # Look, question, hash on a Pi 3: together below the page's 5 s.
    assert nas_auth._LOOK_DEADLINE_S + nas_auth.ANSWER_DEADLINE_S <= 4
    assert login(FAMILY).status_code == 200
    monkeypatch.setattr(nas_auth, "ANSWER_DEADLINE_S", 0.4)
    believe_online()
    nas.act(fault)
    for pair, status in ((FAMILY, 200), (("stranger", "x"), 503)):
        started_s = time.monotonic()
        assert login(pair).status_code == status
        assert time.monotonic() - started_s < 2
    asked = nas.asked("login")
    assert login(("stranger", "x")).status_code == 503  # the page's second try
    assert nas.asked("login") == asked


def test_predecessor_15_a_wrong_password_is_not_sent_to_the_nas_twice(
    nas: Nas, login: Login
) -> None:
    for _ in range(2):
        answer = login(WRONG)
        assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid credentials")
    assert nas.asked("login") == 1
    assert Event.objects.filter(kind=Kind.LOGIN_REFUSED).count() == 1
    again(login, WRONG)
    assert nas.asked("login") == 2


def test_predecessor_15_two_logins_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    flights = attempts.Flights[int](patience_s=5, take_places=True)
    is_asked, follows = threading.Event(), threading.Event()
    answers: list[int] = []
    asked: list[str] = []

    @contextmanager
    def place() -> Iterator[None]:
        follows.set()
        yield

    monkeypatch.setattr(attempts, "waiting_for_outside", place)

    def question() -> int:
        asked.append("now")
        is_asked.set()
        follows.wait(5)
        return 7

    def ask() -> None:
        answers.append(flights.ask("same", question))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert is_asked.wait(5)
    threads[1].start()
    for thread in threads:
        thread.join(5)
    assert (answers, asked) == ([7, 7], ["now"])


def test_a_follower_gets_the_error_and_waits_only_so_long() -> None:
    flights = attempts.Flights[int](patience_s=0.05, take_places=False)
    is_asked, may_answer = threading.Event(), threading.Event()

    def question() -> int:
        is_asked.set()
        may_answer.wait(5)
        return 7

    thread = threading.Thread(target=lambda: flights.ask("same", question))
    thread.start()
    assert is_asked.wait(5)
    with pytest.raises(TransientError):
        flights.ask("same", question)
    may_answer.set()
    thread.join(5)
    assert flights.ask("same", lambda: 8) == 8


def test_a_follower_without_a_place_hears_that_it_is_we_who_are_busy() -> None:
    flights = attempts.Flights[int](patience_s=5, take_places=True)
    is_asked, may_answer = threading.Event(), threading.Event()

    def question() -> int:
        is_asked.set()
        may_answer.wait(5)
        return 7

    thread = threading.Thread(target=lambda: flights.ask("same", question))
    thread.start()
    assert is_asked.wait(5)
    with (
        waiting_for_outside(),
        waiting_for_outside(),
        pytest.raises(BusyError, match="Too many logins at once"),
    ):
        flights.ask("same", question)
    may_answer.set()
    thread.join(5)


def test_with_both_places_taken_nobody_comes_in_by_mere_haste(nas: Nas, login: Login) -> None:
    assert login(FAMILY).status_code == 200
    asked = nas.asked("login")
    with waiting_for_outside(), waiting_for_outside():
        answer = login(FAMILY)
    assert (answer.status_code, "at once" in answer.json()["detail"]) == (503, True)
    assert nas.asked("login") == asked
    assert again(login, FAMILY).status_code == 200


def test_an_answer_is_remembered_for_seconds_whatever_the_clock_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1000.0
    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr("balupi_site.accounts.attempts.time", clock)
    attempts.remember("key", TransientError("later"), lasts_s=3)
    with pytest.raises(TransientError, match="later"):
        attempts.raise_remembered("key")
    now_s += 3
    attempts.raise_remembered("key")


def test_few_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MOST_ANSWERS", 2)
    for key in ("first", "second", "third"):
        attempts.remember(key, TransientError(key), lasts_s=60)
    attempts.raise_remembered("first")
    with pytest.raises(TransientError, match="third"):
        attempts.raise_remembered("third")


@pytest.mark.parametrize("fault", ["backend_dead", "html_200", "refuse"])
def test_a_nas_that_answers_nonsense_is_a_nas_that_does_not_answer(
    nas: Nas, login: Login, fault: str
) -> None:
    assert login(FAMILY).status_code == 200
    nas.act(fault)
    assert login(FAMILY).status_code == 200
    assert login(WRONG).status_code == 401
    assert login(("stranger", "x")).status_code == 503


def test_the_copy_ends_when_the_nas_has_not_confirmed_it_for_long(
    nas: Nas, login: Login, settings: Any
) -> None:
    assert login(FAMILY).status_code == 200
    nas.act("refuse")
    start = timezone.now()
    with time_machine.travel(start + timedelta(days=29, hours=23)):
        assert login(FAMILY).status_code == 200
    with time_machine.travel(start + timedelta(days=30, minutes=1)):
        assert login(FAMILY).status_code == 503
    settings.OFFLINE_LOGIN_DAYS = 0
    assert login(FAMILY).status_code == 503


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param('{"password": "x"}', "username", id="no name"),
        pytest.param('{"username": "x"}', "password", id="no password"),
        pytest.param('{"username": ["x"], "password": "x"}', "username", id="a list"),
        pytest.param('{"username": {"a": 1}, "password": "x"}', "username", id="an object"),
        pytest.param('{"username": "x", "password": null}', "password", id="null"),
        pytest.param('{"username": "x", "password": true}', "password", id="a truth"),
        pytest.param('{"username": "a\\u0000b", "password": "x"}', "username", id="NUL in a name"),
        pytest.param('{"username": "x", "password": "a\\u0000"}', "password", id="NUL"),
        pytest.param('{"username": "x", "password": "\\ud800"}', "password", id="half a character"),
        pytest.param(
            '{"username": "%s", "password": "x"}' % ("x" * 10_000), "username", id="10 kB"
        ),
        pytest.param(
            '{"username": "x", "password": "%s"}' % ("x" * 10_000), "password", id="10 kB"
        ),
        pytest.param("[]", "non_field_errors", id="no object"),
    ],
)
def test_bad_input_is_400_and_names_the_field(client: Client, body: str, field: str) -> None:
    answer = client.post("/api/auth/login", body, "application/json")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert isinstance(answer.json()["detail"], str)


def test_a_login_needs_no_csrf_token_and_minds_no_old_token(login: Login) -> None:
    User.objects.create_user("kim", password="right-1")
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get())
    answer = client.post(
        "/api/auth/login",
        {"username": "kim", "password": "right-1"},
        "application/json",
        headers={"Authorization": "Bearer balupi_old"},
    )
    assert answer.status_code == 200


def test_no_password_is_written_anywhere(
    nas: Nas, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = login(ADMIN).json()["access_token"]
    login(("Admin-1", "Wr0ng-Secret"))  # the password in the wrong field
    account = NasAccount.objects.get()
    assert account.offline_hash.startswith("argon2$argon2id$")
    rows = [list(Event.objects.values()), list(Token.objects.values())]
    told = caplog.text + repr(rows)
    for secret in ("Admin-1", "Wr0ng-Secret", token):
        assert secret not in told


def test_who_came_in_and_who_did_not_is_an_event(nas: Nas, login: Login) -> None:
    login(FAMILY)
    login(WRONG)
    good, bad = Event.objects.order_by("pk")
    assert (good.kind, good.subject, good.who) == (Kind.LOGIN, "family", "family")
    assert (good.address, good.via, good.facts) == ("192.168.178.20", "api", {"how": "nas"})
    assert (bad.kind, bad.subject, bad.who) == (Kind.LOGIN_REFUSED, "family", "")
    assert bad.is_trouble
    assert bad.facts == {"reason": "password"}


def test_a_swarm_of_guesses_gets_no_further_than_one_after_the_other() -> None:
    tries = attempts.AtOnce(2)
    with tries.one("kim"), tries.one("kim"):
        with tries.one("other"):
            pass
        with pytest.raises(TooManyAttemptsError), tries.one("kim"):
            pass
    with tries.one("kim"):
        pass
