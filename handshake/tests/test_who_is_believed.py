"""Which of the NAS's calls are believed, and what becomes of the others."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from balupi_site.lib import clock
from balupi_site.version import BUILD_DATE
from handshake import services
from handshake.models import NasCall
from handshake.services import SignedCall, calls
from handshake.signature import Flaw, SignatureError
from handshake.snapshot import MAX_BYTES
from handshake.tests.conftest import Enqueued, Names, NasCaller, Stored
from handshake.tests.nas_stands import NOON
from handshake.tests.vectors import COMING_ONLINE, GOING_OFFLINE, SECRET, SNAPSHOT

pytestmark = pytest.mark.django_db

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
