"""The NAS's calls, those that are refused, and the inbox are in the log of events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from balupi_site.events.models import Event
from handshake.models import AskedBy, FileStatus, InboxFile, NasCall
from handshake.problems import InboxError, Trouble
from handshake.services import refusals, retry, runs
from handshake.signature import Flaw, SignatureError
from handshake.tests.conftest import Enqueued, NasCaller, Stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _edges(enqueued: Enqueued, names: Any) -> None: ...


def events(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("pk"))


def test_a_call_is_told_with_its_address_and_what_follows_as_our_own(nas: NasCaller) -> None:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
        assert nas.go_offline(REMOTE_ADDR="10.0.0.53").status_code == 200
    [call] = events("nas.call")
    assert (call.who, call.via, call.address) == ("", "nas", "10.0.0.53")
    assert call.facts == {"call": "nas-going-offline", "clock_ahead_s": 0}
    [state] = events("nas.state")
    assert (state.who, state.via, state.address) == ("", "", "")


def test_a_call_that_cannot_be_written_down_changes_nothing(
    nas: NasCaller, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("the log is broken")

    before = stored()
    monkeypatch.setattr(Event.objects, "create", fail)
    nas.client.raise_request_exception = False
    assert nas.come_online().status_code == 503
    assert stored() == before


def test_a_flood_of_refused_calls_writes_one_row_a_minute_and_address(
    nas: NasCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, now_s = timezone.now(), 1000.0
    monkeypatch.setattr("balupi_site.lib.logs.time.monotonic", lambda: now_s)
    with time_machine.travel(now, tick=False) as clock:
        for number in range(9):
            address = f"10.0.0.{number % 3}"
            assert nas.come_online(signature="0" * 64, REMOTE_ADDR=address).status_code == 401
        for _number in range(200):
            refusals.note_refusal("/x", "10.0.0.1", SignatureError(Flaw.NO_SIGNATURE), now)
        assert len(events("nas.call_refused")) == 3
        clock.move_to(now + timedelta(seconds=61))
        now_s += 61
        nas.come_online(signature="0" * 64, REMOTE_ADDR="10.0.0.0")
    told = events("nas.call_refused")
    assert len(told) == 4
    assert (told[0].address, told[0].via, told[0].is_trouble) == ("10.0.0.0", "nas", True)
    assert told[0].facts["flaw"] == "wrong_signature"
    assert not NasCall.objects.exists()


def test_a_flood_from_many_addresses_writes_few_rows_too(nas: NasCaller) -> None:
    for number in range(60):
        nas.come_online(signature="0" * 64, REMOTE_ADDR=f"10.0.1.{number}")
    assert len(events("nas.call_refused")) == refusals._ALTOGETHER.attempts == 30


def test_a_log_that_is_broken_does_not_let_anybody_in(
    nas: NasCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DatabaseError("the log is broken")

    monkeypatch.setattr(Event.objects, "create", fail)
    assert nas.come_online(signature="0" * 64).status_code == 401


# --- the inbox ------------------------------------------------------------------------------------


def test_a_run_that_moved_something_is_told_with_figures() -> None:
    started = timezone.now()
    with time_machine.travel(started, tick=False) as clock:
        run = runs.begin(AskedBy.ARRIVAL)
        clock.move_to(started + timedelta(seconds=90))
        runs.add_moved(run, files=3, size_bytes=5000, renamed=1)
        runs.end(run, None)
    [moved] = events("inbox.moved")
    assert (moved.duration_s, moved.is_trouble, moved.who) == (90, False, "")
    assert moved.facts == {
        "asked_by": "arrival",
        "files": 3,
        "bytes": 5000,
        "renamed": 1,
        "failed": 0,
    }


def test_what_holds_up_the_inbox_is_told_once_and_when_it_is_over() -> None:
    started = timezone.now()
    with time_machine.travel(started, tick=False) as clock:
        for minute in range(5):
            clock.move_to(started + timedelta(minutes=minute))
            runs.end(runs.begin(AskedBy.SCHEDULE), InboxError(Trouble.NAS_FULL))
        runs.note_trouble(AskedBy.SCHEDULE, InboxError(Trouble.ASLEEP))  # no trouble at all
        clock.move_to(started + timedelta(minutes=10))
        runs.end(runs.begin(AskedBy.SCHEDULE), None)
    [held] = events("inbox.held_up")
    assert (held.is_trouble, held.facts["trouble"]) == (True, "nas_full")
    assert "disk is full" in held.facts["why"]
    [over] = events("inbox.recovered")
    assert over.duration_s == 600
    assert not events("inbox.moved")


def test_files_that_are_tried_again_are_told() -> None:
    now = timezone.now()
    fields = {"size_bytes": 1, "mtime_ns": 0, "ctime_ns": 0, "inode": 1, "uptime_s": 0.0}
    for number, status in enumerate([FileStatus.FAILED, FileStatus.FAILED, FileStatus.WAITING]):
        InboxFile.objects.create(key=str(number), name="a", status=status, noticed_at=now, **fields)
    assert retry(InboxFile.objects.all()) == 2
    assert retry(InboxFile.objects.all()) == 0
    [told] = events("inbox.retried")
    assert told.facts == {"files": 2}
