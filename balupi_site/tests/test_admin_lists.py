"""What holds for every list of the admin: it opens, says when it is empty, and survives any address."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from balupi_site.accounts import hashers, services
from balupi_site.accounts.models import NasAccount, Token
from balupi_site.lib.admin import FactsAdmin, age

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

#: Years that no calendar, no database or no clock knows.
ODD = ("0", "99999", "1" * 30, "9999", "x")
#: Rows that are there as soon as their list is opened.
ONE_ROW = {"nasctl.nasstatus", "handshake.inboxstatus", "pihole.namestatus"}


def pages() -> list[Any]:
    return list(admin.site._registry.values())


def url_of(page: Any) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")


def test_every_list_opens_and_says_when_it_is_empty(admin_client: Client) -> None:
    told = 0
    for page in pages():
        response = admin_client.get(url_of(page))
        assert response.status_code == 200, page
        empty = not page.model._default_manager.exists()
        assert empty or page.opts.label_lower in ONE_ROW or page.model is User
        if isinstance(page, FactsAdmin) and empty:
            assert page.nothing, page
            assert escape(str(page.nothing)) in response.content.decode(), page
            told += 1
    assert told > 12


def test_no_address_of_a_list_breaks_it(admin_client: Client) -> None:
    """Years of five digits got through to the database, whose error was a page that broke."""
    asked = 0
    for page in pages():
        queries = [{f"{page.date_hierarchy}__year": odd} for odd in ODD if page.date_hierarchy]
        queries += [{"id__exact": "1" * 30}, {"q": "\x00", "p": "1" * 30, "o": "99.x"}]
        for query in queries:
            response = admin_client.get(url_of(page), query)
            assert response.status_code in {200, 302}, (page, query)
        asked += len(queries)
    assert asked > 60


def test_a_question_names_some_rows_and_counts_the_rest(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    users = [User(username=f"user {number:02}") for number in range(25)]
    accounts = [
        NasAccount(user=user, nas_user_id=number, role="user", confirmed_at=timezone.now())
        for number, user in enumerate(User.objects.bulk_create(users))
    ]
    pks = [row.pk for row in NasAccount.objects.bulk_create(accounts)]
    url = reverse("admin:accounts_nasaccount_changelist")
    with django_assert_max_num_queries(9):
        page = admin_client.post(url, {"action": "end_logins", "_selected_action": pks}).text
    assert page.count("<li>user ") == 20
    assert "and 5 more" in page
    assert page.count('name="_selected_action"') == 25


def test_who_may_only_look_is_offered_no_action_and_gets_none_done() -> None:
    reader = User.objects.create_user("reader", is_staff=True)
    client = Client()
    for page in pages():
        if not isinstance(page, FactsAdmin) or not page.actions:
            continue
        codename = get_permission_codename("view", page.opts)
        reader.user_permissions.add(
            Permission.objects.get(content_type__app_label=page.opts.app_label, codename=codename)
        )
        client.force_login(User.objects.get(pk=reader.pk))
        request = client.get(url_of(page)).wsgi_request
        assert request.user.has_perm(f"{page.opts.app_label}.{codename}")
        assert list(page.get_actions(request)) == [], page
    services.make_token(reader, timezone.now(), scopes=["wake"], label="Phone", days=30)
    token = Token.objects.get()
    answer = {"action": "revoke_tokens", "confirmed": "yes", ACTION_CHECKBOX_NAME: token.pk}
    client.post(reverse("admin:accounts_token_changelist"), answer)
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, "0\xa0s ago"),
        (-0.4, "0\xa0s ago"),
        (7200, "2\xa0h ago"),
        (-7200, "in 2\xa0h"),
        (200_000, "2 days ago"),
        (None, "never"),
    ],
)
def test_ages_are_told_in_both_directions(ago_s: float | None, text: str) -> None:
    now = timezone.now()
    at = None if ago_s is None else now - timedelta(seconds=ago_s)
    assert f">{text}</" in age(at, now, "never")


def test_a_search_without_a_hit_leads_back_to_all(admin_client: Client) -> None:
    text = admin_client.get("/admin/events/event/?q=nobody").content.decode()
    assert "Nothing fits what was searched or filtered for." in text
    assert "Nothing has happened so far." not in text


@pytest.mark.parametrize("name", ["admin:password_change", "admin:auth_user_password_change"])
def test_a_password_page_says_when_all_places_to_hash_are_taken(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    owner = User.objects.create_superuser("owner", password="secret")
    client = Client()
    client.force_login(owner)
    monkeypatch.setattr(hashers, "_PLACES", threading.BoundedSemaphore(1))
    monkeypatch.setattr(hashers, "_PLACE_WITHIN_S", 0.01)
    url = reverse(name, args=[] if name == "admin:password_change" else [owner.pk])
    new = "a-long-new-passphrase"
    form = {"old_password": "secret", "new_password1": new, "new_password2": new,
            "password1": new, "password2": new, "usable_password": "true"}  # fmt: skip
    assert hashers._PLACES.acquire(timeout=0)
    response = client.post(url, form)
    hashers._PLACES.release()
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert "Too many logins at once" in response.content.decode()
    owner.refresh_from_db()
    assert owner.check_password("secret")
