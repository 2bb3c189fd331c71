"""``GET /api/nas/timeline`` and the rules behind it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.signals import request_finished
from django.db import close_old_connections
from rest_framework.test import APIClient

from balupi_site.events.models import Event
from nasctl import services
from nasctl.models import StateChange, Wake
from nasctl.services.timeline import Item, StateItem
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
    found: list[Item] = []
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


# --- the other events ---------------------------------------------------------------------------


def happened(minutes: float, kind: str = "inbox.moved", **fields: Any) -> Event:
    return Event.objects.create(at=ago(minutes), kind=kind, **fields)


def all_pages(api: APIClient, **query: Any) -> list[dict[str, Any]]:
    """Return the items of all pages, each of which has as many as it should."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = api.get(URL, {**query, **before}).json()
        assert page["items"]
        found.extend(page["items"])
        if page["next_before"] is None:
            return found
        before = {"before": page["next_before"]}


def test_without_a_filter_states_and_wakes_stand_beside_all_other_events(api: APIClient) -> None:
    change(60, S.UNKNOWN, S.OFFLINE, R.NO_ANSWER)
    wake(30)
    for kind in ("nas.state", "wake.requested", "wake.stage", "wake.ended"):
        happened(40, kind)  # told by state and wake
    happened(20, "names.overridden", subject="baluhost.local", who="kim", facts={"target": "pi"})
    items = api.get(URL).json()["items"]
    assert [item["kind"] for item in items] == ["event", "wake", "state"]
    told = {key: value for key, value in items[0].items() if key != "id"}
    assert told == {
        "kind": "event",
        "at": "2026-11-24T11:40:00Z",
        "event_kind": "names.overridden",
        "subject": "baluhost.local",
        "sentence": "kim holds baluhost.local on the Pi.",
        "is_trouble": False,
        "duration_s": None,
        "who": "kim",
        "via": "",
        "address": "",
        "facts": {"target": "pi"},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"kind": "nas"}, ["nas.call", "state"], id="a group with its states"),
        pytest.param({"kind": "wake"}, ["wake"], id="the wakes"),
        pytest.param({"kind": "wake.stage"}, ["wake.stage"], id="an exact kind"),
        pytest.param({"kind": "nas.state"}, ["nas.state"], id="states as events"),
        pytest.param(
            {"kind": "inbox,names.switched"}, ["inbox.moved", "names.switched"], id="commas"
        ),
        pytest.param({"kind": ["login", "inbox"]}, ["login.refused", "inbox.moved"], id="repeated"),
        pytest.param({"trouble": "true"}, ["login.refused", "nas.state"], id="trouble"),
        pytest.param({"trouble": "true", "kind": "nas"}, ["nas.state"], id="trouble of the NAS"),
        pytest.param({"since": ago(25).isoformat()}, ["login.refused", "inbox.moved"], id="since"),
        pytest.param({"since": ago(20).isoformat(), "kind": "login"}, ["login.refused"], id="at"),
    ],
)
def test_it_is_filtered(api: APIClient, query: dict[str, Any], expected: list[str]) -> None:
    change(60, S.ONLINE, S.OFFLINE, R.NO_ANSWER)
    happened(60, "nas.state", is_trouble=True)
    happened(50, "nas.call")
    wake(40)
    happened(40, "wake.stage")
    happened(30, "names.switched")
    happened(22, "inbox.moved")
    happened(20, "login.refused", is_trouble=True)
    items = api.get(URL, query).json()["items"]
    assert [item.get("event_kind", item["kind"]) for item in items] == expected


@pytest.mark.parametrize("limit", [1, 7, 49, 50, 51, 60])
def test_what_happened_in_one_instant_is_paged_without_loss(api: APIClient, limit: int) -> None:
    """50 rows of one instant, and what happened before and after; one page may be long for it."""
    for number in range(5):
        happened(10 + number)
        happened(200 + number)
        change(300 - number, S.OFFLINE, S.ONLINE, R.ANSWERS)
    Event.objects.bulk_create(Event(at=ago(100), kind="nas.call") for _number in range(30))
    for _number in range(10):
        change(100, S.ONLINE, S.OFFLINE, R.NO_ANSWER)
        wake(100)
    items = all_pages(api, limit=limit)
    keys = [(item["kind"], item.get("id") or item["wake"]["id"]) for item in items]
    assert len(keys) == len(set(keys)) == 65
    assert [item["at"] for item in items] == sorted((item["at"] for item in items), reverse=True)
    assert len(all_pages(api, limit=limit, kind="nas.call,inbox")) == 40


def test_an_event_within_a_restart_does_not_tear_it_apart(api: APIClient) -> None:
    change(60, S.UNKNOWN, S.ONLINE, R.ANSWERS)
    change(30, S.ONLINE, S.SHUTTING_DOWN, R.CALLED_GOING_OFFLINE)
    happened(30, "nas.call")
    change(29, S.SHUTTING_DOWN, S.ONLINE, R.CALLED_COMING_ONLINE)
    happened(29, "nas.call")
    change(10, S.ONLINE, S.OFFLINE, R.NO_ANSWER)
    with time_machine.travel(NOW, tick=False):
        found = all_pages(api, limit=1)
        assert found == api.get(URL).json()["items"]
    [restart] = [item for item in found if item.get("restart_s")]
    assert (restart["at"], restart["until"]) == ("2026-11-24T11:30:00Z", "2026-11-24T11:50:00Z")


