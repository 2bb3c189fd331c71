"""The worker's look, and the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as django_settings

from pihole import services, tasks
from pihole.services import Outcome


@dataclass
class Timer:
    """Notes when it is to run, and runs when it is told."""

    delay_s: float
    run: Callable[[], None]
    daemon: bool = False
    is_started: bool = False

    def start(self) -> None:
        self.is_started = True


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Timer]:
    timers: list[Timer] = []

    def timer(delay_s: float, run: Callable[[], None]) -> Timer:
        timers.append(Timer(delay_s, run))
        return timers[-1]

    monkeypatch.setattr("pihole.tasks.threading.Timer", timer)
    monkeypatch.setattr(tasks, "_follow_up", None)
    return timers


def outcome(monkeypatch: pytest.MonkeyPatch, follow_up_s: int | None) -> None:
    result = Outcome(look=None, follow_up_s=follow_up_s)
    monkeypatch.setattr(services, "reconcile", lambda _now: result)


def test_beat_runs_it_every_minute_by_its_name() -> None:
    entries = django_settings.CELERY_BEAT_SCHEDULE.values()
    found = [entry for entry in entries if entry["task"] == tasks.reconcile_names.name]
    assert [entry["schedule"] for entry in found] == [60]


def test_a_quiet_look_plans_nothing(monkeypatch: pytest.MonkeyPatch, planned: list[Timer]) -> None:
    outcome(monkeypatch, None)
    tasks.reconcile_names()
    assert planned == []


def test_a_look_that_needs_another_plans_it_without_redis(
    monkeypatch: pytest.MonkeyPatch, planned: list[Timer], no_redis: None
) -> None:
    outcome(monkeypatch, 7)
    tasks.reconcile_names()
    assert [(timer.delay_s, timer.is_started, timer.daemon) for timer in planned] == [
        (7, True, True)
    ]


def test_looks_do_not_breed_looks(monkeypatch: pytest.MonkeyPatch, planned: list[Timer]) -> None:
    outcome(monkeypatch, 7)
    for _ in range(5):
        tasks.reconcile_names()
    assert len(planned) == 1


def test_each_look_can_have_the_next_one_follow(
    monkeypatch: pytest.MonkeyPatch, planned: list[Timer]
) -> None:
    closed: list[Any] = []
    monkeypatch.setattr("pihole.tasks.connections.close_all", lambda: closed.append("all"))
    for follow_up_s in (3, 5, 7):
        outcome(monkeypatch, follow_up_s)
        planned[-1].run() if planned else tasks.reconcile_names()
    assert [timer.delay_s for timer in planned] == [3, 5, 7]
    assert closed == ["all", "all"]


def test_a_look_that_could_not_be_planned_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, planned: list[Timer]
) -> None:
    def no_thread(_timer: Timer) -> None:
        raise RuntimeError("can't start new thread")

    outcome(monkeypatch, 7)
    with monkeypatch.context() as full:
        full.setattr(Timer, "start", no_thread)
        with pytest.raises(RuntimeError):
            tasks.reconcile_names()
    tasks.reconcile_names()
    assert [timer.is_started for timer in planned] == [False, True]
