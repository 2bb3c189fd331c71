"""Tokens of the NAS, brought to us."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import requests
import time_machine
from django.utils import timezone

from balupi_site.accounts.models import NasAccount, NasToken
from balupi_site.accounts.tests.conftest import Login
from balupi_site.accounts.tests.sim_nas import ADMIN, CAREFUL, FAMILY, PORT, Nas, body_of

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

ME = "/api/auth/me"


def token_of_the_nas(nas: Nas, pair: tuple[str, str]) -> str:
    """Return what the NAS itself gives to whoever logs in there."""
    url = f"http://{nas.ip}:{PORT}/api/auth/login"
    body: dict[str, str] = requests.post(url, json=body_of(pair), timeout=5).json()
    return body.get("access_token") or body["pending_token"]


def forged(claims: dict[str, Any], head: dict[str, Any] | None = None, *, mark: str = "sig") -> str:
    parts = [json.dumps(part).encode() for part in (head or {"alg": "HS256"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts), mark])


def soon_s() -> int:
    return int(timezone.now().timestamp()) + 600


def test_a_token_of_the_nas_is_asked_about_once_and_holds_while_the_nas_sleeps(
    nas: Nas, get: Login
) -> None:
    token = token_of_the_nas(nas, ADMIN)
    for _ in range(3):
        answer = get(ME, token)
        assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert nas.asked("me") == 1
    nas.act("power_cut")
    assert get(ME, token).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert get(ME, token).status_code == 401
    assert NasAccount.objects.get().offline_hash == ""
    assert token not in repr(list(NasToken.objects.values()))


def test_predecessor_09_a_forged_token_is_refused_and_asked_about_once(
    nas: Nas, get: Login
) -> None:
    token = forged({"sub": "11", "username": "admin", "role": "admin", "exp": soon_s()})
    for _ in range(3):
        assert get(ME, token).status_code == 401
    assert nas.asked("me") == 1
    assert not NasAccount.objects.exists()


def test_predecessor_09_what_cannot_be_good_is_not_asked_about(nas: Nas, get: Login) -> None:
    claims = {"sub": "11", "username": "admin", "role": "admin", "exp": soon_s()}
    pending = token_of_the_nas(nas, CAREFUL)
    for token in (
        pending,
        forged({"sub": "admin"}),
        forged({**claims, "exp": soon_s() - 700}),
        forged({**claims, "exp": str(soon_s())}),
        forged({**claims, "exp": True}),
        forged({**claims, "type": "refresh"}),
        forged(claims, {"alg": "none"}),
        forged(claims, {"alg": "nOnE"}, mark="x"),
        forged(claims, {"typ": "JWT"}, mark="x"),
        forged(claims, mark=""),
        forged(claims, mark="x" * 5000),
        "a.b.c",
        "[].[].[]",
        "x",
    ):
        assert get(ME, token).status_code == 401, token
    assert nas.asked("me") == 0


def test_an_unknown_token_is_refused_while_the_nas_is_away(nas: Nas, get: Login) -> None:
    token = token_of_the_nas(nas, FAMILY)
    nas.act("refuse")
    assert get(ME, token).status_code == 401
    nas.act("recover")
    assert get(ME, token).status_code == 200


def test_an_end_far_away_is_not_believed_for_longer_than_a_day(
    nas: Nas, get: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    from balupi_site.accounts import nas_auth
    from balupi_site.accounts.nas_answers import Accepted, NasUser

    user = NasUser(id=11, username="admin", role="admin", email="", is_active=True)
    monkeypatch.setattr(nas_auth, "whose", lambda _token: Accepted(user))
    assert get(ME, forged({"exp": 10**30})).status_code == 200
    left = NasToken.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23) < left <= timedelta(hours=24)


def test_a_flood_of_unknown_tokens_from_one_address_is_not_passed_on(nas: Nas, get: Login) -> None:
    tokens = [forged({"exp": soon_s()}, mark=str(number)) for number in range(25)]
    answers = [get(ME, token).status_code for token in tokens]
    assert answers == [401] * 20 + [429] * 5
    assert nas.asked("me") == 20


def test_a_token_of_a_user_who_is_not_active_is_refused_and_asked_about_once(
    nas: Nas, get: Login
) -> None:
    token = token_of_the_nas(nas, FAMILY)
    nas.act("user", name="family", is_active=False)
    for _ in range(2):
        assert get(ME, token).status_code == 401
    assert nas.asked("me") == 1
