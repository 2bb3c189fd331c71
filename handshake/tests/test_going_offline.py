"""The NAS says that it goes down: snapshot, state and names."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import (
    DEFAULT_DB_ALIAS,
    connections,
)
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from rest_framework.test import APIClient

from balupi_site.lib.errors import TransientError
from handshake.models import CallKind, NasCall, Snapshot
from handshake.tests.conftest import Enqueued, Names, NasCaller, Stored
from handshake.tests.nas_stands import LATEST, NOON, RECONCILE, WATCH, S, be_online, status
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SNAPSHOT
from nasctl.models import StateChange
from nasctl.tasks import watch_nas
from pihole.models import NameStatus
from pihole.services import Outcome
from pihole.tasks import reconcile_names
from pihole.tests.sim import PASSWORD, Pihole

pytestmark = pytest.mark.django_db


def test_going_offline_keeps_the_snapshot_and_moves_the_state(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    be_online()
    answer = nas.go_offline()
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"acknowledged": True, "dns_switched": True}
    assert json.loads(Snapshot.objects.get().content) == json.loads(SNAPSHOT)
    assert (status().state, status().planned) == (S.SHUTTING_DOWN, True)
    assert NameStatus.current().wanted == "pi"
    call = NasCall.objects.get()
    assert (call.kind, call.client) == (CallKind.GOING_OFFLINE, "127.0.0.1")
    assert len(names.calls) == 1
    assert enqueued == [(WATCH,)]


def test_the_state_stays_shutting_down_after_the_answer(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """The predecessor set shutting down and offline in one request; nobody ever saw it."""
    be_online()
    nas.go_offline()
    reasons = StateChange.objects.order_by("pk").values_list("to_state", flat=True)
    assert list(reasons) == [S.ONLINE, S.SHUTTING_DOWN]


def test_the_call_is_on_the_disk_before_the_names_are_switched(
    nas: NasCaller, monkeypatch: pytest.MonkeyPatch, enqueued: Enqueued
) -> None:
    """No network inside a transaction, and what a slow Pi-hole loses is not the snapshot."""
    outer = len(connections[DEFAULT_DB_ALIAS].savepoint_ids)
    seen: list[object] = []

    def reconcile(_now: object, **_arguments: object) -> Outcome:
        depth = len(connections[DEFAULT_DB_ALIAS].savepoint_ids)
        seen.extend([depth - outer, Snapshot.objects.count(), status().state])
        return Outcome(look=None)

    monkeypatch.setattr("handshake.services.calls.pihole.reconcile", reconcile)
    assert nas.go_offline().status_code == 200
    assert seen == [0, 1, S.SHUTTING_DOWN]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param(["127.66.0.2"], True, id="to the Pi"),
        pytest.param(["127.66.0.2", "127.66.0.2"], True, id="both to the Pi"),
        pytest.param(["127.66.0.2", "127.66.0.53"], False, id="one still to the NAS"),
        pytest.param(["127.66.0.53"], False, id="to the NAS"),
        pytest.param(["10.0.0.1"], False, id="elsewhere"),
        pytest.param([], False, id="nobody knows"),
    ],
)
def test_dns_switched_is_what_the_names_answer(
    addresses: list[str], expected: bool, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    names.lead_to(*addresses)
    assert nas.go_offline().json() == {"acknowledged": True, "dns_switched": expected}


def test_a_name_with_two_addresses_is_not_switched(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    names.lead_to("127.66.0.2")
    assert names.outcome.look is not None
    (name,) = names.outcome.look.names
    object.__setattr__(name, "addresses", ("127.66.0.2", "127.66.0.53"))
    assert nas.go_offline().json()["dns_switched"] is False


def test_where_another_process_has_the_pi_hole_the_worker_looks_again(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    names.outcome = Outcome(look=None, follow_up_s=3)
    assert nas.go_offline().json() == {"acknowledged": True, "dns_switched": False}
    assert enqueued == [(WATCH,), (RECONCILE,)]


@pytest.mark.enable_socket
def test_the_names_are_switched_in_a_pi_hole(
    nas: NasCaller, enqueued: Enqueued, settings: Any
) -> None:
    home = Pihole(["127.0.0.9 printer.lan", "127.66.0.53 baluhost.local"], PASSWORD)
    with home.running():
        settings.PIHOLE_URL, settings.PIHOLE_PASSWORD = home.url, PASSWORD
        settings.PIHOLE_DNS = home.dns
        assert nas.go_offline().json() == {"acknowledged": True, "dns_switched": True}
        assert home.hosts == ["127.0.0.9 printer.lan", "127.66.0.2 baluhost.local"]


@pytest.mark.enable_socket
def test_a_dead_pi_hole_is_no_reason_to_refuse(nas: NasCaller, enqueued: Enqueued) -> None:
    answer = nas.go_offline()
    assert answer.json() == {"acknowledged": True, "dns_switched": False}
    assert (Snapshot.objects.count(), status().state) == (1, S.SHUTTING_DOWN)


@pytest.mark.enable_socket
def test_a_pi_hole_that_hangs_holds_up_the_nas_for_less_than_three_seconds(
    nas: NasCaller, enqueued: Enqueued, settings: Any
) -> None:
    """It gives up after ten."""
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        socket.socket(type=socket.SOCK_DGRAM) as mute,
    ):
        mute.bind(("127.0.0.1", 0))
        settings.PIHOLE_URL = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        settings.PIHOLE_DNS, settings.PIHOLE_PASSWORD = mute.getsockname(), PASSWORD
        began_s = time.monotonic()
        answer = nas.go_offline()
        assert time.monotonic() - began_s < 3
    assert answer.json() == {"acknowledged": True, "dns_switched": False}


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"junk", id="junk"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(SNAPSHOT[:-1], id="cut off"),
        pytest.param(SNAPSHOT.replace(b'"raid1"', b"1"), id="a wrong field"),
        pytest.param(SNAPSHOT.replace(b"48211", b"NaN"), id="NaN"),
        pytest.param(SNAPSHOT.replace(b"balunas", b"\\u0000"), id="NUL"),
        pytest.param(SNAPSHOT.replace(b"balunas", b"\\ud800"), id="a lone surrogate"),
        pytest.param(SNAPSHOT.replace(b"/dev/sda", b"\\ud800"), id="one as a key"),
        pytest.param(SNAPSHOT.replace(b'"/dev/sda": {', b'"\\ud800": 5, "x": {'), id="and wrong"),
        pytest.param(SNAPSHOT.replace(b"48211", b"9" * 30), id="a huge number"),
    ],
)
def test_a_signed_body_that_is_no_snapshot_costs_neither_the_last_one_nor_the_state(
    snapshot: bytes,
    nas: NasCaller,
    names: Names,
    enqueued: Enqueued,
    stored: Stored,
    api: APIClient,
) -> None:
    """Predecessor 37: the good one was lost, and reading it was a 500 from then on."""
    with time_machine.travel(timezone.now() - timedelta(hours=1), tick=False):
        nas.go_offline()
        nas.come_online()
    names.calls.clear()
    enqueued.clear()
    before = stored()
    answer = nas.go_offline(snapshot)
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["errors"]
    assert stored() == before
    assert (names.calls, enqueued) == ([], [])
    assert api.get(LATEST).json()["files_summary"]["total_files"] == 48211


def test_a_broken_snapshot_names_its_fields(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    answer = nas.go_offline(SNAPSHOT.replace(b'"raid1"', b"1").replace(b"48211", b"-1"))
    assert answer.json()["errors"] == {
        "storage.arrays[0].level": ["must be text"],
        "files_summary.total_files": ["must be a number that is not negative"],
    }


def test_thirty_snapshots_are_kept(nas: NasCaller, names: Names, enqueued: Enqueued) -> None:
    for number in range(33):
        with time_machine.travel(NOON + timedelta(seconds=number), tick=False):
            nas.go_offline(SNAPSHOT.replace(b"48211", b"%d" % number))
    kept = [
        json.loads(one.content)["files_summary"]["total_files"] for one in Snapshot.objects.all()
    ]
    assert kept == list(range(32, 2, -1))


def test_keys_that_we_do_not_know_are_kept(
    nas: NasCaller, names: Names, enqueued: Enqueued, api: APIClient
) -> None:
    nas.go_offline(SNAPSHOT.replace(b'"version": 1', b'"version": 7, "mood": {"is": ["good"]}'))
    found = api.get(LATEST).json()
    assert (found["version"], found["mood"]) == (7, {"is": ["good"]})


def test_a_nas_that_says_good_bye_twice_is_heard_twice_and_moved_once(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    now = timezone.now()
    for second in range(2):
        with time_machine.travel(now + timedelta(seconds=second), tick=False):
            assert nas.go_offline().status_code == 200
    assert (Snapshot.objects.count(), StateChange.objects.count()) == (2, 1)


def test_where_the_state_cannot_be_noted_nothing_is_kept(
    nas: NasCaller,
    monkeypatch: pytest.MonkeyPatch,
    stored: Stored,
    enqueued: Enqueued,
    names: Names,
) -> None:
    """The signature, too, is good for another try then."""
    before = stored()

    def fail(_now: object) -> None:
        raise TransientError("The NAS's state changes too fast to note anything; try again.")

    for path, service in (
        (GOING_OFFLINE, "note_going_offline"),
        (COMING_ONLINE, "note_coming_online"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"handshake.services.calls.nasctl.{service}", fail)
            answer = nas.call(path, SNAPSHOT if path == GOING_OFFLINE else b"")
        assert (answer.status_code, stored()) == (503, before)
        assert "too fast" in answer.json()["detail"]
    assert (names.calls, enqueued) == ([], [])


# --- Redis --------------------------------------------------------------------------------------


def test_with_redis_away_the_nas_is_heard_all_the_same(
    nas: NasCaller, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def away(name: str) -> Any:
        def refuse(**_options: object) -> None:
            tried.append(name)
            raise BrokerError("Redis is away")

        return refuse

    monkeypatch.setattr(watch_nas, "apply_async", away("watch"))
    monkeypatch.setattr(reconcile_names, "apply_async", away("reconcile"))
    names.outcome = Outcome(look=None, follow_up_s=3)
    be_online()
    assert nas.come_online().json()["flush_queued"] is False
    assert nas.go_offline().json() == {"acknowledged": True, "dns_switched": False}
    assert status().state == S.SHUTTING_DOWN
    # A Redis that hangs costs its time once per call.
    assert tried == ["watch", "watch"]
