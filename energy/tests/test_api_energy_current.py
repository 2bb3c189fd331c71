"""GET /api/energy/current: what the NAS-built page and ours read every 30 seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from energy.models import PlugRole, PlugStatus, PowerSample
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import NOON, id_of, make_plug, make_reading

pytestmark = pytest.mark.django_db

URL = "/api/energy/current"


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("reader"))
    return client


def get(api: APIClient, *, age_s: float = 5) -> dict[str, Any]:
    with time_machine.travel(NOON + timedelta(seconds=age_s), tick=False):
        response = api.get(URL)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def read_at_noon(number: int = 101, **values: Any) -> None:
    SampleBuffer().put(make_reading(number, **values), is_sample=False)


def test_every_field_of_a_plug(redis_server: Any, api: APIClient) -> None:
    make_plug(name="NAS", role=PlugRole.NAS, status=PlugStatus.OK)
    read_at_noon(power_w=34.5)
    assert get(api) == {
        "devices": [
            {
                "device_id": id_of(101),
                "name": "NAS",
                "device_name": "NAS",
                "role": "nas",
                "power_w": 34.5,
                "power_known": True,
                "voltage_v": 230.0,
                "current_a": 0.26,
                "is_online": True,
                "is_stale": False,
                "age_s": 5.0,
                "timestamp": "2026-03-02T12:00:00+00:00",
                "status": "ok",
                "status_message": "",
            }
        ],
        "total_power_w": 34.5,
        "total_is_complete": True,
    }


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(None, id="never read"),
        pytest.param({"voltage_v": None, "current_a": None}, id="old firmware"),
        pytest.param({"power_w": None}, id="no meter"),
    ],
)
def test_predecessor_29_numbers_are_never_null(
    redis_server: Any, api: APIClient, values: dict[str, Any] | None
) -> None:
    make_plug(status=PlugStatus.UNREACHABLE)
    if values is not None:
        read_at_noon(**values)
    body = get(api)
    [device] = body["devices"]
    numbers = [device["power_w"], device["voltage_v"], device["current_a"], body["total_power_w"]]
    assert all(isinstance(number, float | int) for number in numbers)


def test_an_unknown_power_says_that_it_is_unknown(redis_server: Any, api: APIClient) -> None:
    make_plug()
    body = get(api)
    [device] = body["devices"]
    assert (device["power_w"], device["power_known"], device["timestamp"]) == (0, False, None)
    assert (device["is_online"], device["is_stale"], device["age_s"]) == (False, True, None)
    assert body["total_is_complete"] is False


def test_a_plug_that_is_gone_shows_its_last_value_and_its_age_and_counts_no_more(
    redis_server: Any, api: APIClient
) -> None:
    make_plug(101, status=PlugStatus.UNREACHABLE)
    make_plug(102, status=PlugStatus.OK)
    read_at_noon(101, power_w=60, at=NOON - timedelta(minutes=5))
    read_at_noon(102, power_w=7)
    body = get(api)
    gone, there = body["devices"]
    assert (gone["power_w"], gone["age_s"], gone["is_online"]) == (60, 305, False)
    assert there["is_online"]
    assert (body["total_power_w"], body["total_is_complete"]) == (7, False)


def test_no_plugs_is_an_empty_list(redis_server: Any, api: APIClient) -> None:
    assert get(api) == {"devices": [], "total_power_w": 0, "total_is_complete": True}


def test_it_answers_from_the_database_while_redis_is_away(no_redis: None, api: APIClient) -> None:
    PowerSample.objects.create(plug=make_plug(), at=NOON, power_w=60)
    [device] = get(api)["devices"]
    assert (device["power_w"], device["age_s"]) == (60, 5)


def test_plugs_that_are_not_polled_are_left_out(redis_server: Any, api: APIClient) -> None:
    make_plug(enabled=False)
    assert get(api)["devices"] == []


def test_ten_plugs_cost_as_many_queries_as_one(
    redis_server: Any, api: APIClient, django_assert_num_queries: Any
) -> None:
    for number in range(101, 111):
        make_plug(number)
        read_at_noon(number)
    with django_assert_num_queries(1):
        assert len(get(api)["devices"]) == 10


def test_a_slash_at_the_end_is_no_mistake(redis_server: Any, api: APIClient) -> None:
    assert api.get(URL + "/").status_code == 200


def test_strangers_read_only_where_the_owner_allows_it(redis_server: Any, settings: Any) -> None:
    assert APIClient().get(URL).status_code == 401
    settings.PUBLIC_READ = True
    assert APIClient().get(URL).status_code == 200
