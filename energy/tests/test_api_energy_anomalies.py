"""GET /api/energy/anomalies: what is and was wrong, filtered, newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from energy.models import Anomaly
from energy.tests.factories import NOON, id_of, make_plug

pytestmark = pytest.mark.django_db

URL = "/api/energy/anomalies"
FACTS = {"mean_w": 44.0, "usual_max_w": 16.0, "hour": "2026-03-02T12:00:00+00:00"}


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("kim"))
    return client


def make_anomaly(number: int, *, hours_ago: int, is_over: bool = False) -> Anomaly:
    plug = make_plug(number, name=f"Plug {number}")
    began_at = NOON - timedelta(hours=hours_ago)
    ended_at = began_at + timedelta(hours=1) if is_over else None
    return Anomaly.objects.create(
        plug=plug, kind="unusual_power", began_at=began_at, ended_at=ended_at, facts=FACTS
    )


def numbers(response: Any) -> list[str]:
    assert response.status_code == 200
    return [row["device_name"] for row in response.json()["anomalies"]]


def test_an_anomaly_is_told_completely(api: APIClient) -> None:
    make_anomaly(101, hours_ago=2)
    with time_machine.travel(NOON, tick=False):
        [row] = api.get(URL).json()["anomalies"]
    assert row == {
        "device_id": id_of(101),
        "device_name": "Plug 101",
        "kind": "unusual_power",
        "text": "Plug 101 draws 44\xa0W, usually at most 16\xa0W.",
        "began_at": "2026-03-02T10:00:00+00:00",
        "ended_at": None,
        "duration_s": 7200.0,
        "facts": FACTS,
    }


def test_one_that_is_over_has_its_end(api: APIClient) -> None:
    make_anomaly(101, hours_ago=2, is_over=True)
    [row] = api.get(URL).json()["anomalies"]
    assert (row["ended_at"], row["duration_s"]) == ("2026-03-02T11:00:00+00:00", 3600.0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", ["Plug 102", "Plug 103", "Plug 101"], id="the newest first"),
        pytest.param("?open=true", ["Plug 102", "Plug 101"], id="those that last"),
        pytest.param("?open=false", ["Plug 103"], id="those that are over"),
        pytest.param(f"?device_id={id_of(103)}", ["Plug 103"], id="of a plug"),
        pytest.param(f"?device_id={id_of(103)}&open=true", [], id="of a plug that is well"),
        pytest.param("?limit=1", ["Plug 102"], id="the first"),
        pytest.param("?device_id=&open=", ["Plug 102", "Plug 103", "Plug 101"], id="left empty"),
    ],
)
def test_it_can_be_filtered(api: APIClient, query: str, expected: list[str]) -> None:
    make_anomaly(101, hours_ago=9)
    make_anomaly(102, hours_ago=1)
    make_anomaly(103, hours_ago=5, is_over=True)
    assert numbers(api.get(URL + query)) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1e9", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("limit=%00", "limit"),
        ("open=maybe", "open"),
        ("device_id=%00", "device_id"),
    ],
)
def test_bad_input_names_the_field(api: APIClient, query: str, field: str) -> None:
    response = api.get(f"{URL}?{query}")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize("device_id", ["NOBODY", "x" * 5000, "a.b", "%C3%A9"])
def test_an_unknown_plug_is_not_found(api: APIClient, device_id: str) -> None:
    assert api.get(f"{URL}?device_id={device_id}").status_code == 404


def test_it_needs_a_login() -> None:
    assert APIClient().get(URL).status_code == 401


def test_it_is_read_only(api: APIClient) -> None:
    assert api.post(URL).status_code == 405


def test_many_rows_cost_one_query(api: APIClient, django_assert_num_queries: Any) -> None:
    for number in range(101, 111):
        make_anomaly(number, hours_ago=number)
    with django_assert_num_queries(1):
        assert len(numbers(api.get(URL))) == 10
