"""Very many refused calls: they cost little, fill nothing, and never keep the NAS itself out."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection

from balupi_site.events.models import Event
from handshake import signature
from handshake.models import NasCall
from handshake.services import refusals
from handshake.signature import Flaw, SignatureError
from handshake.tests.conftest import Enqueued, Names, NasCaller
from handshake.tests.vectors import COMING_ONLINE

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
WRONG = "0" * 64


def forge(nas: NasCaller, count: int, **more: Any) -> list[Any]:
    return [nas.call(COMING_ONLINE, signature=WRONG, **more) for _each in range(count)]


def test_the_eleventh_refused_call_of_a_minute_is_429(nas: NasCaller) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        codes = [answer.status_code for answer in forge(nas, 12)]
        assert codes == [401] * 10 + [429] * 2
        [answer] = forge(nas, 1)
        assert answer["Retry-After"] == "60"
        assert answer.json()["errors"] == {}
        clock.shift(timedelta(seconds=60))
        assert forge(nas, 1)[0].status_code == 401


def test_the_nas_is_heard_also_from_an_address_that_forged_calls(
    nas: NasCaller, names: Names, enqueued: Enqueued
) -> None:
    forge(nas, 30)
    assert nas.come_online().status_code == 200
    assert nas.go_offline().status_code == 200
    assert NasCall.objects.count() == 2
    assert forge(nas, 1)[0].status_code == 429


def test_other_addresses_are_counted_by_themselves(nas: NasCaller) -> None:
    forge(nas, 11)
    assert forge(nas, 1, REMOTE_ADDR="192.168.178.99")[0].status_code == 401


def test_beyond_the_limit_nothing_is_written_logged_or_hashed(
    nas: NasCaller,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    forge(nas, 11)
    caplog.clear()
    hashed: list[str] = []
    monkeypatch.setattr(signature, "sign", lambda *_args: hashed.append("once"))
    with django_assert_max_num_queries(3) as seen, caplog.at_level(logging.INFO):
        answer = nas.call(COMING_ONLINE, signature="no signature")
    assert answer.status_code == 429
    assert all(query["sql"].startswith("SELECT") for query in seen.captured_queries)
    assert caplog.records == []
    assert hashed == []


def test_a_line_and_an_event_a_minute_tell_of_them(
    nas: NasCaller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("balupi_site.lib.logs.time.monotonic", lambda: now_s)
    forge(nas, 40)
    assert [record.getMessage()[:40] for record in caplog.records] == [
        "a call from 127.0.0.1 is refused: The si"
    ]
    assert Event.objects.count() == 1
    now_s += 60
    forge(nas, 1)
    assert "is refused (39 more before)" in caplog.records[-1].getMessage()


def test_a_second_refusal_of_a_minute_needs_no_database(
    nas: NasCaller, django_assert_num_queries: Any
) -> None:
    error = SignatureError(Flaw.NO_SIGNATURE)
    refusals.note_refusal("/x", "10.0.0.1", error, NOON)
    with django_assert_num_queries(0):
        refusals.note_refusal("/x", "10.0.0.1", error, NOON)
    assert Event.objects.count() == 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="others have no such wait")
def test_a_refused_call_never_waits_long_for_whoever_writes(
    nas: NasCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_ms: list[int] = []

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            waits_ms.append(busy_ms())
        return execute(sql, *rest)

    def busy_ms() -> int:
        return int(connection.connection.execute("PRAGMA busy_timeout").fetchone()[0])

    before_ms = busy_ms()
    with connection.execute_wrapper(look):
        assert forge(nas, 1)[0].status_code == 401
    assert len(waits_ms) >= 3
    assert max(waits_ms) <= 300 < before_ms == busy_ms()


def test_a_database_that_cannot_count_refuses_as_before(
    nas: NasCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.core.cache.backends.db.DatabaseCache.get", fail)
    assert {answer.status_code for answer in forge(nas, 20)} == {401}
