"""What is written to the card: counted through days, restarts and a Redis that forgets."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from balupi_site.monitor import card
from balupi_site.monitor.card import Counter, Written, advanced

#: 13:00 in Berlin.
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def berlin() -> Any:
    with timezone.override("Europe/Berlin"):
        yield


def count(written: int, up_h: float, now: datetime = NOON, device: str = "mmcblk0") -> Counter:
    return Counter(device, written, now - timedelta(hours=up_h))


def test_the_first_look_of_a_pi_that_started_today_knows_the_day() -> None:
    first = advanced(None, count(500, up_h=5), NOON)
    assert (first.today_bytes, first.since) == (500, NOON - timedelta(hours=5))


def test_the_first_look_of_an_older_pi_counts_from_now_on() -> None:
    first = advanced(None, count(500, up_h=50), NOON)
    assert (first.today_bytes, first.since) == (0, NOON)
    later = advanced(first, count(700, up_h=50), NOON)
    assert (later.today_bytes, later.since) == (200, NOON)


def test_a_restart_counts_on() -> None:
    first = advanced(None, count(500, up_h=5), NOON)
    after = advanced(first, count(30, up_h=0.1, now=NOON + MINUTE * 60), NOON + MINUTE * 60)
    assert after.today_bytes == 530


def test_a_clock_that_is_set_is_no_restart() -> None:
    behind, right = NOON, NOON + timedelta(hours=3)
    first = advanced(None, replace(count(500, up_h=0.1, now=behind), start_id="a"), behind)
    same = replace(count(510, up_h=0.1, now=right), start_id="a")
    assert advanced(first, same, right).today_bytes == 510
    assert advanced(first, replace(same, start_id="b"), right).today_bytes == 1010


def test_a_new_day_begins_at_midnight() -> None:
    first = advanced(None, count(500, up_h=5), NOON)
    at = NOON + timedelta(hours=11, minutes=0.5)  # half a minute after midnight
    after = advanced(first, count(510, up_h=16, now=at), at)
    assert (after.today_bytes, after.since) == (10, datetime(2026, 11, 24, 23, tzinfo=UTC))


def test_another_disk_begins_anew() -> None:
    first = advanced(None, count(500, up_h=5), NOON)
    assert advanced(first, count(9, up_h=50, device="sda"), NOON).today_bytes == 0


def test_the_average_needs_a_day() -> None:
    assert count(500, up_h=23).daily_bytes(NOON) is None
    assert count(500, up_h=48).daily_bytes(NOON) == 250


def test_a_counter_that_went_backwards_counts_nothing() -> None:
    first = advanced(None, count(500, up_h=5), NOON)
    assert advanced(first, count(400, up_h=5), NOON).today_bytes == 500


def blocks(tmp_path: Path, settings: Any, stat: str) -> Path:
    """Return a folder of block devices whose partition holds the data, as sysfs has it."""
    number = tmp_path.stat().st_dev
    settings.DATA_DIR = tmp_path
    disk = tmp_path / "mmcblk0"
    (disk / "mmcblk0p2").mkdir(parents=True)
    (disk / "mmcblk0p2" / "partition").write_text("2\n")
    (disk / "stat").write_text(stat)
    name = f"{os.major(number)}:{os.minor(number)}"
    (tmp_path / name).symlink_to(disk / "mmcblk0p2")
    return tmp_path


def test_the_whole_card_is_counted_that_the_data_is_on(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balupi_site.lib.boot._BOOT_ID", tmp_path / "boot_id")
    (tmp_path / "boot_id").write_text("5e9c\n")
    where = blocks(tmp_path, settings, " 9 0 72 5 7 1 2048 90 0 80 95\n")
    found = card.counter(NOON, 3600.0, where)
    assert found == Counter("mmcblk0", 1024 * 1024, NOON - timedelta(hours=1), "5e9c")
    assert found.is_card


@pytest.mark.parametrize("stat", ["", "no numbers here at all, none", "1 2 3"])
def test_what_is_no_disk_is_not_known(tmp_path: Path, settings: Any, stat: str) -> None:
    assert card.counter(NOON, 1.0, blocks(tmp_path, settings, stat)) is None
    assert card.counter(NOON, 1.0, tmp_path / "none") is None


def test_redis_keeps_the_day_and_a_day_of_before_is_not_today(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [count(500, up_h=5), count(800, up_h=5)]
    monkeypatch.setattr(card, "counter", lambda *_given: found.pop(0))
    card.note(NOON, 1.0)
    card.note(NOON, 1.0)
    known = card.written(NOON)
    assert isinstance(known, Written)
    assert known.today_bytes == 800
    assert card.written(NOON + timedelta(days=1)) is None
    redis_server.set("monitor:written", "junk")
    assert card.written(NOON) is None


def test_without_redis_nothing_is_known_and_nothing_fails(no_redis: None) -> None:
    card.note(NOON, 1.0)
    assert card.written(NOON) is None
