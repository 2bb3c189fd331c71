"""The rules of what sleeping saved: idle power, the difference, and a formula that works out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasctl.saved import (
    Asleep,
    IdleHour,
    WhyUnknown,
    idle_power_w,
    saved_wh,
    shown_decimals,
    why_unknown,
)

END = datetime(2026, 11, 25, tzinfo=UTC)


def hours(*powers_w: float, days_ago: float = 1) -> list[IdleHour]:
    """Return whole hours awake, the newest first."""
    newest = END - timedelta(days=days_ago)
    return [IdleHour(newest - timedelta(hours=n), power) for n, power in enumerate(powers_w)]


@pytest.mark.parametrize(
    ("awake", "expected"),
    [
        pytest.param([], None, id="never awake"),
        pytest.param(hours(30, 31), None, id="two hours are too few"),
        pytest.param(hours(30, 30, 30), 30, id="three are enough"),
        pytest.param(hours(34, 36, 32, 90, 88), 34, id="work does not count"),
        pytest.param(
            hours(50, 50, 50, days_ago=100), 50, id="older ones where there are no others"
        ),
        pytest.param(
            [*hours(99, days_ago=2), *hours(50, 50, 50, days_ago=100)],
            50,
            id="one newer hour is too few",
        ),
        pytest.param(
            [*hours(30, 30, 30), *hours(80, 80, 80, 80, 80, 80, 80, days_ago=31)],
            30,
            id="more than 30 days ago does not count",
        ),
        pytest.param(
            [*hours(99, days_ago=40), *hours(50, 50, 50, 50, days_ago=60)],
            50,
            id="the latest 30 days with three reach back",
        ),
        pytest.param(
            [*hours(10, 10, 10, days_ago=-1), *hours(30, 30, 30)], 30, id="later hours do not count"
        ),
    ],
)
def test_idle_power_is_the_lower_quartile_of_whole_hours_awake(
    awake: list[IdleHour], expected: float | None
) -> None:
    assert idle_power_w(awake, END) == expected


def test_saved_is_what_idling_would_have_used_less_what_sleeping_used() -> None:
    assert saved_wh(14.5, 16.0, 33.9) == pytest.approx(475.55)


def test_sleeping_that_draws_more_than_idling_saves_less_than_nothing() -> None:
    assert saved_wh(1, 20, 15) == -5


@pytest.mark.parametrize(
    ("asleep", "idle_w", "known_h", "expected"),
    [
        pytest.param(Asleep(14, 14, 15), 34.0, 24, None, id="all is known"),
        pytest.param(Asleep(0, 0, 0), 34.0, 0, WhyUnknown.NOTHING_KNOWN, id="nothing was read"),
        pytest.param(Asleep(0, 0, 0), 34.0, 24, WhyUnknown.NEVER_ASLEEP, id="it never slept"),
        pytest.param(Asleep(9, 0, 0), 34.0, 3, WhyUnknown.SLEEP_NOT_READ, id="sleep not read"),
        pytest.param(Asleep(9, 9, 9), None, 9, WhyUnknown.NO_IDLE_POWER, id="never awake long"),
    ],
)
def test_what_cannot_be_known_says_why(
    asleep: Asleep, idle_w: float | None, known_h: float, expected: WhyUnknown | None
) -> None:
    assert why_unknown(asleep, idle_w, known_h=known_h, watched=1) is expected


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        pytest.param(0.0, WhyUnknown.NOT_WATCHED, id="nobody was there"),
        pytest.param(0.4, WhyUnknown.NOT_WATCHED, id="mostly nobody was there"),
        pytest.param(0.5, WhyUnknown.NEVER_ASLEEP, id="enough was seen"),
    ],
)
def test_nobody_says_that_it_never_slept_who_did_not_look(
    watched: float, expected: WhyUnknown
) -> None:
    assert why_unknown(Asleep(0, 0, 0), 34.0, known_h=24, watched=watched) is expected


def test_power_asleep_is_not_known_where_no_sleep_was_read() -> None:
    assert Asleep(9, 0, 0).power_w is None
    assert Asleep(9, 8, 16).power_w == 2


def test_one_decimal_is_enough_where_it_works_out() -> None:
    assert shown_decimals(14.5, 33.9, 1.1, kwh_decimals=2) == 1


@given(
    hours=st.floats(0.1, 8784),
    idle=st.floats(5, 300),
    asleep=st.floats(0, 5),
    kwh_decimals=st.integers(0, 2),
)
def test_the_shown_numbers_work_out_on_paper(
    hours: float, idle: float, asleep: float, kwh_decimals: int
) -> None:
    decimals = shown_decimals(hours, idle, asleep, kwh_decimals=kwh_decimals)
    shown_h, shown_idle, shown_asleep = (round(it, decimals) for it in (hours, idle, asleep))
    shown_kwh = shown_h * (shown_idle - shown_asleep) / 1000
    exact_kwh = hours * (idle - asleep) / 1000
    assert decimals <= 6
    if decimals < 6:  # at six, only a number on the very edge of rounding is left
        assert round(shown_kwh, kwh_decimals) == round(exact_kwh, kwh_decimals)
    else:
        assert shown_kwh == pytest.approx(exact_kwh, abs=0.01)
