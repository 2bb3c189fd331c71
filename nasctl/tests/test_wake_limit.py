"""Very many wakes: a person never notices the limit, a script in a loop does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from balupi_site.events.models import Event
from nasctl.models import Wake

pytestmark = pytest.mark.django_db

URL = "/api/nas/wol"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def wakes(api: APIClient, count: int, **more: Any) -> list[int]:
    return [
        api.post(URL, {"anyway": True}, format="json", **more).status_code for _ in range(count)
    ]


def test_ten_wakes_a_minute_are_enough(
    api: APIClient, packets: list[str], enqueued: list[str]
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        assert wakes(api, 12) == [200] * 10 + [429] * 2
        rows = Event.objects.count()
        answer = api.post(URL)
        assert answer["Retry-After"] == "60"
        assert "wakes in a minute" in answer.json()["detail"]
        assert len(packets) == 10
        assert Wake.objects.count() == 1
        assert Event.objects.count() == rows
        clock.shift(timedelta(seconds=60))
        assert wakes(api, 1) == [200]


def test_one_user_s_loop_holds_up_nobody_else(
    api: APIClient, packets: list[str], enqueued: list[str]
) -> None:
    wakes(api, 11)
    other = APIClient()
    other.force_authenticate(User.objects.create_user("robin"))
    assert wakes(other, 1) == [200]
    assert wakes(api, 1, REMOTE_ADDR="192.168.178.99") == [200]


def test_bad_input_is_no_wake(api: APIClient) -> None:
    codes = [api.post(URL, {"anyway": "x"}, format="json").status_code for _ in range(12)]
    assert codes == [400] * 12
