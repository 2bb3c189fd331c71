"""From the buffer into the database: nothing twice, nothing lost."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from balupi_site import settings as product_settings
from balupi_site.lib.locks import file_lock
from energy.models import EnergyHour, PowerSample, SmartPlug
from energy.sample_buffer import SampleBuffer
from energy.services import samples, store_samples
from energy.services.rollup import prune_samples
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


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("where", ["roll_up", "_samples"])
def test_a_process_killed_before_the_commit_leaves_neither_samples_nor_hours(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Samples and their hours are one transaction: never the ones without the others."""
    make_plug()
    put(121)

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(samples, where, die)
        with pytest.raises(Killed):
            store_samples(LATER + timedelta(hours=1))
    assert (PowerSample.objects.count(), EnergyHour.objects.count()) == (0, 0)
    monkeypatch.setattr(samples, "buffer", SampleBuffer())
    assert store_samples(LATER + timedelta(hours=1)) == 121
    assert EnergyHour.objects.get(hour=NOON).coverage == 1.0


def test_days_without_any_job_are_whole_when_the_samples_are_stored_at_last(
    redis_server: Any,
) -> None:
    """Predecessor 19: where the job of 00:05 did not run, the day never got its row."""
    make_plug()
    put(2 * 2880 + 1)
    assert store_samples(NOON + timedelta(days=3)) == 2 * 2880 + 1
    assert set(EnergyHour.objects.values_list("coverage", flat=True)) == {1.0}
    assert EnergyHour.objects.count() == 48


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


# --- what it writes ---------------------------------------------------------------------------


def test_one_storing_of_many_plugs_is_one_transaction_of_few_queries(redis_server: Any) -> None:
    for number in range(101, 151):
        make_plug(number)
        put(2, number=number)
    with CaptureQueriesContext(connection) as queries:
        assert store_samples(LATER) == 100
    words = Counter(query["sql"].split()[0] for query in queries)
    assert words["SAVEPOINT"] + words["BEGIN"] <= 4  # nested in one; Django's own, per insert
    # Plugs twice (one is the lock), two for each hour touched; PostgreSQL calls one of them a cursor.
    assert words["SELECT"] <= 2 + 2 * 2
    assert EnergyHour.objects.count() == 50


def test_a_burst_of_three_plugs_writes_few_pages(file_database: Path) -> None:
    """One transaction, the new ends of a table and an index, one page of hours.

    Before: 17 pages in four transactions. SQLite writes each page of each commit to its log.
    """
    for number in (101, 102, 103):
        make_plug(number)
    pages = [pages_of(burst, file_database) for burst in range(60)]
    assert max(pages[1:]) <= 16  # where pages of the index are split
    assert sum(pages) / len(pages) <= 9


def test_storing_nothing_new_writes_nothing(file_database: Path) -> None:
    make_plug()
    pages_of(0, file_database)
    assert pages_of(0, file_database) <= 1  # the counter of keys, which an ignored insert advances


def test_a_year_of_three_plugs_stays_below_20_mb_without_vacuum(file_database: Path) -> None:
    """Hours of a year, and samples of three weeks of which seven days are kept: pages are reused."""
    plugs = [make_plug(number) for number in (101, 102, 103)]
    for day in range(365):
        hours = [NOON + timedelta(days=day, hours=hour) for hour in range(24)]
        EnergyHour.objects.bulk_create(hour_row(plug, hour) for hour in hours for plug in plugs)
    sizes = [size_after_week(week, plugs) for week in range(3)]
    assert sizes[-1] < 20_000_000
    assert sizes[-1] <= sizes[1] * 1.02
    assert PowerSample.objects.count() < 3 * 2880 * 7.3


def size_after_week(week: int, plugs: list[SmartPlug]) -> int:
    """Store a week's samples in the order in which they come, pruning every six hours."""
    insert = (
        "INSERT INTO energy_powersample "
        "(at, plug_id, power_w, voltage_v, current_a, today_energy_wh) "
        "VALUES (%s, %s, %s, %s, %s, %s)"
    )
    with connection.cursor() as cursor:
        for quarter in range(7 * 4):
            start = NOON + timedelta(weeks=week, hours=6 * quarter)
            times = [start + timedelta(seconds=30 * step) for step in range(6 * 120)]
            with transaction.atomic():
                values = [sample_values(plug, at) for at in times for plug in plugs]
                cursor.executemany(insert, values)
            prune_samples(start, keep_days=7)
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


def hour_row(plug: SmartPlug, hour: datetime) -> EnergyHour:
    wh = 40 + hour.hour / 7
    return EnergyHour(
        plug=plug,
        hour=hour,
        energy_wh=wh,
        power_min_w=wh / 3,
        power_avg_w=wh,
        power_max_w=wh * 3,
        coverage=1.0,
    )


def sample_values(plug: SmartPlug, at: datetime) -> tuple[Any, ...]:
    """Return values as long as real ones; as model objects they would take half a minute."""
    moment = at.replace(tzinfo=None) + timedelta(microseconds=100_003 * plug.pk)
    wh = 480 + at.minute / 7
    return str(moment), plug.pk, wh / 9, wh / 2, wh / 999, wh


def pages_of(burst: int, database: Path) -> int:
    """Store ten samples of each plug as the task does; return the pages that went to the log."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for step in range(10):
        for number, plug_id in enumerate(SmartPlug.objects.values_list("pk", flat=True)):
            at = NOON + timedelta(minutes=5 * burst, seconds=30 * step, milliseconds=100 * number)
            reading = make_reading(at=at, power_w=60 + step / 7)
            waiting = replace(reading, device_id=SmartPlug.objects.get(pk=plug_id).device_id)
            samples.buffer.put(waiting, is_sample=True)
    store_samples(NOON + timedelta(days=1))
    log_bytes = database.with_name(f"{database.name}-wal").stat().st_size
    return log_bytes // (4096 + 24)


@pytest.fixture
def file_database(redis_server: Any, tmp_path: Path) -> Iterator[Path]:
    """Give an SQLite file with the options of the product in place of the tests' database."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's pages")
    path = tmp_path / "balupi.sqlite3"
    in_memory = connections["default"]
    options = product_settings._SQLITE_OPTIONS
    values = {**in_memory.settings_dict, "NAME": str(path), "OPTIONS": options}
    connections["default"] = type(in_memory)(values, "default")
    try:
        call_command("migrate", verbosity=0)
        yield path
    finally:
        connections["default"].close()
        connections["default"] = in_memory
