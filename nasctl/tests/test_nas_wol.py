"""``POST /api/nas/wol`` and ``GET /api/nas/wakes/{id}``."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from kombu.exceptions import OperationalError
from rest_framework.test import APIClient

from balupi_site.lib.errors import TransientError
from nasctl.evidence import Stage
from nasctl.models import NasStatus, Wake, WakeResult
from nasctl.moments import present_moment
from nasctl.services import moves, wakes
from nasctl.state import Reason
from nasctl.tasks import watch_nas

pytestmark = pytest.mark.django_db

URL = "/api/nas/wol"
R = Reason


def move(reason: Reason) -> None:
    status = moves.current_status(present_moment())
    assert moves.change_state(status, reason, now=present_moment())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing at all"),
        pytest.param({"content_type": "application/json"}, id="JSON announced, none sent"),
        pytest.param({"data": b"", "content_type": "application/json"}, id="empty"),
        pytest.param({"data": b"{}", "content_type": "application/json"}, id="an empty object"),
        pytest.param(
            {"data": b'{"anyway": false}', "content_type": "application/json"}, id="anyway false"
        ),
    ],
)
def test_a_wake_needs_no_body(
    body: dict[str, Any], api: APIClient, packets: list[str], enqueued: list[str]
) -> None:
    answer = api.post(URL, **body)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["wol_sent"], found["nas_previous_state"]) == (True, "unknown")
    assert found["estimated_boot_time_s"] == 60
    assert found["url"] == f"/api/nas/wakes/{found['wake']['id']}"
    assert found["wake"]["requested_by"] == "kim"
    assert len(packets) == 1
    assert enqueued == ["nasctl.tasks.watch_nas"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="a list"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"anyway": "perhaps"}', id="no truth"),
        pytest.param(b'{"anyway": []}', id="a list for a truth"),
        pytest.param(b'{"anyway": null}', id="null for a truth"),
        pytest.param(b'{"anyway": "\\u0000"}', id="NUL"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b'{"anyway": "\xff"}', id="bad UTF-8"),
        pytest.param(b"1" * 5000, id="a huge number"),
    ],
)
def test_bad_input_wakes_nothing(body: bytes, api: APIClient, packets: list[str]) -> None:
    answer = api.post(URL, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    assert packets == []
    assert not Wake.objects.exists()


@pytest.mark.parametrize(
    ("reason", "code"), [(R.ANSWERS, "already_online"), (R.WAKE, "already_booting")]
)
def test_it_refuses_with_a_reason_unless_asked_for_anyway(
    reason: Reason, code: str, api: APIClient, packets: list[str], enqueued: list[str]
) -> None:
    move(reason)
    answer = api.post(URL)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert packets == enqueued == []
    assert api.post(URL, {"anyway": True}, format="json").status_code == 200
    assert len(packets) == 1


def test_a_second_call_does_not_wake_twice(
    api: APIClient, packets: list[str], enqueued: list[str]
) -> None:
    assert api.post(URL).status_code == 200
    assert api.post(URL).json()["code"] == "already_booting"
    assert Wake.objects.count() == len(packets) == 1


def test_with_redis_away_the_packets_go_out_all_the_same(
    api: APIClient, packets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: object) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(watch_nas, "apply_async", refuse)
    assert api.post(URL).status_code == 200
    assert len(packets) == 1
    assert NasStatus.current(present_moment()).state == "booting"


def test_a_network_that_takes_no_packet_is_503(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_where: object) -> None:
        raise TransientError("The signal to the NAS could not be sent.")

    monkeypatch.setattr(wakes, "send_magic_packets", fail)
    answer = api.post(URL)
    assert answer.status_code == 503
    assert "could not be sent" in answer.json()["detail"]


def test_waking_by_api_needs_a_login_also_where_reading_is_public(
    nobody: APIClient, settings: Any, packets: list[str]
) -> None:
    settings.PUBLIC_READ = True
    assert nobody.post(URL).status_code == 401
    assert packets == []


def test_a_wake_shows_its_stages(api: APIClient, enqueued: list[str]) -> None:
    url = api.post(URL).json()["url"]
    wake = Wake.objects.get()
    Wake.objects.update(watches_power=True)
    moves.record_stages(wake, (Stage.POWER_SEEN,), present_moment())
    found = api.get(url).json()
    assert [(stage["stage"], stage["status"]) for stage in found["stages"]] == [
        ("packet_sent", "done"),
        ("power_seen", "done"),
        ("port_answered", "waiting"),
        ("healthy", "waiting"),
    ]
    moves.end_wake(wake, present_moment(), failed=moves.missing_stage(wake))
    found = api.get(url).json()
    assert [stage["status"] for stage in found["stages"]] == ["done", "done", "failed", "skipped"]
    assert (found["result"], found["remaining_s"]) == (WakeResult.FAILED, None)
    assert "network" in found["message"]


def test_the_stage_of_power_is_skipped_without_a_plug(api: APIClient, enqueued: list[str]) -> None:
    found = api.get(api.post(URL).json()["url"]).json()
    assert [stage["status"] for stage in found["stages"]] == [
        "done",
        "skipped",
        "waiting",
        "waiting",
    ]


@pytest.mark.parametrize(
    "wake_id",
    ["x", "0", "9" * 400, "%00", "%ff", str(uuid.UUID(int=7)), f"{{{uuid.UUID(int=7)}}}", "%F0%9F"],
)
def test_no_wake_of_that_name_is_404(wake_id: str, api: APIClient) -> None:
    answer = api.get(f"/api/nas/wakes/{wake_id}")
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


def test_a_wake_needs_a_login(nobody: APIClient) -> None:
    assert nobody.get(f"/api/nas/wakes/{uuid.UUID(int=7)}").status_code == 401
