"""The watch itself: its looks, its end, and what hangs or breaks."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from balupi_site.lib.locks import file_lock
from nasctl import services
from nasctl.evidence import Presence
from nasctl.pace import Job
from nasctl.services import looks, watching
from nasctl.services.looks import Askers, Errand, Look
from nasctl.services.watcher import Watcher
from nasctl.tests.watching.watched_home import GOOD

pytestmark = pytest.mark.django_db

# The watch in its thread.


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Looks that are answered at once, without a network."""
    done: list[Job] = []

    def run(errand: Errand) -> Look:
        done.append(errand.job)
        is_presence = errand.job is Job.PRESENCE
        return Look(errand.job, errand.started_s, presence=Presence.OK if is_presence else None)

    monkeypatch.setattr(looks, "run", run)
    return done


def test_a_watch_looks_until_it_is_over(quick_looks: list[Job]) -> None:
    assert services.watch(names_changed=lambda: None, is_over=lambda: len(quick_looks) >= 3)
    assert set(quick_looks) == {Job.PRESENCE, Job.PROBE, Job.POWER}
    assert watching._inbox is None


def test_a_watch_tells_of_the_arrival_that_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(errand: Errand) -> Look:
        probe = GOOD if errand.job is Job.PROBE else None
        return Look(errand.job, errand.started_s, probe=probe)

    monkeypatch.setattr(looks, "run", run)
    told: list[str] = []
    is_over = iter([False] * 20)
    services.watch(
        names_changed=lambda: told.append("names"),
        has_arrived=lambda: told.append("arrival"),
        is_over=lambda: len(told) > 1 or next(is_over, True),
    )
    assert told == ["names", "arrival"]


def test_there_is_one_watch_and_the_second_call_nudges_it(quick_looks: list[Job]) -> None:
    nudges: Any = queue.SimpleQueue()
    watching._set_inbox(nudges)
    try:
        with file_lock("watch") as is_ours:
            assert is_ours
            assert services.watch(names_changed=lambda: None) is False
    finally:
        watching._set_inbox(None)
    assert nudges.get(timeout=5) is None
    assert quick_looks == []


def test_stop_watching_ends_a_watch_that_waits(quick_looks: list[Job]) -> None:
    """The next look is 10 s away; the worker must not wait for it."""
    home_is_quiet = threading.Event()

    def stop_when_quiet() -> None:
        assert home_is_quiet.wait(10)
        services.stop_watching()

    stopper = threading.Thread(target=stop_when_quiet)
    stopper.start()
    watcher = Watcher(names_changed=lambda: None)
    watching._set_inbox(watcher.inbox)
    try:
        while not watching._stopping.is_set():
            home_is_quiet.set()
            watcher.step()
    finally:
        watching._set_inbox(None)
        watcher.close()
        stopper.join(10)
    assert services.watch(names_changed=lambda: None), "it had the lock, but nothing to do any more"


def test_a_look_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    results: Any = queue.SimpleQueue()
    hanging = threading.Event()

    def run(errand: Errand) -> Look:
        if errand.job is Job.POWER:
            hanging.wait(10)
        return Look(errand.job, errand.started_s)

    monkeypatch.setattr(looks, "run", run)
    askers = Askers(results)
    askers.start(Errand(Job.POWER, 1.0))
    askers.start(Errand(Job.PRESENCE, 1.0))
    askers.start(Errand(Job.PROBE, 1.0))
    assert {results.get(timeout=5).job for _look in range(2)} == {Job.PRESENCE, Job.PROBE}
    hanging.set()
    assert results.get(timeout=5).job is Job.POWER
    askers.stop()


def test_a_look_that_breaks_brings_nothing_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    results: Any = queue.SimpleQueue()

    def run(_errand: Errand) -> Look:
        raise ZeroDivisionError

    monkeypatch.setattr(looks, "run", run)
    askers = Askers(results)
    askers.start(Errand(Job.POWER, 1.0))
    assert results.get(timeout=5) == Look(Job.POWER, 1.0)
    askers.stop()
    assert "power could not be looked at" in caplog.text
