"""``/api/pihole/status``, ``stats`` and ``dns``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from kombu.exceptions import OperationalError

from pihole import services, status, tasks
from pihole.ftl import Statistics
from pihole.models import NameStatus
from pihole.problems import ProblemCode
from pihole.status import Complaint, Look, NameLook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nowhere")]

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASKED = NOW - timedelta(seconds=22)
LOOK = Look(
    at=ASKED,
    names=(NameLook("baluhost.local", "addresses", ("127.66.0.53",)),),
    problem=Complaint(ProblemCode.READ_ONLY, {}, NOW - timedelta(hours=1)),
    warnings=(Complaint(ProblemCode.NO_PASSWORD, {}, ASKED),),
    failures=2,
    next_try_at=NOW + timedelta(seconds=8),
    statistics=Statistics(18_412, 3_127, 17.0, 8, "enabled", None, "v6.3"),
    statistics_at=ASKED,
)


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(User.objects.create_user("reader"))
    return client


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is enqueued instead of sending it to a broker."""
    names: list[str] = []
    monkeypatch.setattr(
        tasks.reconcile_names, "apply_async", lambda **_: names.append("reconcile_names")
    )
    return names


def choose(client: Client, body: object) -> Any:
    return client.post("/api/pihole/dns", json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("reason", ["answers", "wake"])
def test_a_reason_is_the_same_word_in_every_language(
    reader: Client, no_redis: None, reason: str
) -> None:
    """The catalog has these words, too, as those of a page."""
    services.want("nas", reason, NOW)
    asked = reader.get("/api/pihole/status", headers={"accept-language": "de"})
    assert asked.json()["reason"] == reason
    services.set_override("pi", "kim", NOW)
    asked = reader.get("/api/pihole/status", headers={"accept-language": "de"})
    assert asked.json()["reason"] == "festgehalten von kim"


@time_machine.travel(NOW, tick=False)
def test_status_tells_everything_with_its_age(reader: Client, redis_server: Any) -> None:
    services.want("pi", "asleep", NOW - timedelta(minutes=5))
    status.save(LOOK)
    body = reader.get("/api/pihole/status").json()
    assert body["target"] == "pi"
    assert body["reason"] == "asleep"
    assert body["override"] is None
    assert body["is_switching"] is False
    assert body["ok"] is False
    assert body["names"] == [
        {
            "name": "baluhost.local",
            "wanted": "127.66.0.2",
            "actual": ["127.66.0.53"],
            "answer": "addresses",
            "ok": False,
        }
    ]
    assert body["age_s"] == 22.0
    assert body["problem"]["code"] == "read_only"
    assert "misc.readOnly" in body["problem"]["message"]
    assert [warning["code"] for warning in body["warnings"]] == ["no_password"]
    assert body["failures"] == 2
    assert body["statistics"]["percent_blocked"] == 17.0
    assert body["statistics_age_s"] == 22.0
    for field in ("checked_at", "changed_at", "next_try_at", "statistics_at"):
        assert datetime.fromisoformat(body[field]).tzinfo is not None


def test_status_before_the_first_look_is_not_known(reader: Client, redis_server: Any) -> None:
    body = reader.get("/api/pihole/status").json()
    assert body["ok"] is None
    assert body["checked_at"] is None
    assert body["names"][0]["actual"] is None
    assert body["statistics"] is None


def test_status_without_redis_tells_what_the_database_knows(reader: Client, no_redis: None) -> None:
    services.set_override("nas", "boss", NOW)
    answer = reader.get("/api/pihole/status")
    assert answer.status_code == 200
    assert answer.json()["target"] == "nas"
    assert answer.json()["override"]["by"] == "boss"
    assert answer.json()["ok"] is None


def test_status_costs_one_query_besides_the_session(
    reader: Client, redis_server: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):  # session, user, wishes
        reader.get("/api/pihole/status")


@time_machine.travel(NOW, tick=False)
def test_a_decision_after_the_last_look_is_a_switch_under_way(
    reader: Client, redis_server: Any
) -> None:
    status.save(LOOK)
    services.want("pi", "asleep", NOW)
    assert reader.get("/api/pihole/status").json()["is_switching"] is True


@time_machine.travel(NOW, tick=False)
def test_stats_come_with_their_age(reader: Client, redis_server: Any) -> None:
    status.save(LOOK)
    body = reader.get("/api/pihole/stats/").json()
    assert body.keys() == {"statistics", "statistics_at", "statistics_age_s"}
    assert body["statistics"]["queries"] == 18_412
    assert body["statistics_age_s"] == 22.0


@pytest.mark.parametrize("path", ["/api/pihole/status", "/api/pihole/stats"])
def test_reading_needs_a_login_unless_the_owner_says_so(
    client: Client, settings: Any, redis_server: Any, path: str
) -> None:
    assert client.get(path).status_code == 401
    settings.PUBLIC_READ = True
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("target", ["nas", "pi"])
def test_an_admin_chooses(admin: Client, redis_server: Any, queued: list[str], target: str) -> None:
    answer = choose(admin, {"target": target})
    assert answer.status_code == 200
    assert answer.json()["queued"] is True
    assert answer.json()["target"] == target
    assert answer.json()["override"]["by"] == "boss"
    assert queued == ["reconcile_names"]


def test_auto_ends_the_choice(admin: Client, redis_server: Any, queued: list[str]) -> None:
    services.want("pi", "asleep", NOW)
    choose(admin, {"target": "nas"})
    body = choose(admin, {"target": "auto"}).json()
    assert (body["target"], body["override"]) == ("pi", None)


def test_a_repeated_choice_is_one_choice(
    admin: Client, redis_server: Any, queued: list[str]
) -> None:
    first = choose(admin, {"target": "nas"}).json()
    again = choose(admin, {"target": "nas"}).json()
    assert again["override"] == first["override"]


def test_a_choice_without_redis_is_stored_and_done_later(
    admin: Client, no_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_call: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.reconcile_names, "apply_async", fail)
    answer = choose(admin, {"target": "nas"})
    assert answer.status_code == 200
    assert answer.json()["queued"] is False
    assert NameStatus.current().target == "nas"


def test_choosing_needs_an_admin(client: Client) -> None:
    assert choose(client, {"target": "nas"}).status_code == 401


def test_a_reader_may_not_choose(reader: Client) -> None:
    assert choose(reader, {"target": "nas"}).status_code == 403
    assert NameStatus.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"target": ""}, id="empty"),
        pytest.param({"target": None}, id="null"),
        pytest.param({"target": "moon"}, id="no such place"),
        pytest.param({"target": "NAS"}, id="upper case"),
        pytest.param({"target": ["nas"]}, id="a list"),
        pytest.param({"target": {"nas": 1}}, id="an object"),
        pytest.param({"target": 10**400}, id="a huge number"),
        pytest.param({"target": True}, id="a truth"),
        pytest.param({"target": "nas\0"}, id="a NUL byte"),
        pytest.param({"target": "\ud800"}, id="half a character"),
    ],
)
def test_a_bad_choice_names_the_field_and_changes_nothing(admin: Client, body: object) -> None:
    answer = choose(admin, body)
    assert answer.status_code == 400
    assert "target" in answer.json()["errors"]
    assert NameStatus.objects.count() == 0


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"nas"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"target": "\xff"}', id="no UTF-8"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_body_that_is_no_object_is_bad_input(admin: Client, raw: bytes) -> None:
    answer = admin.post("/api/pihole/dns", raw, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_the_choice_is_a_post(admin: Client, method: str) -> None:
    assert getattr(admin, method)("/api/pihole/dns").status_code == 405
