"""Fixtures of this app's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from balupi_site.accounts.tests.sim_nas import PORT, Nas, body_of
from nasctl.models import NasStatus

#: Logs in by the API; returns the answer.
Login = Callable[..., Any]


@pytest.fixture(autouse=True)
def _without_redis(no_redis: None) -> None:
    """Nothing here needs Redis."""


@pytest.fixture
def nas(settings: Any, db: None) -> Iterator[Nas]:
    """A simulated NAS that runs."""
    sim = Nas()
    settings.NAS_IP, settings.NAS_PORT = sim.ip, PORT
    settings.NAS_URL = f"http://nas.home:{PORT}"
    with sim.running():
        yield sim


@pytest.fixture
def login(db: None) -> Login:
    def post(pair: tuple[str, str], address: str = "192.168.178.20") -> Any:
        client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address)
        return client.post("/api/auth/login", body_of(pair), "application/json")

    return post


@pytest.fixture
def get(db: None) -> Login:
    """Asks the API with a token."""

    def ask(path: str, token: str, address: str = "192.168.178.20") -> Any:
        client = Client(REMOTE_ADDR=address)
        return client.get(path, headers={"Authorization": f"Bearer {token}"})

    return ask


def believe_online() -> None:
    """Have BaluPi think that the NAS is online."""
    now = timezone.now()
    NasStatus.objects.update_or_create(
        pk=1, defaults={"state": "online", "since": now, "moved_at": now, "version": 1}
    )
