"""Locks: one holder, which keeps nothing after its death; for several machines see tests/test_growth.py."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.synchronize import Event
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from balupi_site.lib.locks import HouseholdLock, file_lock, household_lock
from balupi_site.processes import lead as lead_module
from balupi_site.processes.lead import Lead

Lock = Callable[..., AbstractContextManager[bool]]


@pytest.mark.parametrize("lock", [file_lock, household_lock])
@pytest.mark.django_db
def test_a_lock_has_one_holder(lock: Lock) -> None:
    with lock("test") as first, lock("test") as second:
        assert (first, second) == (True, False)
    with lock("test") as again:
        assert again


def _hold(data_dir: Any, held: Event) -> None:
    from django.conf import settings

    settings.DATA_DIR = data_dir
    with file_lock("test"):
        held.set()
        signal.pause()


def test_a_killed_holder_does_not_keep_the_lock(settings: Any) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(settings.DATA_DIR, held))
    holder.start()
    assert held.wait(10)
    with file_lock("test") as mine:
        assert not mine
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join(10)
    with file_lock("test", wait_s=5) as mine:
        assert mine


class FakeLock:
    """A lock that is free, or stays ours, as often as it is told."""

    def __init__(self, *takes: bool | DatabaseError, is_kept: int = 0) -> None:
        self._takes, self._kept = list(takes), is_kept

    def take(self) -> bool:
        answer = self._takes.pop(0)
        if isinstance(answer, DatabaseError):
            raise answer
        return answer

    def is_kept(self) -> bool:
        self._kept -= 1
        return self._kept >= 0


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lead]:
    """Make a lead of a fake lock, whose looks follow each other at once."""
    monkeypatch.setattr(lead_module, "LOOK_S", 0)

    def make(lock: FakeLock) -> Lead:
        lead = Lead("test")
        monkeypatch.setattr(lead, "_lock", lock)
        return lead

    return make


def test_a_worker_that_waits_begins_when_the_one_that_led_has_died(
    lead: Callable[..., Lead],
) -> None:
    waits = lead(FakeLock(False, OperationalError("the server restarts"), False, True))
    assert not waits.take()
    told: list[str] = []
    waits._run(lambda: told.append("begins"), lambda: told.append("lost"))
    assert told == ["begins", "lost"]


def test_a_worker_that_leads_goes_on_until_another_one_has_it(lead: Callable[..., Lead]) -> None:
    leads = lead(FakeLock(True, is_kept=3))
    assert leads.take()
    assert leads.take(), "asked again it says the same"
    told: list[str] = []
    leads._run(lambda: told.append("begins"), lambda: told.append("lost"))
    assert told == ["lost"]


@pytest.mark.django_db
def test_a_lock_that_is_held_stays_held(settings: Any) -> None:
    lock = HouseholdLock("test")
    assert lock.take()
    try:
        assert lock.is_kept()
        assert not HouseholdLock("test").take()
    finally:
        lock.give_back()
