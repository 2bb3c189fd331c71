"""How often one may try to log in, and what that costs the NAS and us."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from balupi_site.accounts import attempts, hashers, nas_auth
from balupi_site.accounts.tests.conftest import Login, believe_online
from balupi_site.accounts.tests.login_helpers import again, verify
from balupi_site.accounts.tests.sim_nas import ADMIN, CODE, FAMILY, Nas

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


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
