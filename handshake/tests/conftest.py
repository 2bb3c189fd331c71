"""Fixtures of this app's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from balupi_site.lib.logs import Rarely
from handshake.models import NasCall, Snapshot
from handshake.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SECRET, SNAPSHOT, balu_sign
from nasctl.models import NasStatus, StateChange
from pihole.models import NameStatus
from pihole.services import Outcome
from pihole.status import Look, NameLook

#: Tells everything that a call may change, to be compared.
Stored = Callable[[], object]


@pytest.fixture(autouse=True)
def _home(settings: Any, no_redis: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, NAS and Pi on loopback, no Redis, and a clock that is believed."""
    settings.HANDSHAKE_SECRET = SECRET
    settings.NAS_URL, settings.NAS_IP = "http://127.66.0.53:8000", "127.66.0.53"
    settings.PI_IP = "127.66.0.2"
    settings.DNS_NAMES = ("baluhost.local",)
    settings.PIHOLE_URL, settings.PIHOLE_DNS = "http://127.0.0.1:9", ("127.0.0.1", 9)
    settings.INBOX_DIR = tmp_path / "disk" / "inbox"
    # What the kernel of the machine that runs the tests says of its clock is another test's matter.
    monkeypatch.setattr("handshake.services.calls.is_plausible", lambda _now: True)
    monkeypatch.setattr("handshake.api.authentication._lines", Rarely())
    monkeypatch.setattr("handshake.services.refusals._rows", Rarely())


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


class Enqueued(list[tuple[Any, ...]]):
    """What was enqueued, in order: the task's name and its arguments.

    ``is_away``: there is no Redis that would take it; it is noted all the same.
    """

    is_away = False

    @property
    def names(self) -> list[str]:
        """The names of the tasks."""
        return [name for name, *_arguments in self]

    def take(self, task: Any, *arguments: Any) -> bool:
        """Take a task, in place of ``enqueue``."""
        self.append((task.name, *arguments))
        return not self.is_away


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Enqueued:
    """The tasks that edges of this app enqueue."""
    taken = Enqueued()
    for module in ("handshake.api.views", "handshake.tasks", "handshake.admin.inbox"):
        monkeypatch.setattr(f"{module}.enqueue", taken.take)
    return taken


class Names:
    """A Pi-hole that is never asked; what it would answer can be set."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.outcome = Outcome(look=None)

    def lead_to(self, *addresses: str, follow_up_s: int | None = None) -> None:
        """Have each of the names lead there: one name for each address."""
        names = tuple(
            NameLook(f"nas{number}.local", "address", (address,))
            for number, address in enumerate(addresses)
        )
        self.outcome = Outcome(look=Look(timezone.now(), names), follow_up_s=follow_up_s)

    def reconcile(self, _now: object, **arguments: Any) -> Outcome:
        """Answer, in place of ``pihole.services.reconcile``."""
        self.calls.append(arguments)
        return self.outcome


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Names:
    """Spare a test the Pi-hole; the names lead to the Pi unless the test says otherwise."""
    stub = Names()
    stub.lead_to(settings.PI_IP)
    monkeypatch.setattr("handshake.services.calls.pihole.reconcile", stub.reconcile)
    return stub


class NasCaller:
    """Makes the NAS's calls, signed as BaluHost does it, by the present clock."""

    def __init__(self) -> None:
        self.client = Client()

    def go_offline(self, snapshot: bytes = SNAPSHOT, **changes: Any) -> Any:
        """Say that the NAS goes down."""
        return self.call(GOING_OFFLINE, snapshot, **changes)

    def come_online(self, **changes: Any) -> Any:
        """Say that BaluHost is starting."""
        return self.call(COMING_ONLINE, b"", **changes)

    def call(
        self,
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        timestamp: str | None = None,
        signature: str | None = None,
        **more: Any,
    ) -> Any:
        """Make a call.

        Args:
            path: where.
            body: what is sent; what is signed is its canonical form, if it has one.
            method: how.
            timestamp: None: now.
            signature: None: the right one.
            more: of the WSGI environment.
        """
        timestamp = str(int(timezone.now().timestamp())) if timestamp is None else timestamp
        if signature is None:
            signature = self.sign(method, path, timestamp, body)
        return self.client.generic(
            method,
            path,
            body,
            content_type="application/json",
            headers={TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature},
            **more,
        )

    @staticmethod
    def sign(method: str, path: str, timestamp: str, body: bytes) -> str:
        """Sign a call as BaluHost does; what is no JSON by its bytes."""
        try:
            if method == "POST":
                return balu_sign(path, timestamp, body)
        except (ValueError, RecursionError):
            pass
        return sign(SECRET, method, path, timestamp, body)


@pytest.fixture
def nas(db: None) -> NasCaller:
    """The NAS, as far as it calls."""
    return NasCaller()


@pytest.fixture
def stored(db: None) -> Stored:
    """Tell everything that a call may change."""

    def tell() -> object:
        tables = (NasCall, Snapshot, NasStatus, StateChange, NameStatus)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    return tell
