"""What the NAS tells of its users in a snapshot takes away what it does not grant any more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from balupi_site.accounts import services, tasks
from balupi_site.accounts.models import How, NasAccount, Token
from balupi_site.accounts.services import tending
from handshake.models import Snapshot

pytestmark = pytest.mark.django_db

CONFIRMED = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = CONFIRMED + timedelta(days=2)


@pytest.fixture
def boss() -> User:
    user = User.objects.create_user("boss", is_staff=True, is_superuser=True)
    NasAccount.objects.create(user=user, nas_user_id=7, role="admin", confirmed_at=CONFIRMED)
    services.make_login_token(user, How.NAS, CONFIRMED)
    services.make_token(user, CONFIRMED, scopes=["wake"], label="Phone", days=30)
    return user


def tell(*users: tuple[str, str], total: int | None = None, at: datetime = NOW) -> None:
    listed = [{"username": name, "role": role} for name, role in users]
    count = len(users) if total is None else total
    content: dict[str, Any] = {"users": {"total": count, "list": listed}, "storage": {"arrays": []}}
    Snapshot.objects.create(received_at=at, content=json.dumps(content))


def good_tokens() -> int:
    return Token.objects.filter(revoked_at=None).count()


def test_who_is_gone_at_the_nas_is_signed_out_everywhere(boss: User) -> None:
    browser = Client()
    browser.force_login(boss)
    tell(("kim", "user"))
    tending.follow_snapshot(NOW)
    assert good_tokens() == 0
    assert not Session.objects.exists()
    assert browser.get("/api/auth/me").status_code == 401


def test_who_is_no_admin_any_more_is_none_here_and_stays_signed_in(boss: User) -> None:
    tell(("boss", "user"))
    tending.follow_snapshot(NOW)
    boss.refresh_from_db()
    assert (boss.is_staff, boss.is_superuser, boss.nas_account.role) == (False, False, "user")
    assert good_tokens() == 2


@pytest.mark.parametrize(
    ("users", "told"),
    [
        pytest.param((("boss", "admin"),), {}, id="as it was"),
        pytest.param((("kim", "user"),), {"total": 2}, id="not all are listed"),
        pytest.param((), {}, id="nobody is listed"),
        pytest.param(
            (("kim", "user"),), {"at": CONFIRMED - timedelta(1)}, id="older than the login"
        ),
    ],
)
def test_what_proves_nothing_takes_nothing_away(
    boss: User, users: tuple[tuple[str, str], ...], told: dict[str, Any]
) -> None:
    tell(*users, **told)
    tending.follow_snapshot(NOW)
    boss.refresh_from_db()
    assert boss.is_staff
    assert good_tokens() == 2


@pytest.mark.parametrize("listed", [None, "all", 7, [None], [{}], [["boss", "admin"]]])
def test_a_list_that_is_none_takes_nothing_away(boss: User, listed: object) -> None:
    content = {"users": {"total": 2, "list": listed}, "storage": {"arrays": []}}
    Snapshot.objects.create(received_at=NOW, content=json.dumps(content))
    tending.follow_snapshot(NOW)
    assert good_tokens() == 2


def test_a_snapshot_makes_nobody_an_admin_and_touches_no_local_user(boss: User) -> None:
    User.objects.update(is_staff=False)
    User.objects.create_user("owner", is_staff=True)
    tell(("boss", "admin"), ("owner", "user"))
    tending.follow_snapshot(NOW)
    assert list(User.objects.filter(is_staff=True).values_list("username", flat=True)) == ["owner"]


def test_what_is_over_for_long_goes_and_only_by_a_clock_that_is_right(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=CONFIRMED)
    with time_machine.travel(CONFIRMED + timedelta(days=61), tick=False):
        monkeypatch.setattr(tasks, "is_plausible", lambda _now: False)
        tasks.tend_accounts()
        assert (Token.objects.count(), Session.objects.count()) == (2, 1)
        monkeypatch.setattr(tasks, "is_plausible", lambda _now: True)
        tasks.tend_accounts()
    assert (Token.objects.count(), Session.objects.count()) == (0, 0)


def test_an_admin_deletes_a_user_of_the_nas_with_all_that_is_his(boss: User) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("owner"))
    answer = admin.post(f"/admin/auth/user/{boss.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not Token.objects.exists()
    assert not User.objects.filter(username="boss").exists()
    kim = User.objects.create_user("kim")
    account = NasAccount.objects.create(user=kim, nas_user_id=8, role="", confirmed_at=NOW)
    # Without its user's end it would make a local user of one of the NAS's.
    assert admin.post(f"/admin/accounts/nasaccount/{account.pk}/delete/").status_code == 403
