"""Clocks tell aware UTC, and the manual one moves only when told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from simhome.clock import Clock, ManualClock

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_the_machines_clock_tells_the_time_of_the_machine() -> None:
    clock = Clock()
    before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)
    assert before <= now <= after
    assert now.utcoffset() == timedelta()
    assert clock.monotonic() <= clock.monotonic()


def test_a_manual_clock_stands_still_until_it_is_advanced() -> None:
    clock = ManualClock(START)
    assert clock.now() == clock.now() == START
    clock.advance(90.5)
    assert clock.now() == START + timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


def test_a_manual_clock_tells_utc_whatever_zone_it_was_started_in() -> None:
    clock = ManualClock(START.astimezone(timezone(timedelta(hours=5))))
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta()


def test_setting_the_wall_time_lets_no_time_pass() -> None:
    clock = ManualClock(START)
    clock.set_wall_time(START - timedelta(hours=1))
    assert clock.now() == START - timedelta(hours=1)
    assert clock.monotonic() == 0.0


def test_time_does_not_pass_backwards() -> None:
    clock = ManualClock(START)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    assert clock.now() == START
