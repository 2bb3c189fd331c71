"""``/api/handshake/...``: the NAS's two calls, and what its own page reads of them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import (
    DEFAULT_DB_ALIAS,
    IntegrityError,
    OperationalError,
    connections,
    transaction,
)
from django.db.utils import ConnectionHandler
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from rest_framework.test import APIClient

from balupi_site.lib import clock
from balupi_site.lib.durable import durable
from balupi_site.lib.errors import TransientError
from balupi_site.version import BUILD_DATE
from handshake import services
from handshake.models import CallKind, InboxStatus, NasCall, Snapshot
from handshake.services import SignedCall, calls
from handshake.signature import Flaw, SignatureError
from handshake.snapshot import MAX_BYTES
from handshake.tests.conftest import Enqueued, Names, NasCaller, Stored
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SECRET, SNAPSHOT
from nasctl import services as nasctl
from nasctl.models import NasStatus, StateChange
from nasctl.moments import present_moment
from nasctl.services import moves
from nasctl.state import NasState, Reason
from nasctl.tasks import watch_nas
from pihole.models import NameStatus
from pihole.services import Outcome
from pihole.tasks import reconcile_names
from pihole.tests.sim import PASSWORD, Pihole

pytestmark = pytest.mark.django_db

S = NasState
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
STATUS, LATEST = "/api/handshake/status", "/api/handshake/snapshot"
WATCH, RECONCILE = watch_nas.name, reconcile_names.name


def status() -> NasStatus:
    return NasStatus.current(present_moment())


def be_online(*, probed: bool = True) -> None:
    """Let the NAS be up, as a probe has it."""
    now = present_moment()
    row = moves.current_status(now)
    assert moves.change_state(row, Reason.ANSWERS, now=now)
    assert moves.update_standing(row, probed=probed, wake=None, now=now)


# --- going offline ------------------------------------------------------------------------------


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


# --- coming online ------------------------------------------------------------------------------


def test_coming_online_is_answered_with_the_five_fields(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    answer = nas.come_online()
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "acknowledged": True,
        "inbox_flushed": False,
        "files_transferred": 0,
        "dns_switched": False,
        "flush_queued": True,
    }
    assert NasCall.objects.get().kind == CallKind.COMING_ONLINE


@pytest.mark.parametrize("was_probed", [True, False])
def test_coming_online_leaves_the_names_at_the_pi_until_a_good_probe(
    was_probed: bool, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """It calls before it serves."""
    be_online(probed=was_probed)
    nas.come_online()
    assert (status().state, status().probed) == (S.ONLINE, False)
    assert NameStatus.current().wanted == "pi"


def test_coming_online_waits_for_nothing_outside(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """The predecessor moved the inbox within the request, and the NAS gave up."""
    nas.go_offline()
    names.calls.clear()
    enqueued.clear()
    assert nas.come_online().status_code == 200
    assert names.calls == []
    assert enqueued == [(WATCH,)]


def test_names_that_lead_to_a_nas_that_starts_again_are_due(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    be_online()
    nas.come_online()
    assert enqueued == [(WATCH,), (RECONCILE,)]


@pytest.mark.parametrize("body", [b"{}", b"junk", SNAPSHOT])
def test_a_signed_body_of_coming_online_is_not_read(
    body: bytes, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    assert nas.call(COMING_ONLINE, body).status_code == 200
    assert not Snapshot.objects.exists()


def test_a_restart_of_the_service_is_a_pair_of_calls(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """Both within one second."""
    be_online()
    with time_machine.travel(timezone.now(), tick=False):
        assert nas.go_offline().status_code == nas.come_online().status_code == 200
    assert (status().state, NasCall.objects.count()) == (S.ONLINE, 2)


def test_the_inbox_is_moved_when_balu_host_answers_whoever_noticed_it(enqueued: Enqueued) -> None:
    """Not by the call: the NAS does not serve yet then, and may come up without one."""
    nasctl.tell_arrival()
    assert enqueued == [("handshake.tasks.flush_inbox", "arrival")]


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


# --- who is believed ----------------------------------------------------------------------------

BOTH = pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(GOING_OFFLINE, SNAPSHOT, id="going offline"),
        pytest.param(COMING_ONLINE, b"", id="coming online"),
    ],
)


@BOTH
@pytest.mark.parametrize("later_s", [0, 30, 60, -30])
def test_a_call_is_accepted_once(
    path: str,
    body: bytes,
    later_s: int,
    nas: NasCaller,
    names: Names,
    enqueued: Enqueued,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Predecessor 10: 20 s apart it was accepted again."""
    timestamp = str(int(NOON.timestamp()))
    with time_machine.travel(NOON, tick=False):
        assert nas.call(path, body).status_code == 200
    before, told = stored(), list(enqueued)
    names.calls.clear()
    with time_machine.travel(NOON + timedelta(seconds=later_s), tick=False):
        answer = nas.call(path, body, timestamp=timestamp)
    assert answer.status_code == 401
    assert "accepted before" in answer.json()["detail"]
    assert "127.0.0.1 is refused: This call was accepted before" in caplog.text
    assert (stored(), enqueued, names.calls) == (before, told, [])


