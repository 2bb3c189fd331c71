"""Clock, queue: what the apps stand on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from celery import shared_task

from balupi_site.lib import clock
from balupi_site.lib.queue import enqueue
from balupi_site.version import BUILD_DATE

AFTER = BUILD_DATE + dt.timedelta(days=1)
BEFORE = BUILD_DATE - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("synchronised", "service_runs", "now", "plausible"),
    [
        pytest.param(True, True, AFTER, True, id="set by NTP"),
        pytest.param(False, True, AFTER, False, id="NTP has not set it yet"),
        pytest.param(False, False, AFTER, True, id="no NTP, after the build date"),
        pytest.param(False, False, BEFORE, False, id="no NTP, before the build date"),
    ],
)
def test_when_the_clock_is_believed(
    monkeypatch: pytest.MonkeyPatch,
    synchronised: bool,
    service_runs: bool,
    now: dt.datetime,
    plausible: bool,
) -> None:
    be_clock(monkeypatch, synchronised=synchronised, service_runs=service_runs)
    assert clock.is_plausible(now) is plausible


def be_clock(
    monkeypatch: pytest.MonkeyPatch,
    *,
    synchronised: bool,
    service_runs: bool,
    mark: str = "/nowhere",
) -> None:
    """Let the kernel and the time services say this, to a process that has just started."""
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: synchronised)
    monkeypatch.setattr(clock, "time_service_runs", lambda: service_runs)
    monkeypatch.setattr(clock, "_TIMESYNCD_MARK", mark)
    monkeypatch.setattr(clock, "_seen", clock._Seen())


def test_a_clock_that_was_set_stays_believed_without_the_internet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_clock(monkeypatch, synchronised=True, service_runs=True)
    assert clock.is_plausible(AFTER)
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: False)
    assert clock.is_plausible(AFTER)


def test_a_process_that_starts_later_knows_it_from_timesyncd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = tmp_path / "synchronized"
    be_clock(monkeypatch, synchronised=False, service_runs=True, mark=str(mark))
    assert not clock.is_plausible(AFTER)
    mark.touch()
    assert clock.is_plausible(AFTER)


def test_the_kernel_can_be_asked() -> None:
    assert clock.kernel_is_synchronised() in {True, False}


@shared_task(ignore_result=True)
def nothing() -> None:
    """Do nothing."""


@pytest.mark.usefixtures("no_redis")
def test_enqueueing_without_redis_is_a_false_and_never_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from kombu.exceptions import OperationalError

    def refuse(**_options: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(nothing, "apply_async", refuse)
    assert enqueue(nothing) is False
    assert "beat will run it later" in caplog.text
