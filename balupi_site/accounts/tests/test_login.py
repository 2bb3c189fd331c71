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

from balupi_site.accounts import attempts, hashers, nas_auth, services
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.accounts.refusals import BusyError
from balupi_site.accounts.tests.conftest import Login, believe_online
from balupi_site.accounts.tests.sim_nas import ADMIN, CAREFUL, CODE, FAMILY, Nas
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.lib.errors import TooManyAttemptsError, TransientError
from balupi_site.lib.waiting import waiting_for_outside

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

WRONG = ("family", "wrong")


def again(login: Login, pair: tuple[str, str]) -> Any:
    """Log in when the answer to the same try is not remembered any more."""
    attempts.forget_answers()
    return login(pair)


def verify(code: str, address: str = "192.168.178.20") -> Any:
    """Send a code; without a login under way any token for it is as good, or bad."""
    body = {"pending_token": "pending", "code": code}
    client = Client(REMOTE_ADDR=address)
    return client.post("/api/auth/verify-2fa", body, "application/json")


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


def test_a_changed_password_ends_what_the_old_one_opened(
    nas: Nas, login: Login, get: Login
) -> None:
    token = login(FAMILY).json()["access_token"]
    nas.act("user", name="family", password="New-1")
    assert login(FAMILY).status_code == 401  # the NAS refuses what was right
    assert get("/api/auth/me", token).status_code == 401
    nas.act("refuse")
    assert again(login, FAMILY).status_code == 503
    nas.act("recover")
    assert login(("family", "New-1")).status_code == 200


def test_a_guess_does_not_end_the_offline_login_of_another(
    nas: Nas, login: Login, get: Login
) -> None:
    token = login(FAMILY).json()["access_token"]
    for number in range(3):
        assert login(("family", f"guess-{number}")).status_code == 401
    assert get("/api/auth/me", token).status_code == 200
    nas.act("refuse")
    assert login(FAMILY).status_code == 200


def test_a_user_who_is_gone_from_the_nas_does_not_come_in_with_it_asleep(
    nas: Nas, login: Login
) -> None:
    assert login(FAMILY).status_code == 200
    nas.act("user", name="family", gone=True)
    assert login(FAMILY).status_code == 401
    nas.act("refuse")
    assert again(login, FAMILY).status_code == 503


def test_a_user_not_active_at_the_nas_is_out_until_active_again(
    nas: Nas, login: Login, get: Login
) -> None:
    """BaluHost answers 200 to whoever is not active; only the user's field tells."""
    token = login(FAMILY).json()["access_token"]
    nas.act("user", name="family", is_active=False)
    assert login(FAMILY).status_code == 401
    assert get("/api/auth/me", token).status_code == 401
    nas.act("refuse")
    assert again(login, FAMILY).status_code == 503
    nas.act("recover")
    nas.act("user", name="family", is_active=True)
    assert again(login, FAMILY).status_code == 200


def test_a_user_switched_off_here_by_hand_is_not_switched_on_by_a_login(
    nas: Nas, login: Login
) -> None:
    assert login(FAMILY).status_code == 200
    User.objects.update(is_active=False)
    assert login(FAMILY).status_code == 401
    assert not User.objects.get().is_active


def test_a_role_taken_away_at_the_nas_is_taken_from_older_tokens_too(
    nas: Nas, login: Login, get: Login
) -> None:
    token = login(ADMIN).json()["access_token"]
    assert get("/api/auth/me", token).json()["role"] == "admin"
    nas.act("user", name="admin", role="user")
    assert login(ADMIN).json()["user"]["role"] == "user"
    assert get("/api/auth/me", token).json()["role"] == "user"
    assert not User.objects.get().is_superuser


def test_a_local_user_wins_and_the_nas_is_not_asked(nas: Nas, login: Login) -> None:
    User.objects.create_user("family", password="local-1")
    assert login(("family", "local-1")).json()["user"]["username"] == "family"
    assert login(FAMILY).status_code == 401
    assert nas.asked("login") == 0
    assert not NasAccount.objects.exists()


