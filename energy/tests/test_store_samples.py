"""From the buffer into the database: nothing twice, nothing lost."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from balupi_site.lib.locks import file_lock
from energy.models import EnergyHour, PowerSample
from energy.sample_buffer import SampleBuffer
from energy.services import samples, store_samples
from energy.tests.factories import NOON, make_plug, make_reading

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=30)


def put(count: int = 3, number: int = 101, **values: Any) -> None:
    for step in range(count):
        reading = make_reading(number, **{"at": NOON + timedelta(seconds=30 * step), **values})
        samples.buffer.put(reading, is_sample=True)


def test_waiting_samples_become_rows_with_all_values(redis_server: Any) -> None:
    plug = make_plug()
    put(1)
    assert store_samples(LATER) == 1
    row = PowerSample.objects.get()
    assert (row.plug_id, row.at) == (plug.pk, NOON)
    values = (row.power_w, row.voltage_v, row.current_a, row.today_energy_wh)
    assert values == (60.0, 230.0, 0.26, 480.0)


def test_hours_are_rolled_up_from_what_was_stored(redis_server: Any) -> None:
    make_plug()
    put(121)
    store_samples(LATER + timedelta(hours=1))
    assert EnergyHour.objects.get(hour=NOON).energy_wh == pytest.approx(60)


def test_a_second_run_stores_nothing(redis_server: Any) -> None:
    make_plug()
    put()
    assert store_samples(LATER) == 3
    assert store_samples(LATER) == 0
    assert PowerSample.objects.count() == 3


def test_a_process_killed_after_the_commit_stores_nothing_twice(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug()
    put()
    monkeypatch.setattr(samples.buffer, "forget", lambda _lines: None)  # killed just before it
    store_samples(LATER)
    monkeypatch.setattr(samples, "buffer", SampleBuffer())
    assert store_samples(LATER) == 3
    assert PowerSample.objects.count() == 3
    assert samples.buffer.take() == []


def test_a_process_killed_before_the_commit_loses_nothing(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug()
    put()
    samples.buffer.take()
    monkeypatch.setattr(samples, "buffer", SampleBuffer())
    assert store_samples(LATER) == 3


def test_what_a_dead_process_left_and_what_came_after_are_stored_in_one_run(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_plug()
    put(2)
    samples.buffer.take()
    put(1, at=LATER)
    monkeypatch.setattr(samples, "buffer", SampleBuffer())
    assert store_samples(LATER) == 3


def test_a_database_that_refuses_keeps_them_waiting_and_is_logged_once(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "energy")
    make_plug()
    put()

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(PowerSample.objects, "bulk_create", refuse)
        assert [store_samples(LATER), store_samples(LATER)] == [0, 0]
    assert store_samples(LATER) == 3
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "the database takes no samples, they wait: disk I/O error",
        "the database takes samples again",
    ]


def test_samples_of_deleted_and_unknown_plugs_are_passed_over(redis_server: Any) -> None:
    make_plug()
    put(2)
    put(2, number=102)
    assert store_samples(LATER) == 2
    assert samples.buffer.take() == []


def test_junk_in_the_buffer_is_passed_over(redis_server: Any) -> None:
    make_plug()
    put(1)
    redis_server.rpush("energy:samples", "junk", "{}")
    assert store_samples(LATER) == 1
    assert samples.buffer.take() == []


def test_they_are_stored_while_redis_is_away(no_redis: None) -> None:
    make_plug()
    put()
    assert store_samples(LATER) == 3
    assert store_samples(LATER) == 0


def test_all_of_them_take_one_insert(redis_server: Any) -> None:
    make_plug()
    put(100)
    with CaptureQueriesContext(connection) as queries:
        store_samples(LATER)
    inserts = [each for each in queries if 'INTO "energy_powersample"' in each["sql"]]
    assert len(inserts) == 1


def test_one_process_at_a_time_stores(redis_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_LOCK_WAIT_S", 0)
    make_plug()
    put()
    with file_lock("energy-samples"):
        assert store_samples(LATER) == 0
    assert store_samples(LATER) == 3


def test_samples_of_a_clock_that_ran_ahead_make_no_hour_in_the_future(redis_server: Any) -> None:
    make_plug()
    put(10)
    store_samples(NOON - timedelta(hours=2))
    assert (PowerSample.objects.count(), EnergyHour.objects.count()) == (10, 0)
