"""``GET /api/nas/timeline`` and the rules behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from nasctl import services
from nasctl.models import StateChange, Wake
from nasctl.services.timeline import StateItem, WakeItem
from nasctl.state import NasState, Reason

pytestmark = pytest.mark.django_db

URL = "/api/nas/timeline"
S, R = NasState, Reason
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def change(minutes: float, before: NasState, after: NasState, reason: Reason | str) -> StateChange:
    return StateChange.objects.create(
        at=ago(minutes), from_state=before, to_state=after, reason=reason
    )


def wake(minutes: float) -> Wake:
    return Wake.objects.create(
        requested_at=ago(minutes),
        deadline_at=ago(minutes) + timedelta(seconds=90),
        previous_state="offline",
        packet_sent_at=ago(minutes),
        requested_by="kim",
        requested_from="api",
    )


def states(page: services.Timeline) -> list[StateItem]:
    return [item for item in page.items if isinstance(item, StateItem)]


def test_states_have_durations_and_the_last_one_lasts() -> None:
    change(60, S.UNKNOWN, S.ONLINE, R.ANSWERS)
    change(20, S.ONLINE, S.OFFLINE, R.NO_ANSWER)
    offline, online = states(services.timeline(NOW))
    assert (online.state, online.duration_s, online.until) == (S.ONLINE, 40 * 60, ago(20))
    assert (offline.state, offline.duration_s, offline.until) == (S.OFFLINE, 20 * 60, None)
    assert (offline.is_trouble, online.is_trouble) == (True, False)
    assert offline.reason_text == "It stopped answering without a good-bye."


def test_a_restart_of_the_service_is_one_item() -> None:
    change(60, S.UNKNOWN, S.ONLINE, R.ANSWERS)
    change(30, S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE)
    change(29, S.SHUTTING_DOWN, S.ONLINE, R.CALLED_COMING_ONLINE)
    change(10, S.ONLINE, S.OFFLINE, R.NO_ANSWER)
    found = states(services.timeline(NOW))
    assert [item.state for item in found] == [S.OFFLINE, S.ONLINE, S.ONLINE]
    restart = found[1]
    assert (restart.reason, restart.restart_s) == (R.SERVICE_RESTART, 60)
    assert (restart.at, restart.until, restart.duration_s) == (ago(30), ago(10), 20 * 60)


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(
            [
                (S.BOOTING, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
                (S.SHUTTING_DOWN, S.ONLINE, R.CALLED_COMING_ONLINE),
            ],
            id="it was not online before",
        ),
        pytest.param(
            [
                (S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
                (S.SHUTTING_DOWN, S.OFFLINE, R.SHUT_DOWN),
            ],
            id="it went",
        ),
    ],
)
def test_other_pairs_stay_two_items(pair: list[tuple[NasState, NasState, Reason]]) -> None:
    for number, move in enumerate(pair):
        change(30 - number, *move)
    assert len(states(services.timeline(NOW))) == 2


def test_wakes_stand_between_the_states() -> None:
    change(60, S.UNKNOWN, S.OFFLINE, R.NO_ANSWER)
    wake(30)
    change(20, S.OFFLINE, S.ONLINE, R.ANSWERS)
    kinds = [item.kind for item in services.timeline(NOW).items]
    assert kinds == ["state", "wake", "state"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_pages_show_everything_once(limit: int) -> None:
    path = [
        (S.OFFLINE, S.BOOTING, R.WAKE),
        (S.BOOTING, S.ONLINE, R.ANSWERS),
        (S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
        (S.SHUTTING_DOWN, S.ONLINE, R.CALLED_COMING_ONLINE),
        (S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE),
        (S.SHUTTING_DOWN, S.OFFLINE, R.SHUT_DOWN),
    ]
    for number in range(18):
        if number % 6 == 0:
            wake(200 - number)  # at the very moment of its change
        change(200 - number, *path[number % 6])
    whole = services.timeline(NOW, limit=200).items
    assert len(whole) == 18 - 3 + 3
    found: list[StateItem | WakeItem] = []
    before: datetime | None = None
    while True:
        page = services.timeline(NOW, limit=limit, before=before)
        assert len(page.items) <= limit + 1
        found.extend(page.items)
        before = page.next_before
        if before is None:
            break
    assert found == list(whole)


def test_a_row_from_the_future_is_told_and_has_no_negative_duration() -> None:
    change(60, S.UNKNOWN, S.OFFLINE, R.NO_ANSWER)
    change(-600, S.OFFLINE, S.ONLINE, R.ANSWERS)
    future, past = states(services.timeline(NOW))
    assert (future.is_in_future, future.duration_s) == (True, None)
    assert (past.is_in_future, past.until) == (False, ago(-600))


def test_reasons_of_another_release_are_shown_as_they_are() -> None:
    change(60, S.UNKNOWN, S.OFFLINE, "of old")
    [item] = states(services.timeline(NOW))
    assert (item.reason, item.reason_text) == ("of old", "")


def test_the_endpoint_answers_a_page(api: APIClient) -> None:
    change(60, S.UNKNOWN, S.ONLINE, R.ANSWERS)
    wake(30)
    first = api.get(URL, {"limit": 1}).json()
    assert [item["kind"] for item in first["items"]] == ["wake"]
    second = api.get(URL, {"limit": 1, "before": first["next_before"]}).json()
    assert [item["state"] for item in second["items"]] == ["online"]
    assert second["next_before"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param({"limit": "0"}, "limit", id="limit 0"),
        pytest.param({"limit": "201"}, "limit", id="limit 201"),
        pytest.param({"limit": "9" * 400}, "limit", id="huge limit"),
        pytest.param({"limit": "\0"}, "limit", id="NUL"),
        pytest.param({"before": "yesterday"}, "before", id="no time"),
        pytest.param({"before": "\0"}, "before", id="NUL time"),
        pytest.param({"before": "0001-01-01T00:00:00+14:00"}, "before", id="before all time"),
        pytest.param({"before": "9999-12-31T23:59:59-14:00"}, "before", id="after all time"),
        pytest.param({"before": "9" * 400}, "before", id="huge time"),
    ],
)
def test_bad_input_names_the_field(query: dict[str, str], field: str, api: APIClient) -> None:
    answer = api.get(URL, query)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_it_needs_a_login(nobody: APIClient) -> None:
    assert nobody.get(URL).status_code == 401


def test_a_long_history_costs_few_queries(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(120):
        change(500 - number, S.OFFLINE, S.ONLINE, R.ANSWERS)
    with django_assert_max_num_queries(3):
        assert len(api.get(URL).json()["items"]) == 50
