"""Fixtures of this app's tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from energy import services as energy
from energy.models import PlugRole, SmartPlug
from energy.readings import Reading
from energy.services import PlugLatest
from nasctl.services import wakes, watching
from nasctl.services import watcher as watcher_module
from nasctl.services.sightings import Notes, save_notes

#: Makes the NAS's plug say something: power in W, relay, age in seconds.
Plug = Callable[..., None]


class SameThreadKeeper:
    """Keeps notes before it returns: a thread might outlive its test and the test's Redis."""

    def keep(self, notes: Notes) -> None:
        save_notes(notes)


@pytest.fixture(autouse=True)
def _home(settings: Any, no_redis: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A NAS on loopback, no Redis, no plug, and a watcher that has seen nothing yet."""
    settings.NAS_URL = "http://127.66.0.53:8000"
    settings.NAS_IP, settings.NAS_PORT = "127.66.0.53", 8000
    settings.NAS_MAC_ADDRESS = "02:00:00:00:00:53"
    settings.WOL_BROADCAST, settings.WOL_PORT = "127.255.255.255", 9
    settings.NAS_BOOT_SECONDS = 90
    settings.PRESENCE_INTERVAL_SECONDS, settings.HEARTBEAT_INTERVAL_SECONDS = 10, 30
    monkeypatch.setattr(watcher_module, "_last_notes", None)
    monkeypatch.setattr(watcher_module, "NotesKeeper", SameThreadKeeper)
    # A test's transaction looks to it like a connection left in disorder, and it would close it.
    monkeypatch.setattr(watcher_module, "close_old_connections", lambda: None)
    watching._stopping.clear()


@pytest.fixture(autouse=True)
def packets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The magic packets that would have been sent: the MAC address of each salvo."""
    sent: list[str] = []

    def send(mac: str, **_where: object) -> list[str]:
        sent.append(mac)
        return ["127.255.255.255"]

    monkeypatch.setattr(wakes, "send_magic_packets", send)
    return sent


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Give the NAS a plug; call it to have the plug say something else."""

    def say(power_w: float | None, *, relay_on: bool | None = True, age_s: float = 5.0) -> None:
        now = timezone.now()
        reading = Reading(
            device_id="8022",
            at=now - timedelta(seconds=age_s),
            power_w=power_w,
            voltage_v=None,
            current_a=None,
            today_energy_wh=None,
            relay_on=relay_on,
            rssi=None,
        )
        latest = PlugLatest(
            SmartPlug(device_id="8022", name="NAS", role=PlugRole.NAS), reading, age_s, age_s > 90
        )
        monkeypatch.setattr(energy, "latest_of_role", lambda _role, _now: latest)

    return say


@pytest.fixture
def api(db: None) -> APIClient:
    """A client of somebody who is logged in and no admin."""
    client = APIClient()
    client.force_authenticate(User.objects.create_user("kim"))
    return client


@pytest.fixture
def nobody() -> APIClient:
    """A client of nobody."""
    return APIClient()


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that edges of this app enqueue."""
    names: list[str] = []

    def enqueue(task: Any) -> bool:
        names.append(task.name)
        return True

    for module in ("nasctl.api.views", "nasctl.management.commands.wake_nas"):
        monkeypatch.setattr(f"{module}.enqueue", enqueue)
    return names
