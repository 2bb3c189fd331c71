"""The admin's pages: facts at a glance, nothing to edit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nasctl import services
from nasctl.models import StateChange, Wake, WakeResult
from nasctl.moments import present_moment
from nasctl.services import moves
from nasctl.state import Reason
from nasctl.tests.conftest import Plug

pytestmark = pytest.mark.django_db

PAGES = ["nasstatus", "statechange", "wake"]


def wake() -> Wake:
    return services.request_wake(
        requested_by="kim", requested_from="api", anyway=False, now=timezone.now()
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_also_when_it_is_empty(page: str, admin_client: Client) -> None:
    assert admin_client.get(f"/admin/nasctl/{page}/").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_nothing_can_be_added(page: str, admin_client: Client) -> None:
    assert admin_client.get(f"/admin/nasctl/{page}/add/").status_code == 403


def test_facts_are_shown_and_cannot_be_changed(admin_client: Client) -> None:
    asked = wake()
    [change] = StateChange.objects.all()
    for path in (f"wake/{asked.pk}", f"statechange/{change.pk}", "nasstatus/1"):
        page = admin_client.get(f"/admin/nasctl/{path}/change/")
        assert page.status_code == 200
        assert b'name="_save"' not in page.content
        assert admin_client.post(f"/admin/nasctl/{path}/delete/").status_code == 403
    assert Wake.objects.exists()


def test_the_state_is_told_with_power_and_reason(admin_client: Client, plug: Plug) -> None:
    plug(1.2)
    wake()
    text = admin_client.get("/admin/nasctl/nasstatus/").content.decode()
    for words in ("waking up", "1.2 W (off), 5\xa0s ago", "Woken by BaluPi.", "kim"):
        assert words in text


def test_changes_show_how_long_they_lasted(admin_client: Client) -> None:
    """Also where the list is filtered: the next change is another one than the next row."""
    status = moves.current_status(present_moment())
    for reason in (Reason.ANSWERS, Reason.NO_ANSWER):
        moves.change_state(status, reason, now=present_moment())
    for reason, minutes in ((Reason.ANSWERS, 50), (Reason.NO_ANSWER, 20)):
        at = timezone.now() - timedelta(minutes=minutes)
        StateChange.objects.filter(reason=reason).update(at=at)
    text = admin_client.get("/admin/nasctl/statechange/?reason=answers").content.decode()
    assert "30\xa0min" in text
    assert "BaluHost answers." in text


def test_a_wake_is_told_in_the_reader_s_words_by_the_household_s_clock() -> None:
    asked = Wake(
        requested_at=datetime(2026, 11, 25, 23, 30, tzinfo=UTC), result=WakeResult.SUCCEEDED
    )
    with timezone.override("Europe/Berlin"):
        assert str(asked) == "2026-11-26 00:30 by a visitor: awake"


def test_lists_cost_few_queries(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        at = timezone.now() - timedelta(minutes=number)
        Wake.objects.create(
            requested_at=at, deadline_at=at, previous_state="offline", result="failed"
        )
        StateChange.objects.create(at=at, from_state="offline", to_state="online", reason="answers")
    for page in ("wake", "statechange"):
        with django_assert_max_num_queries(9):
            admin_client.get(f"/admin/nasctl/{page}/")


@pytest.mark.parametrize(("came_from", "count"), [("api", 1), ("page", 0)])
def test_wakes_are_found_by_where_they_came_from(
    came_from: str, count: int, admin_client: Client
) -> None:
    wake()
    page = admin_client.get("/admin/nasctl/wake/", {"from": came_from}).content.decode()
    assert page.count(">kim<") == count
    assert ">program<" in "".join(page.split())
