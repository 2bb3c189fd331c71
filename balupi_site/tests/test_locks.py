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
from django.db import OperationalError

from balupi_site.lib import notify
from balupi_site.lib.locks import HouseholdLock, file_lock, household_lock
from balupi_site.management.commands import run_worker
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

    def __init__(self, *takes: bool | Exception, is_kept: int = 0) -> None:
        self._takes, self._kept = list(takes), is_kept

    def take(self) -> bool:
        answer = self._takes.pop(0)
        if isinstance(answer, Exception):
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


def test_a_worker_says_why_its_lock_cannot_be_opened_and_leads_once_it_can(
    lead: Callable[..., Lead], caplog: pytest.LogCaptureFixture
) -> None:
    waits = lead(FakeLock(False, OSError(30, "Read-only file system"), True))
    begun: list[str] = []
    waits._run(lambda: begun.append("begins"), lambda: None)
    assert begun == ["begins"]
    assert "cannot be opened: [Errno 30] Read-only file system" in caplog.text


def test_a_worker_that_cannot_begin_to_lead_ends_instead_of_keeping_the_lock(
    lead: Callable[..., Lead], caplog: pytest.LogCaptureFixture
) -> None:
    def begin() -> None:
        raise RuntimeError("no thread for beat")

    ended: list[bool] = []
    lead(FakeLock(True))._run(begin, lambda: ended.append(True))
    assert ended == [True]
    assert "no thread for beat" in caplog.text


def test_the_worker_of_a_site_that_waits_is_not_ended_as_a_start_that_takes_too_long(
    lead: Callable[..., Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(run_worker, "notify", lambda *messages: told.extend(messages))
    run_worker._wait_to_lead(lead(FakeLock(OperationalError("no route"), False, False, True)))
    assert told[0] == notify.READY
    assert told[1].startswith("STATUS=waits for home's database")
    assert told[2:] == [notify.ALIVE] * 2


@pytest.mark.django_db
def test_a_lock_that_is_held_stays_held(settings: Any) -> None:
    lock = HouseholdLock("test")
    assert lock.take()
    try:
        assert lock.is_kept()
        assert not HouseholdLock("test").take()
    finally:
        lock.give_back()
