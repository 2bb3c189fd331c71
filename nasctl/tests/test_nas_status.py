"""``GET /api/nas/status``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from nasctl import services
from nasctl.evidence import Answer, Memory, Presence
from nasctl.models import NasStatus
from nasctl.moments import present_moment
from nasctl.services import moves, watched_until
from nasctl.services.sightings import Notes, Sightings, save_notes
from nasctl.state import Reason
from nasctl.tests.conftest import Plug

pytestmark = pytest.mark.django_db

URL = "/api/nas/status"
R = Reason


def move(*reasons: Reason) -> None:
    for reason in reasons:
        status = moves.current_status(present_moment())
        assert moves.change_state(status, reason, now=present_moment())


def notes(**more: Any) -> Notes:
    now = present_moment()
    seen = Sightings(
        presence=Presence.SILENT,
        presence_s=now.uptime_s - 3,
        presence_ok_s=now.uptime_s - 13,
        probe=Answer.BAD_STATUS,
        probe_status=502,
        probe_s=now.uptime_s - 4,
        good_probe_s=now.uptime_s - 34,
    )
    memory = Memory(presence_misses=1, probe_misses=2)
    return Notes(
        **{
            "boot_id": now.boot_id,
            "saved_s": now.uptime_s - 2,
            "moved": "",
            "moved_s": 0.0,
            "memory": memory,
            "sightings": seen,
            **more,
        }
    )


def test_before_the_first_look_everything_is_unknown(api: APIClient) -> None:
    found = api.get(URL).json()
    assert (found["state"], found["since"], found["wanted"]) == ("unknown", None, "")
    assert (found["power_w"], found["power_state"], found["wake"]) == (None, "unknown", None)
    assert found["can_wake"] is True
    assert not NasStatus.objects.exists(), "reading writes nothing"


def test_it_tells_state_reason_power_and_evidence_with_their_ages(
    api: APIClient, plug: Plug, redis_server: Any
) -> None:
    move(R.ANSWERS)
    plug(33.4, age_s=12.0)
    save_notes(notes())
    found = api.get(URL).json()
    assert (found["state"], found["reason"], found["reason_text"]) == (
        "online",
        "answers",
        "BaluHost answers.",
    )
    assert found["since"].endswith("Z")
    assert (found["power_state"], found["power_w"], found["relay_on"]) == ("idle", 33.4, True)
    assert found["power_age_s"] == pytest.approx(12, abs=1)
    assert found["wanted"] == "nas"
    evidence = found["evidence"]
    assert (evidence["presence"]["result"], evidence["presence_misses"]) == ("silent", 1)
    assert (evidence["probe"]["result"], evidence["probe"]["status"]) == ("bad_status", 502)
    assert evidence["presence_ok"]["age_s"] == pytest.approx(13, abs=1)
    assert evidence["good_probe"]["age_s"] == pytest.approx(34, abs=1)
    assert evidence["is_watched"] is True


def test_a_watcher_that_is_gone_is_told(api: APIClient, redis_server: Any) -> None:
    save_notes(notes(saved_s=present_moment().uptime_s - 31))
    assert api.get(URL).json()["evidence"]["is_watched"] is False
    now = timezone.now()
    until = watched_until(now)
    assert until is not None
    assert (now - until).total_seconds() == pytest.approx(31, abs=2)


def test_where_somebody_looks_the_watch_has_no_end(redis_server: Any) -> None:
    save_notes(notes())
    assert watched_until(timezone.now()) is None


def test_evidence_of_another_boot_is_not_shown(api: APIClient, redis_server: Any) -> None:
    save_notes(notes(boot_id="another"))
    assert api.get(URL).json()["evidence"]["presence"] is None


def test_without_redis_the_state_is_there_and_the_evidence_is_not_known(
    api: APIClient, no_redis: None
) -> None:
    move(R.ANSWERS)
    found = api.get(URL).json()
    assert found["state"] == "online"
    assert found["evidence"]["presence"] is None
    assert found["evidence"]["is_watched"] is None


def test_an_old_reading_is_shown_with_its_age_but_is_no_power_state(
    api: APIClient, plug: Plug
) -> None:
    plug(33.4, age_s=600.0)
    found = api.get(URL).json()
    assert (found["power_w"], found["power_state"]) == (33.4, "unknown")
    assert found["power_age_s"] == pytest.approx(600, abs=1)


@pytest.mark.parametrize(
    ("path", "relay_on", "code"),
    [
        pytest.param([R.ANSWERS], True, "already_online", id="online"),
        pytest.param([R.WAKE], True, "already_booting", id="booting"),
        pytest.param([R.NO_ANSWER], False, "no_power", id="relay off"),
    ],
)
def test_it_says_why_a_wake_makes_no_sense(
    path: list[Reason], relay_on: bool, code: str, api: APIClient, plug: Plug
) -> None:
    move(*path)
    plug(1.2, relay_on=relay_on)
    found = api.get(URL).json()
    assert found["can_wake"] is False
    assert found["why_not_wake"]["code"] == code
    assert found["why_not_wake"]["message"]


def test_a_running_wake_is_shown_with_what_is_left(api: APIClient) -> None:
    services.request_wake(
        requested_by="kim", requested_from="api", anyway=False, now=timezone.now()
    )
    wake = api.get(URL).json()["wake"]
    assert (wake["result"], wake["requested_by"]) == ("running", "kim")
    assert wake["remaining_s"] == pytest.approx(90, abs=2)
    assert wake["expected_s"] == pytest.approx(60, abs=2)


def test_a_state_from_the_future_is_told_and_has_no_negative_age(api: APIClient) -> None:
    move(R.ANSWERS)
    NasStatus.objects.update(since=timezone.now() + timedelta(hours=1))
    found = api.get(URL).json()
    assert (found["age_s"], found["is_since_in_future"]) == (0, True)


def test_it_needs_a_login_unless_reading_is_public(nobody: APIClient, settings: Any) -> None:
    assert nobody.get(URL).status_code == 401
    settings.PUBLIC_READ = True
    assert nobody.get(URL).status_code == 200


def test_it_asks_the_database_little(
    api: APIClient, django_assert_max_num_queries: Any, plug: Plug
) -> None:
    move(R.ANSWERS)
    plug(33.0)
    with django_assert_max_num_queries(2):
        api.get(URL + "/")
