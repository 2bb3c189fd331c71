"""POST /api/tapo/devices/<device_id>/unlock: who may, and what it answers."""

from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from energy.models import SwitchUnlock
from energy.tests.factories import NOON, id_of, make_plug

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

URL = f"/api/tapo/devices/{id_of(101)}/unlock"


def client(*, is_admin: bool = True) -> APIClient:
    api = APIClient()
    api.force_authenticate(User.objects.create_user("kim", is_staff=is_admin))
    return api


def test_it_unlocks_for_a_minute_and_says_until_when() -> None:
    make_plug()
    with time_machine.travel(NOON, tick=False):
        response = client().post(URL)
    assert response.status_code == 200
    assert response.json() == {
        "device_id": id_of(101),
        "unlocked_until": "2026-03-02T12:01:00+00:00",
        "seconds": 60,
    }
    row = SwitchUnlock.objects.get()
    assert (row.at, row.unlocked_by, row.unlocked_from) == (NOON, "kim", "127.0.0.1")


def test_a_repeated_call_begins_the_minute_anew() -> None:
    make_plug()
    api = client()
    assert [api.post(URL).status_code for _call in range(2)] == [200, 200]
    assert SwitchUnlock.objects.count() == 2


def test_only_an_admin_may() -> None:
    make_plug()
    assert client(is_admin=False).post(URL).status_code == 403
    assert APIClient().post(URL).status_code == 401
    assert not SwitchUnlock.objects.exists()


@pytest.mark.parametrize("device_id", ["NOBODY", "%00", "a%00b", "x" * 5000, "..", "é"])
def test_an_unknown_plug_is_not_found(device_id: str) -> None:
    make_plug()
    response = client().post(f"/api/tapo/devices/{device_id}/unlock")
    assert response.status_code == 404
    assert not SwitchUnlock.objects.exists()


def test_it_takes_nothing_but_a_post() -> None:
    make_plug()
    assert client().get(URL).status_code == 405
