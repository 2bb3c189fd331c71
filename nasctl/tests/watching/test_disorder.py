"""The watcher over restarts, races, set clocks, and a database that is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from balupi_site.lib import progress
from balupi_site.lib.progress import Work
from nasctl import services
from nasctl.models import NasStatus, WakeResult
from nasctl.moments import Moment
from nasctl.services import moves
from nasctl.services import watcher as watcher_module
from nasctl.services.sightings import load_notes
from nasctl.tests.watching.watched_home import Home, R, S, reasons
from pihole.models import NameStatus

pytestmark = pytest.mark.django_db


def test_a_restart_of_the_worker_forgets_no_miss(home: Home, redis_server: Any) -> None:
    """The predecessor counted from 0 again and was 65 s late."""
    home.restart()
    home.look()
    home.vanish()
    home.pass_time(14)
    saved = load_notes()
    assert saved is not None
    assert saved.memory.presence_misses == 2
    watcher_module._last_notes = None  # another process
    home.restart()
    home.pass_time(1)
    assert home.status.state == S.OFFLINE


def test_without_redis_a_new_watch_of_the_process_knows_the_misses(home: Home) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    home.restart()
    home.pass_time(1)
    assert home.status.state == S.OFFLINE


@pytest.mark.parametrize(
    ("change", "expected_misses"),
    [
        pytest.param(
            lambda home: setattr(home, "uptime_s", home.uptime_s + 3600), 1, id="an hour later"
        ),
        pytest.param(lambda home: setattr(home, "boot_id", "two"), 1, id="in another boot"),
    ],
)
def test_old_misses_are_not_in_a_row(
    home: Home, change: Callable[[Home], None], expected_misses: int
) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    change(home)
    home.restart()
    home.look()
    assert home.watcher._memory.presence_misses == expected_misses
    assert home.status.state == S.ONLINE


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_ends_no_boot_and_declares_nothing(home: Home, step: timedelta) -> None:
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.pass_time(5)
    home.wall += step
    home.pass_time(80)
    assert home.status.state == S.BOOTING
    home.pass_time(8)
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_leaves_a_nas_online(home: Home, step: timedelta) -> None:
    home.look()
    home.wall += step
    home.pass_time(60)
    assert reasons() == [R.ANSWERS]


def test_a_boot_from_the_future_ends_all_the_same(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """The Pi itself was started again, its clock behind what the database holds."""
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.wall -= timedelta(days=200)
    home.uptime_s, home.boot_id = 20.0, "two"
    home.restart()
    home.pass_time(80)
    assert home.status.state == S.BOOTING
    assert [record.message for record in caplog.records if "in the future" in record.message]
    home.pass_time(15)
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


def test_a_wake_whose_process_died_is_ended_by_the_next_watch(home: Home) -> None:
    home.vanish()
    home.pass_time(10)
    wake = home.wake()
    home.wall += timedelta(hours=2)
    home.uptime_s, home.boot_id = 20.0, "two"
    home.restart()
    home.look()
    wake.refresh_from_db()
    assert (home.status.state, wake.result) == (S.OFFLINE, WakeResult.FAILED)


def test_a_call_that_is_faster_than_the_verdict_wins(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.look()
    home.vanish()
    home.pass_time(14)
    write, overtaking = moves.change_state, [True]

    def be_overtaken(*args: Any, **kwargs: Any) -> object:
        if overtaking and overtaking.pop():
            services.note_going_offline(home.wall)
        return write(*args, **kwargs)

    monkeypatch.setattr("nasctl.services.moves.change_state", be_overtaken)
    home.pass_time(2)
    assert reasons() == [R.ANSWERS, R.CALLED_GOING_OFFLINE]
    home.pass_time(10)
    assert reasons()[2:] == [R.SHUT_DOWN]


def test_a_database_that_is_away_does_not_end_the_watch(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home.look()

    def fail(_now: Moment) -> NasStatus:
        raise OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr("nasctl.services.moves.current_status", fail)
        home.pass_time(30)
    assert len([one for one in caplog.records if "database" in one.message]) == 1
    home.vanish()
    home.pass_time(25)
    assert home.status.state == S.OFFLINE


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> dict[Work, float]:
    """What has advanced in this process."""
    found: dict[Work, float] = {}
    monkeypatch.setattr(progress, "_advanced_s", found)
    return found


def test_the_watch_advances_by_looks_and_not_by_steps(home: Home, marks: dict[Work, float]) -> None:
    home.watcher.step(longest_s=0)
    home.watcher.step(longest_s=0)
    assert marks == {}, "nobody has looked: all who could may hang"
    home.look()
    assert Work.WATCH in marks


def test_a_watch_without_a_database_does_what_it_can(
    home: Home, marks: dict[Work, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_now: Moment) -> NasStatus:
        raise OperationalError("database is locked")

    monkeypatch.setattr("nasctl.services.moves.current_status", fail)
    home.watcher.step(longest_s=0)
    home.watcher.step(longest_s=0)
    assert Work.WATCH in marks, "starting the worker again would mend no database"


def test_a_wish_that_was_never_told_is_told_by_the_next_watch(home: Home) -> None:
    home.look()
    NameStatus.objects.update(wanted="pi")
    home.restart()
    home.look()
    assert NameStatus.current().wanted == "nas"
    assert home.name_switches == 2


def test_a_quiet_minute_writes_nothing_and_asks_the_database_little(
    home: Home, django_assert_max_num_queries: Any
) -> None:
    home.look()
    with django_assert_max_num_queries(300):  # half-second steps; each reads the state once
        home.pass_time(60)
    assert home.status.version == 1
