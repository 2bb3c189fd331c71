"""The Pi on the page: its heat, what slows it, and what is written to its card."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from balupi_site.monitor.card import Counter, Written
from balupi_site.monitor.status import pi_status
from balupi_site.monitor.throttling import of_word
from balupi_site.page import pi as pi_part
from balupi_site.page.choice import Choice

NBSP = "\N{NO-BREAK SPACE}"
NOW = dt.datetime(2026, 11, 21, 21, 41, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 11, 20, 23, tzinfo=dt.UTC)


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draw the section of a Pi that has run for 41 days; call with what is different."""

    def draw(
        *,
        word: int | None = 0,
        since: dt.datetime | None = MIDNIGHT,
        device: str = "mmcblk0",
        clock_is_set: bool = True,
        **fields: Any,
    ) -> str:
        boot_at = NOW - dt.timedelta(days=41)
        known = {"temperature_c": 47.2, "memory_used_mb": 412, "memory_total_mb": 906, **fields}
        pi = replace(pi_status(), uptime_seconds=41 * 86400, **known)
        written = since and Written(NOW.date(), device, since, 14_000_000, 0, boot_at)
        counter = Counter(device, 41 * 310_000_000, boot_at)
        monkeypatch.setattr(pi_part, "pi_status", lambda: pi)
        monkeypatch.setattr(pi_part, "throttling", lambda: None if word is None else of_word(word))
        monkeypatch.setattr(pi_part, "is_plausible", lambda _now: clock_is_set)
        monkeypatch.setattr("balupi_site.page.pi.card.written", lambda _now: written)
        monkeypatch.setattr("balupi_site.page.pi.card.counter", lambda *_given: counter)
        with timezone.override("Europe/Berlin"):
            context = {"choice": Choice(), "now": NOW, **pi_part.context(Choice(), NOW)}
            return render_to_string("page/pi.html", context).replace(NBSP, " ")

    return draw


def test_a_healthy_pi_is_short(section: Any) -> None:
    page = section(disk_used_mb=6348, disk_total_mb=29798)
    for words in (
        "47<small>°C</small>",
        "not slowed down",
        "432 MB of 950 MB",
        "<dt>Card</dt><dd>6.7 GB of 31.2 GB</dd>",
        "<dt>Written today</dt><dd>14.0 MB</dd>",
        "<dt>On average per day</dt><dd>310 MB</dd>",
        "41 days",
    ):
        assert words in page
    assert "failed" not in page


@pytest.mark.parametrize(
    ("word", "told", "is_trouble"),
    [
        pytest.param(0x50001, "gets too little power", True, id="too little power now"),
        pytest.param(0x60006, "is slowed down", True, id="hot now"),
        pytest.param(0x10000, "got too little power for a moment", True, id="once"),
        pytest.param(0x60000, "not slowed down now", False, id="was hot"),
        pytest.param(0x8, "warm, a little slower", False, id="warm"),
    ],
)
def test_what_slows_it_is_said_in_words(
    section: Any, word: int, told: str, is_trouble: bool
) -> None:
    page = section(word=word)
    assert told in page
    assert ("#warn" in page) is is_trouble


def test_what_is_not_known_is_a_dash_or_left_out(section: Any) -> None:
    page = section(word=None, since=None, temperature_c=None, device="sda")
    assert "<dt>Written today</dt><dd>–</dd>" in page
    assert "<dt>Disk</dt>" in page
    assert "slowed" not in page
    assert "°C" not in page


def test_counted_from_later_than_midnight_it_says_from_when(section: Any) -> None:
    assert "<dt>Written since 14:20</dt>" in section(
        since=MIDNIGHT + dt.timedelta(hours=14, minutes=20)
    )


def test_a_full_card_and_a_clock_that_is_not_set_are_said(section: Any) -> None:
    page = section(clock_is_set=False, disk_used_mb=29_000, disk_total_mb=29_798)
    assert "nearly full" in page
    assert "The clock is not set yet." in page
