"""What a login learns of a user: password, role, second factor, and who is gone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.accounts import services
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.accounts.tests.conftest import Login
from balupi_site.accounts.tests.login_helpers import again
from balupi_site.accounts.tests.sim_nas import ADMIN, CAREFUL, CODE, FAMILY, Nas

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


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
