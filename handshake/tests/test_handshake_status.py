"""What the NAS's own page reads of its calls: status and snapshot."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from handshake.models import InboxStatus
from handshake.tests.conftest import Enqueued, Names, NasCaller
from handshake.tests.nas_stands import LATEST, NOON, STATUS
from handshake.tests.vectors import SNAPSHOT
from nasctl.models import NasStatus
from nasctl.state import NasState

pytestmark = pytest.mark.django_db


def test_the_status_before_anything_has_happened(api: APIClient) -> None:
    answer = api.get(STATUS)
    assert answer.status_code == 200
    found = answer.json()
    assert found["nas_state"] == "unknown"
    assert (found["since"], found["last_snapshot"]) == (None, None)
    assert (found["inbox_size_mb"], found["inbox_files"]) == (0.0, 0)
    assert found["inbox_scanned_at"] is None


def test_the_status_is_what_the_page_of_the_nas_reads(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    with time_machine.travel(NOON, tick=False):
        nas.go_offline()
    InboxStatus.objects.create(pk=1, files=3, bytes=3 * 1024 * 1024 // 2, scanned_at=NOON)
    found = api.get(STATUS).json()
    assert found["nas_state"] == "shutting_down"
    assert (found["inbox_size_mb"], found["inbox_files"]) == (1.5, 3)
    for field in ("since", "last_snapshot", "inbox_scanned_at"):
        at = datetime.fromisoformat(found[field])
        assert at.tzinfo is not None, field
        assert at == NOON


@pytest.mark.parametrize("state", list(NasState))
def test_the_status_knows_the_five_states_of_the_contract(state: NasState, api: APIClient) -> None:
    NasStatus.objects.create(pk=1, state=state, since=NOON, moved_at=NOON, version=1)
    assert api.get(STATUS).json()["nas_state"] == state
    assert state in {"online", "booting", "shutting_down", "offline", "unknown"}


def test_the_last_snapshot_is_the_newest(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    for hour in range(2):
        with time_machine.travel(NOON + timedelta(hours=hour), tick=False):
            nas.go_offline(SNAPSHOT.replace(b"48211", b"%d" % hour))
    with time_machine.travel(NOON + timedelta(hours=1, minutes=30), tick=False):
        status_found, found = api.get(STATUS).json(), api.get(LATEST).json()
    assert datetime.fromisoformat(status_found["last_snapshot"]) == NOON + timedelta(hours=1)
    assert found["files_summary"]["total_files"] == 1
    assert datetime.fromisoformat(found["received_at"]) == NOON + timedelta(hours=1)
    assert found["age_s"] == 1800.0


def test_there_is_no_snapshot_before_the_first(api: APIClient) -> None:
    answer = api.get(LATEST)
    assert answer.status_code == 404
    assert "has not sent a snapshot" in answer.json()["detail"]


def test_a_snapshot_is_served_as_the_page_of_the_nas_reads_it(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    nas.go_offline()
    answer = api.get(LATEST)
    assert answer.status_code == 200
    found = answer.json()
    (array,) = found["storage"]["arrays"]
    assert (array["state"], array["reported_state"]) == ("active", "optimal")
    sent = json.loads(SNAPSHOT)
    sent["storage"]["arrays"][0] |= {"state": "active", "reported_state": "optimal"}
    assert found == {**sent, "received_at": found["received_at"], "age_s": found["age_s"]}


def test_a_snapshot_from_the_future_is_new(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """The clock was set back since."""
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        nas.go_offline()
    assert api.get(LATEST).json()["age_s"] == 0.0


@pytest.mark.parametrize("path", [STATUS, LATEST])
def test_reading_needs_a_login(path: str, nobody: APIClient, nas: NasCaller, settings: Any) -> None:
    answer = nobody.get(path)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)
    # A signature is good for the NAS's calls only.
    assert nas.call(path, method="GET").status_code == 401
    settings.PUBLIC_READ = True
    assert nobody.get(path).status_code in (200, 404)


@pytest.mark.parametrize("path", [STATUS, LATEST])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_status_and_snapshot_are_only_read(path: str, method: str, api: APIClient) -> None:
    assert getattr(api, method)(path).status_code == 405


def test_reading_asks_the_database_little(
    api: APIClient,
    nas: NasCaller,
    names: Names,
    enqueued: Enqueued,
    django_assert_max_num_queries: Any,
) -> None:
    nas.go_offline()
    with django_assert_max_num_queries(3):
        api.get(STATUS)
    with django_assert_max_num_queries(1):
        api.get(LATEST)
