"""When a backup is due, and which ones go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from balupi_site.backup.naming import BackupName
from balupi_site.backup.schedule import is_due, may_try, newest_of, superseded

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def name(at: datetime, *, is_before_restore: bool = False) -> BackupName:
    return BackupName(at, "0.9.0", is_before_restore=is_before_restore)


@pytest.mark.parametrize(
    ("newest", "now", "expected"),
    [
        pytest.param(None, "2026-11-26 12:00", True, id="there is none"),
        pytest.param("2026-11-25 03:10", "2026-11-26 02:59", False, id="it is not three yet"),
        pytest.param("2026-11-25 03:10", "2026-11-26 03:00", True, id="it is three"),
        pytest.param("2026-11-26 03:00", "2026-11-26 03:30", False, id="it is made"),
        pytest.param("2026-11-20 03:10", "2026-11-26 18:00", True, id="the Pi was off at night"),
        pytest.param("2026-11-26 02:00", "2026-11-26 03:30", True, id="by hand before the night"),
        pytest.param("2030-01-01 03:00", "2026-11-26 12:00", True, id="one from the future"),
        pytest.param("2026-11-26 12:05", "2026-11-26 12:00", False, id="the clock was set back"),
        pytest.param("2026-03-29 01:30", "2026-03-29 03:00", True, id="the hour from 2 is missing"),
        pytest.param("2026-10-25 03:00", "2026-10-25 23:00", False, id="a day of 25 hours"),
    ],
)
def test_a_night_has_one_backup(newest: str | None, now: str, expected: bool) -> None:
    newest_at = berlin(newest) if newest else None
    assert is_due(newest_at, berlin(now), BERLIN) is expected


def test_nothing_is_tried_right_after_the_start_or_right_after_a_failure() -> None:
    now = berlin("2026-11-26 12:00")
    assert not may_try(None, now, uptime_s=60)
    assert may_try(None, now, uptime_s=3600)
    assert not may_try(now - HOUR, now, uptime_s=3600)
    assert may_try(now - 4 * HOUR, now, uptime_s=3600)
    assert may_try(now + 24 * HOUR, now, uptime_s=3600)  # noted by a clock that ran ahead


def test_a_year_of_nights_leaves_seven_days_four_weeks_and_six_months() -> None:
    kept: set[BackupName] = set()
    night = datetime(2025, 12, 1, 3, 10, tzinfo=BERLIN)
    for day in range(360):  # the wall's clock: changes of the clocks are among them
        now = (night + timedelta(days=day)).astimezone(UTC)
        kept.add(name(now))
        kept -= superseded(kept, now, BERLIN)
        assert name(now) in kept
    local = [each.at.astimezone(BERLIN) for each in sorted(kept, key=lambda each: each.at)]
    assert [f"{at:%m-%d %H:%M}" for at in local] == [
        *("06-30 03:10", "07-31 03:10", "08-31 03:10", "09-30 03:10", "10-31 03:10"),
        *("11-08 03:10", "11-15 03:10"),
        *(f"11-{day} 03:10" for day in range(19, 26)),
    ]


def test_a_pi_that_was_off_for_a_year_keeps_its_old_backups() -> None:
    old = {name(berlin(f"2025-01-{day:02} 03:10")) for day in range(2, 9)}
    now = berlin("2026-11-26 03:10")
    gone = superseded({*old, name(now)}, now, BERLIN)
    assert gone == {min(old, key=lambda each: each.at)}


def test_of_a_day_the_newest_stays_and_what_is_from_the_future_counts_for_nothing() -> None:
    now = berlin("2026-11-26 12:00")
    today = [name(now - 3 * HOUR), name(now)]
    future = [name(now + timedelta(days=day)) for day in range(1, 20)]
    assert superseded([*today, *future], now, BERLIN) == {today[0]}
    assert newest_of([*today, *future], now) == today[1]


def test_of_what_restores_have_overwritten_the_last_three_stay() -> None:
    now = berlin("2026-11-26 12:00")
    copies = [name(now - hours * HOUR, is_before_restore=True) for hours in range(5)]
    assert superseded([*copies, name(now)], now, BERLIN) == set(copies[3:])
    assert newest_of(copies, now) is None


@pytest.mark.parametrize(
    "text",
    [
        "balupi-2026-11-26T031500Z-0.9.0.sqlite3.xz",
        "balupi-2026-11-26T031500Z-1.10.2.pgdump",
        "balupi-2026-11-26T031500Z-0.9.0-before-restore.sqlite3.xz",
    ],
)
def test_a_name_tells_all_that_it_was_made_of(text: str) -> None:
    found = BackupName.of(text)
    assert found is not None
    assert str(found) == text
    assert found.at == datetime(2026, 11, 26, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "holiday.jpg",
        "balupi-2026-02-31T031500Z-0.9.0.sqlite3.xz",
        "balupi-2026-11-26T031500Z-0.9.0.sqlite3.xz.part",
        "before-update-0.9.0-abc.backup",
        "balupi-2026-11-26T031500Z-0.9.0-before-restore.damaged.tar.gz",
    ],
)
def test_other_files_are_not_ours(text: str) -> None:
    assert BackupName.of(text) is None
