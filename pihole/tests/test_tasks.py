"""The worker's look, and the next one."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from kombu.exceptions import OperationalError

from pihole import services, tasks
from pihole.services import Outcome


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Note what is planned instead of sending it to a broker."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.reconcile_names, "apply_async", lambda **call: calls.append(call))
    return calls


def outcome(monkeypatch: pytest.MonkeyPatch, follow_up_s: int | None) -> None:
    result = Outcome(look=None, follow_up_s=follow_up_s)
    monkeypatch.setattr(services, "reconcile", lambda _now: result)


def test_beat_runs_it_every_minute_by_its_name() -> None:
    entries = django_settings.CELERY_BEAT_SCHEDULE.values()
    found = [entry for entry in entries if entry["task"] == tasks.reconcile_names.name]
    assert [entry["schedule"] for entry in found] == [60]


def test_a_quiet_look_plans_nothing(
    monkeypatch: pytest.MonkeyPatch, redis_server: Any, planned: list[dict[str, Any]]
) -> None:
    outcome(monkeypatch, None)
    tasks.reconcile_names()
    assert planned == []


def test_a_look_that_needs_another_plans_it(
    monkeypatch: pytest.MonkeyPatch, redis_server: Any, planned: list[dict[str, Any]]
) -> None:
    outcome(monkeypatch, 7)
    tasks.reconcile_names()
    assert [call["countdown"] for call in planned] == [7]


def test_looks_do_not_breed_looks(
    monkeypatch: pytest.MonkeyPatch, redis_server: Any, planned: list[dict[str, Any]]
) -> None:
    outcome(monkeypatch, 7)
    for _ in range(5):
        tasks.reconcile_names()
    assert len(planned) == 1
    # The mark is gone just before the planned look runs, so that it can plan the next one.
    assert 6000 < redis_server.pttl("pihole:follow-up") < 7000


@pytest.mark.parametrize("error", [OperationalError("gone"), OSError("gone")])
def test_a_broker_that_is_away_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, redis_server: Any, error: Exception
) -> None:
    def fail(**_call: object) -> None:
        raise error

    outcome(monkeypatch, 7)
    monkeypatch.setattr(tasks.reconcile_names, "apply_async", fail)
    tasks.reconcile_names()


def test_without_redis_the_look_is_done_and_nothing_planned(
    monkeypatch: pytest.MonkeyPatch, no_redis: None, planned: list[dict[str, Any]]
) -> None:
    outcome(monkeypatch, 7)
    tasks.reconcile_names()
    assert planned == []