def test_a_new_user_with_the_name_of_a_former_one_inherits_nothing(
    nas: Nas, login: Login, get: Login
) -> None:
    token = login(FAMILY).json()["access_token"]
    NasAccount.objects.update(nas_user_id=99)
    assert login(FAMILY).status_code == 200
    assert get("/api/auth/me", token).status_code == 401
    assert NasAccount.objects.get().nas_user_id == 12


def test_a_number_under_another_name_stays_one_user_but_opens_nothing_of_before(
    nas: Nas, login: Login, get: Login
) -> None:
    token = login(FAMILY).json()["access_token"]
    user = User.objects.get()
    services.make_token(user, timezone.now(), scopes=["wake"], label="Phone", days=30)
    User.objects.update(username="before")
    new = login(FAMILY).json()["access_token"]
    assert User.objects.get().pk == user.pk
    # It may be a rename, or a NAS that was set up anew and gave the number to somebody else.
    assert get("/api/auth/me", token).status_code == 401
    assert get("/api/auth/me", new).json()["username"] == "family"
    assert Token.objects.filter(revoked_at=None).count() == 1


def test_predecessor_14_a_second_factor_is_passed_through(
    nas: Nas, login: Login, client: Client
) -> None:
    answer = login(CAREFUL).json()
    assert answer.keys() == {"requires_2fa", "pending_token", "token_type"}
    assert (answer["requires_2fa"], answer["token_type"]) == (True, "2fa_pending")

    def verify(code: str) -> Any:
        body = {"pending_token": answer["pending_token"], "code": code}
        return client.post("/api/auth/verify-2fa", body, "application/json")

    wrong = verify("000000")
    assert (wrong.status_code, wrong.json()["detail"]) == (401, "Invalid 2FA code")
    right = verify(CODE)
    assert right.status_code == 200
    assert right.json()["user"]["username"] == "careful"
    assert NasAccount.objects.get().has_2fa
    nas.act("refuse")
    assert login(CAREFUL).status_code == 503
    assert verify(CODE).status_code == 503


def test_a_second_factor_set_up_later_ends_the_login_by_password_alone(
    nas: Nas, login: Login
) -> None:
    assert login(FAMILY).status_code == 200
    nas.act("user", name="family", totp_code=CODE)
    assert login(FAMILY).json()["requires_2fa"]
    assert NasAccount.objects.get().offline_hash == ""
    nas.act("refuse")
    assert login(FAMILY).status_code == 503


def test_a_pair_that_failed_often_waits_and_does_not_reach_the_nas(nas: Nas, login: Login) -> None:
    assert login(FAMILY).status_code == 200
    nas.act("refuse")
    for number in range(8):
        assert login(("family", f"guess-{number}")).status_code == 401
    nas.act("recover")
    asked = nas.asked("login")
    answer = login(FAMILY)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 600
    assert "minutes" in answer.json()["detail"]
    assert nas.asked("login") == asked
    # Neither another one at the same address nor the same one elsewhere.
    assert login(ADMIN).status_code == 200
    assert login(FAMILY, address="192.168.178.21").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        assert login(FAMILY).status_code == 200


def test_the_right_password_forgets_the_failures(login: Login) -> None:
    User.objects.create_user("kim", password="right-1")
    for turn in range(2):
        for number in range(7):
            assert login(("kim", f"guess-{turn}-{number}")).status_code == 401
        assert login(("kim", "right-1")).status_code == 200


def test_the_nas_is_asked_no_more_often_than_it_takes(nas: Nas, login: Login) -> None:
    believe_online()  # the half second of a look is little on a busy machine
    assert login(FAMILY).status_code == 200
    for number in range(6):
        answer = login((f"stranger-{number}", "x"), address="192.168.178.66")
    # One address has its share, and leaves the others theirs.
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) <= 60
    assert nas.asked("login") == 4
    assert login(ADMIN, address="192.168.178.21").status_code == 200
    assert nas.asked("login") == 5
    # Then it is asked no more, and an old password opens nothing meanwhile: it may be good no longer.
    answer = login(FAMILY, address="192.168.178.22")
    assert (answer.status_code, "Wake" in answer.json()["detail"]) == (503, False)
    assert nas.asked("login") == 5


