"""The schedule goes on when the clock jumps, and is written rarely."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
import time_machine
from celery import Celery
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask

from balupi_site.lib.progress import Work, advanced_s
from balupi_site.processes import scheduler as module
from balupi_site.processes.scheduler import ClockSafeScheduler

START = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


class Clock:
    """Wall and monotonic clock of the scheduler under test."""

    def __init__(self, traveller: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch) -> None:
        self._traveller = traveller
        self.wall = START
        self.monotonic_s = 1000.0
        monkeypatch.setattr(
            "balupi_site.processes.scheduler.time.monotonic", lambda: self.monotonic_s
        )

    def run(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.set_by(seconds)

    def set_by(self, seconds: float) -> None:
        self.wall += dt.timedelta(seconds=seconds)
        self._traveller.move_to(self.wall, tick=False)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    with time_machine.travel(START, tick=False) as traveller:
        yield Clock(traveller, monkeypatch)


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's transaction looks to upstream like a connection left in disorder: it would close it."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(
        ClockSafeScheduler, "apply_async", lambda _self, entry, **_kw: names.append(entry.name)
    )
    return names


@pytest.fixture
def make(sent: list[str]) -> Callable[[], ClockSafeScheduler]:
    def make() -> ClockSafeScheduler:
        app = Celery("test", set_as_current=False, broker="memory://")
        app.conf.update(
            timezone="UTC",
            beat_max_loop_interval=5,
            beat_schedule={
                "look": {"task": "look", "schedule": 10, "options": {"expire_seconds": 10}}
            },
        )
        return ClockSafeScheduler(app=app)

    return make


def run(beat: ClockSafeScheduler, clock: Clock, seconds: float) -> None:
    """Tick as beat's loop does until ``seconds`` have passed."""
    end_s = clock.monotonic_s + seconds
    while clock.monotonic_s < end_s:
        clock.run(max(beat.tick(), 0.01))


def test_it_fires_every_period(
    make: Callable[[], ClockSafeScheduler], clock: Clock, sent: list[str]
) -> None:
    run(make(), clock, 65)
    assert clock.monotonic_s - (advanced_s(Work.BEAT) or 0) <= 5, "each tick is noted"
    assert sent.count("look") == 6


@pytest.mark.parametrize("step_s", [-3600, 3600, -200 * 86400], ids=["-1 h", "+1 h", "-200 d"])
def test_it_goes_on_when_the_clock_is_set(
    make: Callable[[], ClockSafeScheduler], clock: Clock, sent: list[str], step_s: float
) -> None:
    beat = make()
    run(beat, clock, 30)
    before = len(sent)
    clock.set_by(step_s)
    run(beat, clock, 30)
    assert 2 <= len(sent) - before <= 4


def test_it_goes_on_after_a_start_with_the_clock_behind_the_database(
    make: Callable[[], ClockSafeScheduler], clock: Clock, sent: list[str]
) -> None:
    make()
    PeriodicTask.objects.update(last_run_at=START + dt.timedelta(days=1))
    run(make(), clock, 25)
    assert sent.count("look") == 2


def test_a_reload_of_the_schedule_fires_nothing_twice(
    make: Callable[[], ClockSafeScheduler], clock: Clock, sent: list[str]
) -> None:
    run(make(), clock, 20 * 60 + 5)  # upstream reloads every 5 minutes
    assert 119 <= sent.count("look") <= 120


def test_it_saves_at_most_every_half_hour_and_at_the_end(
    make: Callable[[], ClockSafeScheduler], clock: Clock
) -> None:
    beat = make()
    run(beat, clock, 25 * 60)
    assert PeriodicTask.objects.get(name="look").total_run_count == 0
    run(beat, clock, 10 * 60)
    saved = PeriodicTask.objects.get(name="look").total_run_count
    assert 175 <= saved <= 181
    run(beat, clock, 60)
    beat.close()
    assert PeriodicTask.objects.get(name="look").total_run_count > saved


def test_what_somebody_changed_counts_soon_and_is_not_asked_for_at_each_tick(
    make: Callable[[], ClockSafeScheduler], clock: Clock, sent: list[str]
) -> None:
    beat = make()
    run(beat, clock, 20)
    with CaptureQueriesContext(connection) as asked:
        run(beat, clock, 60)
    assert len(asked.captured_queries) <= 4
    PeriodicTask.objects.get(name="look").delete()
    run(beat, clock, 20)
    before = len(sent)
    run(beat, clock, 60)
    assert len(sent) == before


def test_a_broker_that_is_away_is_told_once(
    make: Callable[[], ClockSafeScheduler],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError("nobody there")

    caplog.set_level("INFO")
    beat = make()
    monkeypatch.setattr(ClockSafeScheduler, "apply_async", refuse)
    run(beat, clock, 60)
    monkeypatch.setattr(ClockSafeScheduler, "apply_async", lambda *_a, **_kw: None)
    run(beat, clock, 30)
    ours = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert ours == [
        "beat cannot reach Redis, it keeps trying: nobody there",
        "beat reaches Redis again",
    ]


def test_saving_the_run_times_is_one_small_write(
    make: Callable[[], ClockSafeScheduler], clock: Clock
) -> None:
    beat = make()
    run(beat, clock, 60)
    changed = PeriodicTask.objects.get(name="look").date_changed
    with CaptureQueriesContext(connection) as asked:
        beat.close()
    updates = [it["sql"] for it in asked.captured_queries if it["sql"].startswith("UPDATE")]
    assert updates
    for sql in updates:
        assert "last_run_at" in sql
        assert "interval_id" not in sql.partition("WHERE")[0]  # no page of an index is touched
    assert PeriodicTask.objects.get(name="look").date_changed == changed


def test_run_times_that_could_not_be_saved_are_saved_the_next_time(
    make: Callable[[], ClockSafeScheduler], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = make()
    run(beat, clock, 60)
    with monkeypatch.context() as failing:
        failing.setattr(module.RunTimesEntry, "save", _refuse)
        beat._save_run_times()
    assert PeriodicTask.objects.get(name="look").total_run_count == 0
    beat._save_run_times()
    assert PeriodicTask.objects.get(name="look").total_run_count > 0


def _refuse(_entry: object) -> None:
    raise DatabaseError("locked")
