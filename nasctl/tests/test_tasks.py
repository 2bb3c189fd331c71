"""The watch as a task, and switching the names with and without Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from nasctl import services, tasks


def test_the_task_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Callable[[], object]] = []
    monkeypatch.setattr(services, "watch", lambda *, names_changed: called.append(names_changed))
    tasks.watch_nas()
    assert called == [tasks.switch_names]


@pytest.fixture
def reconciled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    done = threading.Event()
    monkeypatch.setattr("nasctl.tasks.pihole.reconcile", lambda _now: done.set())
    monkeypatch.setattr("nasctl.tasks.connections.close_all", lambda: None)
    return done


def test_names_are_switched_without_redis_too(
    reconciled: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "enqueue", lambda _task: False)
    tasks.switch_names()
    assert reconciled.wait(5)


def test_with_redis_the_task_switches_them(
    reconciled: threading.Event, enqueued: list[str]
) -> None:
    tasks._switch_names()
    assert enqueued == ["pihole.tasks.reconcile_names"]
    assert not reconciled.is_set()


def test_a_redis_that_hangs_does_not_delay_the_watch(
    reconciled: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(tasks, "enqueue", lambda _task: hanging.wait(10) and False)
    tasks.switch_names()  # would not return before it is set
    assert not reconciled.is_set()
    hanging.set()
    assert reconciled.wait(5)
