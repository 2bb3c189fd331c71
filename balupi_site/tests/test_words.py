"""Figures as people read them."""

from __future__ import annotations

import datetime as dt

import pytest

from balupi_site import words

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
