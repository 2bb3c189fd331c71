"""Hours, tariffs and a reader for the tests of the history's API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from energy.models import EnergyHour, SmartPlug

HOUR = timedelta(hours=1)


def reader() -> APIClient:
    """Return a client that is logged in."""
    client = APIClient()
    client.force_authenticate(User.objects.create_user("reader"))
    return client


def store_hours(
    plug: SmartPlug, first: datetime, count: int, energy_wh: float = 30.0, **fields: Any
) -> None:
    """Store hours that were measured whole at an even power."""
    values: dict[str, Any] = {
        "power_min_w": energy_wh,
        "power_avg_w": energy_wh,
        "power_max_w": energy_wh,
        "coverage": 1.0,
        **fields,
    }
    EnergyHour.objects.bulk_create(
        EnergyHour(plug=plug, hour=first + HOUR * n, energy_wh=energy_wh, **values)
        for n in range(count)
    )


def answer(
    client: APIClient, path: str, now: datetime, *, status: int = 200, **parameters: Any
) -> Any:
    """Return the JSON of ``GET /api/energy/<path>`` at a time."""
    with time_machine.travel(now, tick=False):
        response = client.get(f"/api/energy/{path}", parameters)
    assert response.status_code == status, response.content
    return response.json()


def cents(amount: float) -> Any:
    """Return an amount to compare with, to a hundredth of a cent."""
    return pytest.approx(amount, abs=1e-9)
