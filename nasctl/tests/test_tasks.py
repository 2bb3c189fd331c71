"""The watch as a task, and what it has done in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from nasctl import services, tasks


def test_the_task_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Callable[[], object]] = []
    monkeypatch.setattr(
        services,
        "watch",
        lambda *, names_changed, has_arrived: called.extend([names_changed, has_arrived]),
    )
    tasks.watch_nas()
    assert called == [tasks.switch_names, tasks.tell_arrival]


@pytest.fixture(autouse=True)
def _keep_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasctl.tasks.connections.close_all", lambda: None)


def test_names_are_switched_here_and_now_without_asking_redis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = threading.Event()
    monkeypatch.setattr(tasks, "reconcile_names", done.set)
    tasks.switch_names()
    assert done.wait(5)


def test_a_switch_that_hangs_does_not_delay_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, done = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.wait(10)
        done.set()

    monkeypatch.setattr(tasks, "reconcile_names", hang)
    tasks.switch_names()  # would not return before it is set
    assert not done.is_set()
    hanging.set()
    assert done.wait(5)


def test_whoever_wants_to_know_is_told_that_the_nas_has_come_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = threading.Event()
    monkeypatch.setattr("nasctl.services.arrivals._listeners", [])
    services.register_arrival(done.set)
    services.register_arrival(done.set)
    tasks.tell_arrival()
    assert done.wait(5)