@pytest.mark.parametrize("word", ["nas,", "everything", "nas.states", "\0", "x" * 5000])
def test_an_unknown_kind_is_refused_with_those_that_there_are(api: APIClient, word: str) -> None:
    for url in (URL, f"{URL}.csv"):
        answer = api.get(url, {"kind": word})
        assert answer.status_code == 400
        [text] = answer.json()["errors"]["kind"]
        assert "names" in text
        assert "plug.switched" in text
        assert len(text) < 1000


def test_only_admins_are_told_who_tried_to_log_in(api: APIClient) -> None:
    happened(
        5, "login.refused", subject="hunter2", address="10.0.0.7", via="api", facts={"x": "hunter2"}
    )
    for url in (URL, f"{URL}.csv"):
        text = body(api.get(url))
        assert "A login was refused." in text
        assert "hunter2" not in text
        assert "10.0.0.7" not in text
    admin = APIClient()
    admin.force_authenticate(User.objects.create_user("owner", is_staff=True))
    for url in (URL, f"{URL}.csv"):
        text = body(admin.get(url))
        assert "A login as hunter2 was refused." in text
        assert "10.0.0.7" in text


# --- as a file ------------------------------------------------------------------------------------


def body(answer: Any) -> str:
    return b"".join(answer).decode()


def test_the_file_is_the_whole_log_newest_first(api: APIClient) -> None:
    happened(60, "wake.stage", duration_s=31.25, facts={"stage": "healthy", "wake": "x"})
    happened(30, "plug.anomaly", subject="Lamp", is_trouble=True, facts={"anomaly": "plug_lost"})
    answer = api.get(f"{URL}.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    names, *rows = list(csv.reader(io.StringIO(body(answer))))
    assert names == [
        "at", "kind", "subject", "sentence", "duration_s", "who", "via", "address", "is_trouble",
        "facts",
    ]  # fmt: skip
    assert rows[0][:5] == [
        "2026-11-24T12:30:00+01:00", "plug.anomaly", "Lamp", "Lamp does not answer.", "",
    ]  # fmt: skip
    assert (rows[1][0], rows[1][4]) == ("2026-11-24T12:00:00+01:00", "31.25")
    assert json.loads(rows[1][9]) == {"stage": "healthy", "wake": "x"}
    assert (rows[0][8], rows[1][8]) == ("true", "false")


def test_the_file_is_filtered_as_the_timeline_is(api: APIClient) -> None:
    for minutes in range(10):
        happened(minutes, "nas.call")
        happened(minutes, "login.refused", is_trouble=True)
    query: dict[str, Any] = {
        "kind": "nas",
        "since": ago(7).isoformat(),
        "before": ago(2).isoformat(),
        "limit": 3,
    }
    rows = list(csv.reader(io.StringIO(body(api.get(f"{URL}.csv", query)))))[1:]
    assert [row[0][14:16] for row in rows] == ["57", "56", "55"]
    assert {row[1] for row in rows} == {"nas.call"}
    assert len(body(api.get(f"{URL}.csv", {"trouble": "true"})).splitlines()) == 11


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    happened(1, "login.refused", subject=text, who=text, address=text, facts={"name": text})
    happened(1, "of.old", subject=text)
    admin = APIClient()
    admin.force_authenticate(User.objects.create_user("owner", is_staff=True))
    for row in csv.reader(io.StringIO(body(admin.get(f"{URL}.csv")))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_head_of_the_file_has_no_body(api: APIClient) -> None:
    answer = api.head(f"{URL}.csv")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "timeline_" in answer["Content-Disposition"]


def test_two_files_are_sent_at_a_time_and_a_place_is_free_when_its_client_goes(
    api: APIClient,
) -> None:
    happened(1)
    first, second = api.get(f"{URL}.csv"), api.get(f"{URL}.csv")
    refused = api.get(f"{URL}.csv")
    assert refused.status_code == 503
    assert "try again" in refused.json()["detail"]
    assert api.head(f"{URL}.csv").status_code == 200
    request_finished.disconnect(close_old_connections)  # as the client does: the test's is in use
    first.close()  # before a line of it was read
    request_finished.connect(close_old_connections)
    third = api.get(f"{URL}.csv")
    assert third.status_code == 200
    assert api.get(f"{URL}.csv").status_code == 503
    assert len(body(second).splitlines()) == len(body(third).splitlines()) == 2
    for _time in range(3):
        body(api.get(f"{URL}.csv"))


def test_the_file_needs_a_login(nobody: APIClient) -> None:
    assert nobody.get(f"{URL}.csv").status_code == 401


def test_a_page_of_some_kinds_costs_a_query_for_each(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    Event.objects.bulk_create(
        Event(at=ago(number), kind=("nas.call", "inbox.moved")[number % 2]) for number in range(300)
    )
    with django_assert_max_num_queries(4):
        assert len(api.get(URL, {"kind": "inbox"}).json()["items"]) == 50
    with django_assert_max_num_queries(3):
        assert len(api.get(URL).json()["items"]) == 50
