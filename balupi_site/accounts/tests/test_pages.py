"""The pages of the login, and the admin site's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from balupi_site.accounts.models import NasAccount, Token
from balupi_site.accounts.tests.conftest import Login
from balupi_site.accounts.tests.sim_nas import ADMIN, CAREFUL, CODE, FAMILY, Nas, body_of
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


def sign_in(client: Client, pair: tuple[str, str], target: str = "") -> Any:
    return client.post(reverse("login"), {**body_of(pair), "next": target})


def is_signed_in(client: Client) -> bool:
    return client.get("/api/auth/me").status_code == 200


def test_a_user_of_the_nas_signs_in_also_while_it_sleeps(nas: Nas, client: Client) -> None:
    assert sign_in(client, FAMILY).status_code == 302
    assert is_signed_in(client)
    nas.act("refuse")
    assert is_signed_in(client)
    fresh = Client()
    assert sign_in(fresh, FAMILY).status_code == 302
    assert is_signed_in(fresh)
    ways = [event.facts["how"] for event in Event.objects.filter(kind=Kind.LOGIN).order_by("pk")]
    assert ways == ["nas", "offline"]


def test_a_session_without_the_nas_ends_with_its_last_word(nas: Nas, client: Client) -> None:
    assert sign_in(Client(), FAMILY).status_code == 302
    nas.act("refuse")
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        assert sign_in(client, FAMILY).status_code == 302
        left_s = client.session.get_expiry_age()
    assert timedelta(days=9.9).total_seconds() < left_s < timedelta(days=10.1).total_seconds()


def test_a_wrong_password_and_an_away_nas_are_told_apart(nas: Nas, client: Client) -> None:
    wrong = sign_in(client, ("family", "wrong"))
    assert "case-sensitive" in wrong.text
    nas.act("refuse")
    assert "Wake it and try again" in sign_in(client, ("stranger", "x")).text
    assert not is_signed_in(client)


def test_a_code_is_the_second_step(nas: Nas, client: Client) -> None:
    first = sign_in(client, CAREFUL, "/dashboard/?x=1")
    code_page = reverse("login-code")
    assert first["Location"] == code_page
    assert not is_signed_in(client)
    assert client.get(code_page).status_code == 200
    assert "Invalid 2FA code" in client.post(code_page, {"code": "000000"}).text
    assert not is_signed_in(client)
    done = client.post(code_page, {"code": CODE})
    assert done["Location"] == "/dashboard/?x=1"
    assert is_signed_in(client)
    assert client.get(code_page)["Location"] == reverse("login")  # it is over


def test_a_code_is_asked_only_of_whoever_gave_the_password_just_now(
    nas: Nas, client: Client
) -> None:
    assert client.post(reverse("login-code"), {"code": CODE})["Location"] == reverse("login")
    sign_in(client, CAREFUL)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        late = client.post(reverse("login-code"), {"code": CODE})
    assert late["Location"] == reverse("login")
    assert nas.asked("verify-2fa") == 0


def test_an_admin_of_the_nas_is_admin_of_the_admin_site(nas: Nas, client: Client) -> None:
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0].startswith(f"{reverse('login')}?next=%2Fadmin%2F")
    assert sign_in(client, ADMIN, "/admin/")["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    other = Client()
    sign_in(other, FAMILY)
    assert other.get("/admin/").status_code == 403


@pytest.mark.parametrize("target", ["//elsewhere.example/", "https://elsewhere.example/", "\\\\x"])
def test_a_login_leads_nowhere_else(client: Client, target: str) -> None:
    User.objects.create_superuser("owner", password="right-1")
    assert sign_in(client, ("owner", "right-1"), target)["Location"] == reverse("dashboard")
    answer = Client().get("/admin/login/", {"next": target})
    assert answer["Location"] == f"{reverse('login')}?next=%2Fadmin%2F"


def test_a_user_whom_the_nas_refuses_loses_the_session_too(
    nas: Nas, client: Client, login: Login
) -> None:
    sign_in(client, FAMILY)
    nas.act("user", name="family", password="New-1")
    assert is_signed_in(client)
    assert login(FAMILY).status_code == 401
    assert not is_signed_in(client)


def test_a_password_of_an_earlier_release_still_works_and_is_hashed_anew(client: Client) -> None:
    old = make_password("right-1", hasher="pbkdf2_sha256")
    User.objects.create(username="owner", password=old)
    assert sign_in(client, ("owner", "right-1")).status_code == 302
    assert User.objects.get().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_backend_lets_in_by_the_same_rules(nas: Nas) -> None:
    client = Client()
    assert client.login(username=FAMILY[0], password=FAMILY[1])
    assert not client.login(username=CAREFUL[0], password=CAREFUL[1])
    assert not client.login(username=FAMILY[0], password="wrong")


def test_the_admin_lists_tokens_and_accounts_and_revokes(nas: Nas, login: Login) -> None:
    token = login(FAMILY).json()["access_token"]
    admin = Client()
    sign_in(admin, ADMIN)
    page = admin.get(reverse("admin:accounts_token_changelist")).text
    assert token[:12] in page
    assert token not in page
    assert "</svg>good</span>" in page
    pk = Token.objects.get().pk
    url = reverse("admin:accounts_token_changelist")
    form = {"action": "revoke_tokens", "_selected_action": [pk]}
    assert f"{token[:12]}" in admin.post(url, form).text  # it asks first
    assert Token.objects.get().revoked_at is None
    admin.post(url, {**form, "confirmed": "yes"})
    assert Token.objects.get().revoked_at is not None
    assert "</svg>revoked</span>" in admin.get(url).text
    assert (
        "</svg>revoked</span>" in admin.get(reverse("admin:accounts_token_change", args=[pk])).text
    )
    accounts = reverse("admin:accounts_nasaccount_changelist")
    pks = [str(pk) for pk in NasAccount.objects.values_list("pk", flat=True)]
    form = {"action": "forget_offline_logins", "_selected_action": pks}
    assert "while the NAS sleeps" in admin.post(accounts, form).text
    assert set(NasAccount.objects.values_list("offline_hash", flat=True)) != {""}
    admin.post(accounts, {**form, "confirmed": "yes"})
    assert admin.get(accounts).text.count("needs the NAS") >= 2
    assert set(NasAccount.objects.values_list("offline_hash", flat=True)) == {""}


def test_the_session_of_a_former_user_of_the_name_ends(
    nas: Nas, client: Client, login: Login
) -> None:
    sign_in(client, FAMILY)
    NasAccount.objects.update(nas_user_id=99)
    assert login(FAMILY).status_code == 200
    assert not is_signed_in(client)