def test_whoever_finds_the_nas_asked_too_often_keeps_the_share(
    nas: Nas, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    believe_online()
    with monkeypatch.context() as busy:
        busy.setattr(attempts.NAS_LOGINS, "attempts", 1)
        assert login(("stranger", "x"), address="192.168.178.66").status_code == 401
        for _ in range(4):
            assert again(login, FAMILY).status_code == 503
    assert again(login, FAMILY).status_code == 200


def test_the_right_password_uses_up_no_share_where_the_nas_answers_nonsense(
    nas: Nas, login: Login
) -> None:
    believe_online()
    assert login(FAMILY).status_code == 200
    nas.act("backend_dead")
    for _ in range(4):
        assert login(FAMILY).status_code == 200


def test_one_address_does_not_use_up_the_codes_of_all(nas: Nas, login: Login) -> None:
    believe_online()
    for number in range(3):
        assert verify(f"00000{number}", address="192.168.178.66").status_code == 401
    answer = verify("000003", address="192.168.178.66")
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 60) == (429, True)
    assert nas.asked("verify-2fa") == 3
    assert verify("000004").status_code == 401


def test_a_wrong_code_is_not_sent_to_the_nas_twice(nas: Nas) -> None:
    believe_online()
    for _ in range(2):
        assert verify("000000").status_code == 401
    assert nas.asked("verify-2fa") == 1
    attempts.forget_answers()
    assert verify("000000").status_code == 401
    assert nas.asked("verify-2fa") == 2


def test_codes_while_the_nas_is_off_are_counted_before_they_cost_anything(
    nas: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    nas.act("refuse")
    for number in range(20):
        assert verify(f"{number:06}").status_code == 503
    monkeypatch.setattr(nas_auth, "takes_connections", lambda: pytest.fail("it looked"))
    answer = verify("999999")
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 60) == (429, True)


@pytest.mark.parametrize(
    ("fault", "is_to_wake"),
    [("refuse", True), ("backend_dead", False), ("html_200", False)],
)
def test_only_a_nas_that_does_not_answer_is_to_be_woken(
    nas: Nas, login: Login, fault: str, is_to_wake: bool
) -> None:
    nas.act(fault)
    for answer in (login(("stranger", "x")), verify(CODE)):
        detail = answer.json()["detail"]
        assert (answer.status_code, "Wake it" in detail) == (503, is_to_wake)


def test_the_nas_own_limit_is_as_if_it_did_not_answer(
    nas: Nas, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    believe_online()
    monkeypatch.setattr(attempts.NAS_LOGINS, "attempts", 100)
    assert login(FAMILY).status_code == 200
    for number in range(5):
        login((f"stranger-{number}", "x"), address=f"192.168.178.{60 + number}")
    answer = login(("late", "x"))
    assert (answer.status_code, "not to logins" in answer.json()["detail"]) == (503, True)
    assert login(FAMILY).status_code == 200


def test_guesses_while_the_nas_is_off_are_counted_before_they_cost_anything(
    nas: Nas, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    nas.act("refuse")
    for number in range(20):
        assert login((f"stranger-{number}", "x")).status_code == 503
    monkeypatch.setattr(nas_auth, "takes_connections", lambda: pytest.fail("it looked"))
    answer = login(("stranger", "x"))
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 60) == (429, True)


def test_who_finds_no_place_to_hash_is_told_to_wait(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_user("kim", password="right-1")
    monkeypatch.setattr(hashers, "_PLACE_WITHIN_S", 0.01)
    monkeypatch.setattr(hashers, "_PLACES", threading.BoundedSemaphore(1))
    with hashers._place():
        assert login(("kim", "right-1")).status_code == 503
    assert again(login, ("kim", "right-1")).status_code == 200


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
