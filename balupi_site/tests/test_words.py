"""Figures as people read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import translation

from balupi_site.lib import words

NOW = dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC)  # a Monday, 21:00 in Berlin


@pytest.mark.parametrize(
    ("power_w", "shown"),
    [(None, "–"), (0.0, "0.0"), (1.24, "1.2"), (61.2, "61.2"), (99.96, "100"), (1234.5, "1234")],
)
def test_watts_have_one_decimal_below_a_hundred(power_w: float | None, shown: str) -> None:
    assert words.watts(power_w) == shown


@pytest.mark.parametrize(
    ("energy_wh", "shown"),
    [(None, "–"), (0.0, "0.00"), (374, "0.37"), (12_340, "12.3"), (130_400, "130")],
)
def test_kilowatt_hours_lose_decimals_as_they_grow(energy_wh: float | None, shown: str) -> None:
    assert words.kilowatt_hours(energy_wh) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (71.9, "71 s"),
        (120, "2 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (20040, "5 h 34 min"),
        (172_800, "2 days"),
        (-5, "0 s"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.span(seconds).replace(words.NBSP, " ") == shown


def test_an_unknown_age_is_silent() -> None:
    assert words.ago(None) == ""
    assert words.ago(6).replace(words.NBSP, " ") == "6 s ago"


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (NOW, "21:00"),
        (NOW - dt.timedelta(days=2), "Saturday 21:00"),
        (NOW - dt.timedelta(days=20), "3 November 21:00"),
    ],
)
def test_days_are_named_when_it_was_not_today(at: dt.datetime, shown: str) -> None:
    assert words.day_and_clock(at, NOW) == shown


#: A Saturday in Berlin.
DAY = dt.datetime(2026, 11, 21, 21, 14, tzinfo=dt.UTC)
LATER = dt.datetime(2027, 1, 2, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("say", "english", "german"),
    [
        (lambda: words.watts(61.24), "61.2", "61,2"),
        (lambda: words.kilowatt_hours(482), "0.48", "0,48"),
        (lambda: words.kilowatt_hours(1_234_567), "1,235", "1.235"),
        (lambda: words.money(Decimal("0.154"), "EUR"), "€0.15", "0,15 €"),
        (lambda: words.money(Decimal(1234), "CHF"), "CHF 1,234.00", "1.234,00 CHF"),
        (lambda: words.percent(0.07), "7%", "7 %"),
        (lambda: words.percent(0.004), "0.4%", "0,4 %"),
        (lambda: words.count(18_412), "18,412", "18.412"),
        (lambda: words.count(None), "–", "–"),
        (lambda: words.span(20_040), "5 h 34 min", "5 h 34 min"),
        (lambda: words.span(172_800), "2 days", "2 Tage"),
        (lambda: words.ago(6), "6 s ago", "vor 6 s"),
        (lambda: words.ago(172_800), "2 days ago", "vor 2 Tagen"),
        (lambda: words.day_and_clock(DAY, NOW), "Saturday 22:14", "Samstag 22:14"),
        (
            lambda: words.day_and_clock(DAY, DAY + dt.timedelta(days=20)),
            "21 November 22:14",
            "21. November 22:14",
        ),
        (
            lambda: words.day_and_clock(DAY, LATER),
            "21 November 2026 22:14",
            "21. November 2026 22:14",
        ),
        (lambda: words.long_day(DAY.date()), "Saturday 21 November", "Samstag, 21. November"),
        (lambda: words.month_and_year(DAY.date()), "November 2026", "November 2026"),
    ],
)
def test_figures_and_days_are_written_as_the_reader_does(
    say: Callable[[], str], english: str, german: str
) -> None:
    for language, expected in (("en", english), ("de", german)):
        with translation.override(language):
            assert say().replace(words.NBSP, " ") == expected


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200f", "\u2028", "\x1b", "\n", "\x9b"]
)
def test_what_turns_or_breaks_a_line_is_shown_as_unshowable(character: str) -> None:
    assert words.showable(f"Lamp {character}fdp.exe") == "Lamp \N{REPLACEMENT CHARACTER}fdp.exe"
    assert words.showable("Lämpchen ☂ 日本 👩‍🔧") == "Lämpchen ☂ 日本 👩‍🔧"


@pytest.mark.parametrize(("language", "told"), [("en", "36.1 MB"), ("de", "36,1 MB")])
def test_a_size_is_written_as_its_reader_writes_numbers(language: str, told: str) -> None:
    with translation.override(language):
        assert words.shown_size(36_100_000).replace(words.NBSP, " ") == told