@BOTH
def test_two_at_once_are_one(
    path: str, body: bytes, names: Names, stored: Stored, enqueued: Enqueued, nas: NasCaller
) -> None:
    """Both looked before either had written; the database decides."""
    call = SignedCall("0" * 64, NOON, "127.0.0.1")
    now = timezone.now()

    def follow() -> None:
        if path == GOING_OFFLINE:
            services.go_offline(call, json.loads(body), now)
        else:
            services.come_online(call, now)

    follow()
    before = stored()
    names.calls.clear()
    with pytest.raises(SignatureError) as caught:
        follow()
    assert caught.value.flaw is Flaw.USED_BEFORE
    assert (stored(), names.calls) == (before, [])


@BOTH
def test_the_slower_of_two_at_once_is_told_so(
    path: str,
    body: bytes,
    nas: NasCaller,
    names: Names,
    stored: Stored,
    enqueued: Enqueued,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with time_machine.travel(NOON, tick=False):
        first = nas.call(path, body)
        before = stored()
        found = NasCall.objects.none()
        monkeypatch.setattr(NasCall.objects, "filter", lambda **_where: found)
        second = nas.call(path, body)
    assert (first.status_code, second.status_code) == (200, 401)
    assert second["WWW-Authenticate"].startswith("Signature ")
    monkeypatch.undo()
    assert stored() == before


def test_a_refused_call_does_not_use_up_a_signature(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    with time_machine.travel(NOON, tick=False):
        assert nas.go_offline(b"{}").status_code == 400
        assert nas.go_offline(b"{}").status_code == 400
        assert nas.go_offline().status_code == 200


def test_old_signatures_are_forgotten_by_number_not_by_time(
    nas: NasCaller, names: Names, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a clock that was set back, what was old by time would be new again."""
    monkeypatch.setattr(calls, "_CALLS_KEPT", 3)
    for second in range(5):
        with time_machine.travel(NOON - timedelta(days=second), tick=False):
            assert nas.come_online().status_code == 200
    kept = NasCall.objects.order_by("pk").values_list("received_at", flat=True)
    assert list(kept) == [NOON - timedelta(days=second) for second in (2, 3, 4)]


def test_enough_signatures_are_kept_for_the_window() -> None:
    """A NAS that starts its service again every second sends two calls each time."""
    assert calls._CALLS_KEPT > 120


@BOTH
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"signature": ""}, "X-Balupi-Signature is missing", id="no signature"),
        pytest.param({"timestamp": ""}, "X-Balupi-Timestamp is missing", id="no timestamp"),
        pytest.param({"signature": "0" * 64}, "secret", id="wrong signature"),
        pytest.param({"timestamp": "1"}, "behind", id="old"),
        pytest.param({"timestamp": "99999999999"}, "ahead", id="from the future"),
        pytest.param({"timestamp": "9" * 400}, "digits", id="400 digits"),
        pytest.param({"signature": "é" * 64}, "secret", id="not ASCII"),
    ],
)
def test_anybody_else_is_told_why_and_changes_nothing(
    path: str,
    body: bytes,
    changes: dict[str, str],
    word: str,
    nas: NasCaller,
    stored: Stored,
    enqueued: Enqueued,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = stored()
    answer = nas.call(path, body, **changes)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Signature ")
    assert word in answer.json()["detail"]
    assert (stored(), enqueued) == (before, [])
    (record,) = caplog.records
    assert (record.levelname, word in record.getMessage()) == ("WARNING", True)
    now_s = int(timezone.now().timestamp())
    signatures = [
        nas.sign("POST", path, changes.get("timestamp") or str(now_s - age), body) for age in (0, 1)
    ]
    told = caplog.text + answer.content.decode()
    assert not [secret for secret in [SECRET, *signatures] if secret in told]


@pytest.mark.parametrize("path", [GOING_OFFLINE, COMING_ONLINE])
def test_a_person_who_is_logged_in_is_not_the_nas(
    path: str, nas: NasCaller, stored: Stored
) -> None:
    nas.client.force_login(User.objects.create_superuser("kim"))
    before = stored()
    assert nas.call(path, signature="0" * 64).status_code == 401
    assert stored() == before


@BOTH
def test_without_a_secret_nobody_is_believed(
    path: str, body: bytes, nas: NasCaller, settings: Any, stored: Stored
) -> None:
    before, settings.HANDSHAKE_SECRET = stored(), ""
    for signature in (None, "", nas.sign("POST", path, "", body)):
        answer = nas.call(path, body, signature=signature)
        assert answer.status_code == 503
        assert "BALUPI_HANDSHAKE_SECRET is not set" in answer.json()["detail"]
    assert stored() == before


@BOTH
def test_nobody_is_believed_before_the_clock_is_set(
    path: str,
    body: bytes,
    nas: NasCaller,
    names: Names,
    enqueued: Enqueued,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Pi has no clock of its own: after a power cut it stands where it stood."""
    monkeypatch.setattr(calls, "is_plausible", clock.is_plausible)
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: False)
    monkeypatch.setattr(clock, "time_service_runs", lambda: False)
    before = stored()
    with time_machine.travel(BUILD_DATE - timedelta(seconds=1), tick=False):
        answer = nas.call(path, body)
    assert (answer.status_code, stored()) == (503, before)
    assert "clock is not set" in answer.json()["detail"]
    with time_machine.travel(BUILD_DATE, tick=False):
        assert nas.call(path, body).status_code == 200


@BOTH
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_body_over_a_mebibyte_is_not_read(
    path: str, body: bytes, is_signed: bool, nas: NasCaller, stored: Stored
) -> None:
    before = stored()
    padded = SNAPSHOT.ljust(MAX_BYTES + 1)
    answer = nas.call(path, padded, signature=None if is_signed else "0" * 64)
    assert (answer.status_code, stored()) == (413, before)
    assert str(MAX_BYTES) in answer.json()["detail"]


def test_a_body_of_a_mebibyte_is_taken(nas: NasCaller, names: Names, enqueued: Enqueued) -> None:
    assert MAX_BYTES == 2**20
    filling = json.loads(SNAPSHOT) | {"filling": ""}
    filling["filling"] = "x" * (MAX_BYTES - len(json.dumps(filling)))
    snapshot = json.dumps(filling).encode()
    assert len(snapshot) == MAX_BYTES
    assert nas.go_offline(snapshot).status_code == 200


@BOTH
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_do_nothing(
    path: str, body: bytes, method: str, nas: NasCaller, stored: Stored
) -> None:
    before = stored()
    assert nas.call(path, body, method=method, signature="0" * 64).status_code in (401, 405)
    assert nas.call(path, body, method=method).status_code == 405
    assert stored() == before


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json; charset=latin-1", "x"]
)
def test_the_kind_of_body_that_is_announced_does_not_matter(
    content_type: str, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    assert nas.call(GOING_OFFLINE, SNAPSHOT, CONTENT_TYPE=content_type).status_code == 200


def test_no_cookie_or_csrf_token_is_needed(
    names: Names, enqueued: Enqueued, nas: NasCaller
) -> None:
    nas.client.handler.enforce_csrf_checks = True
    assert nas.go_offline().status_code == 200


# --- status and snapshot ------------------------------------------------------------------------


def test_the_status_before_anything_has_happened(api: APIClient) -> None:
    answer = api.get(STATUS)
    assert answer.status_code == 200
    found = answer.json()
    assert found["nas_state"] == "unknown"
    assert (found["since"], found["last_snapshot"]) == (None, None)
    assert (found["inbox_size_mb"], found["inbox_files"]) == (0.0, 0)
    assert found["inbox_scanned_at"] is None


def test_the_status_is_what_the_page_of_the_nas_reads(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    with time_machine.travel(NOON, tick=False):
        nas.go_offline()
    InboxStatus.objects.create(pk=1, files=3, bytes=3 * 1024 * 1024 // 2, scanned_at=NOON)
    found = api.get(STATUS).json()
    assert found["nas_state"] == "shutting_down"
    assert (found["inbox_size_mb"], found["inbox_files"]) == (1.5, 3)
    for field in ("since", "last_snapshot", "inbox_scanned_at"):
        at = datetime.fromisoformat(found[field])
        assert at.tzinfo is not None, field
        assert at == NOON


@pytest.mark.parametrize("state", list(NasState))
def test_the_status_knows_the_five_states_of_the_contract(state: NasState, api: APIClient) -> None:
    NasStatus.objects.create(pk=1, state=state, since=NOON, moved_at=NOON, version=1)
    assert api.get(STATUS).json()["nas_state"] == state
    assert state in {"online", "booting", "shutting_down", "offline", "unknown"}


def test_the_last_snapshot_is_the_newest(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    for hour in range(2):
        with time_machine.travel(NOON + timedelta(hours=hour), tick=False):
            nas.go_offline(SNAPSHOT.replace(b"48211", b"%d" % hour))
    with time_machine.travel(NOON + timedelta(hours=1, minutes=30), tick=False):
        status_found, found = api.get(STATUS).json(), api.get(LATEST).json()
    assert datetime.fromisoformat(status_found["last_snapshot"]) == NOON + timedelta(hours=1)
    assert found["files_summary"]["total_files"] == 1
    assert datetime.fromisoformat(found["received_at"]) == NOON + timedelta(hours=1)
    assert found["age_s"] == 1800.0


def test_there_is_no_snapshot_before_the_first(api: APIClient) -> None:
    answer = api.get(LATEST)
    assert answer.status_code == 404
    assert "has not sent a snapshot" in answer.json()["detail"]


def test_a_snapshot_is_served_as_the_page_of_the_nas_reads_it(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    nas.go_offline()
    answer = api.get(LATEST)
    assert answer.status_code == 200
    found = answer.json()
    (array,) = found["storage"]["arrays"]
    assert (array["state"], array["reported_state"]) == ("active", "optimal")
    sent = json.loads(SNAPSHOT)
    sent["storage"]["arrays"][0] |= {"state": "active", "reported_state": "optimal"}
    assert found == {**sent, "received_at": found["received_at"], "age_s": found["age_s"]}


def test_a_snapshot_from_the_future_is_new(
    api: APIClient, nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    """The clock was set back since."""
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        nas.go_offline()
    assert api.get(LATEST).json()["age_s"] == 0.0


@pytest.mark.parametrize("path", [STATUS, LATEST])
def test_reading_needs_a_login(path: str, nobody: APIClient, nas: NasCaller, settings: Any) -> None:
    answer = nobody.get(path)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)
    # A signature is good for the NAS's calls only.
    assert nas.call(path, method="GET").status_code == 401
    settings.PUBLIC_READ = True
    assert nobody.get(path).status_code in (200, 404)


@pytest.mark.parametrize("path", [STATUS, LATEST])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_status_and_snapshot_are_only_read(path: str, method: str, api: APIClient) -> None:
    assert getattr(api, method)(path).status_code == 405


def test_reading_asks_the_database_little(
    api: APIClient,
    nas: NasCaller,
    names: Names,
    enqueued: Enqueued,
    django_assert_max_num_queries: Any,
) -> None:
    nas.go_offline()
    with django_assert_max_num_queries(3):
        api.get(STATUS)
    with django_assert_max_num_queries(1):
        api.get(LATEST)


# --- a commit that a power cut cannot take back ---------------------------------------------------

FULL, NORMAL = 2, 1


@pytest.fixture
def database_file(transactional_db: None, settings: Any, tmp_path: Any) -> Iterator[Any]:
    """Put a SQLite file with the product's own options in the place of the tests' database."""
    from balupi_site.settings import _SQLITE_OPTIONS

    options = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(tmp_path / "balupi.sqlite3"),
        "OPTIONS": _SQLITE_OPTIONS,
        "CONN_MAX_AGE": None,
    }
    before = connections[DEFAULT_DB_ALIAS]
    file = ConnectionHandler({DEFAULT_DB_ALIAS: options})[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = file
    with file.cursor() as cursor:
        cursor.execute("CREATE TABLE word (text TEXT UNIQUE)")
    try:
        yield file
    finally:
        file.close()
        connections[DEFAULT_DB_ALIAS] = before


def synchronous(connection: Any) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute("PRAGMA synchronous").fetchone()[0])


def write(connection: Any, word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO word VALUES (%s)", [word])


def words(connection: Any) -> list[str]:
    with connection.cursor() as cursor:
        return [text for (text,) in cursor.execute("SELECT text FROM word").fetchall()]


def test_a_durable_commit_is_written_through(database_file: Any) -> None:
    assert synchronous(database_file) == NORMAL
    with durable():
        assert database_file.in_atomic_block
        assert synchronous(database_file) == FULL
        write(database_file, "kept")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, ["kept"])
    assert not database_file.in_atomic_block


def test_a_durable_commit_works_on_a_connection_that_is_not_open_yet(database_file: Any) -> None:
    database_file.close()
    with durable():
        assert synchronous(database_file) == FULL
        write(database_file, "kept")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, ["kept"])


def keep(connection: Any, *texts: str, error: Exception | None = None) -> None:
    """Write durably; an error comes after that."""
    with durable():
        assert connection.in_atomic_block
        for text in texts:
            write(connection, text)
        if error:
            raise error


@pytest.mark.parametrize("error", [ZeroDivisionError("0"), SignatureError(Flaw.USED_BEFORE)])
def test_after_an_error_nothing_is_kept_and_commits_are_cheap_again(
    database_file: Any, error: Exception
) -> None:
    with pytest.raises(type(error)):
        keep(database_file, "lost", error=error)
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_an_error_of_the_database_is_told_as_it_is(database_file: Any) -> None:
    with pytest.raises(IntegrityError, match="word"):
        keep(database_file, "twice", "twice")
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_an_error_on_a_connection_that_breaks_is_told_as_it_is(
    database_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that fails: not even the rollback succeeds, and Django closes the connection."""

    def fail() -> None:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(database_file, "_rollback", fail)
    with pytest.raises(ZeroDivisionError):
        keep(database_file, "lost", error=ZeroDivisionError("0"))
    assert (synchronous(database_file), words(database_file)) == (NORMAL, [])


def test_within_another_transaction_that_one_decides(database_file: Any) -> None:
    with transaction.atomic():
        with durable():
            assert synchronous(database_file) == NORMAL
            write(database_file, "lost")
        with pytest.raises(ZeroDivisionError):
            keep(database_file, "lost at once", error=ZeroDivisionError("0"))
        assert words(database_file) == ["lost"]
        transaction.set_rollback(True)
    assert words(database_file) == []


def test_other_databases_are_durable_by_themselves(
    database_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database_file, "vendor", "postgresql")
        with durable():
            assert database_file.in_atomic_block
            assert synchronous(database_file) == NORMAL
            write(database_file, "kept")
    assert words(database_file) == ["kept"]


@pytest.mark.django_db(transaction=True)
def test_on_the_database_at_hand_it_is_a_transaction() -> None:
    def keep_snapshot(error: Exception | None = None) -> None:
        with durable():
            Snapshot.objects.create(received_at=NOON, content="{}")
            if error:
                raise error

    with pytest.raises(ZeroDivisionError):
        keep_snapshot(ZeroDivisionError("0"))
    assert not Snapshot.objects.exists()
    keep_snapshot()
    assert Snapshot.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_good_bye_is_stored_durably(
    nas: NasCaller, names: Names, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths: list[bool] = []

    def note() -> Any:
        depths.append(connections[DEFAULT_DB_ALIAS].in_atomic_block)
        return durable()

    monkeypatch.setattr(calls, "durable", note)
    nas.go_offline()
    assert depths == [False], "the outermost transaction, or another one decides"
