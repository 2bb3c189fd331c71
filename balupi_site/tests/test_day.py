"""The day band: states in percent of a 23 to 25 hour day, curves that break at gaps."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from balupi_site.page import band as day

BERLIN = ZoneInfo("Europe/Berlin")
START = dt.datetime(2026, 11, 23, tzinfo=BERLIN)
END = dt.datetime(2026, 11, 24, tzinfo=BERLIN)


def at(hour: float) -> dt.datetime:
    return START + dt.timedelta(hours=hour)


def test_a_day_without_a_change_is_one_zone_up_to_now() -> None:
    (zone,) = day.zones([], "offline", START, END, now=at(12))
    assert (zone.state, zone.x, zone.width) == ("offline", 0.0, 50.0)


def test_each_change_starts_a_zone_and_nothing_is_drawn_after_now() -> None:
    found = day.zones(
        [(at(6), "booting"), (at(9), "online"), (at(20), "offline")], "offline", START, END, at(18)
    )
    assert [(zone.state, zone.x) for zone in found] == [
        ("offline", 0.0),
        ("booting", 25.0),
        ("online", 37.5),
    ]
    assert found[-1].x + found[-1].width == 75.0


def test_a_short_state_stays_visible() -> None:
    found = day.zones([(at(6), "booting"), (at(6.01), "online")], "offline", START, END, at(18))
    assert found[1].width == day.MIN_WIDTH_PERCENT


def test_a_state_that_has_just_begun_is_not_drawn_into_the_future() -> None:
    found = day.zones([(at(11.99), "online")], "offline", START, END, at(12))
    assert found[1].width == day.MIN_WIDTH_PERCENT
    assert found[1].x + found[1].width == 50.0


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        pytest.param(dt.datetime(2026, 3, 29, tzinfo=BERLIN), 23, id="spring"),
        pytest.param(dt.datetime(2026, 10, 25, tzinfo=BERLIN), 25, id="autumn"),
    ],
)
def test_the_width_is_the_length_of_the_day(start: dt.datetime, hours: int) -> None:
    end = (start + dt.timedelta(days=1)).astimezone(dt.UTC)
    start = start.astimezone(dt.UTC)
    (zone,) = day.zones([], "online", start, end, now=start + dt.timedelta(hours=hours / 2))
    assert zone.width == 50.0


def test_samples_become_means_of_five_minutes() -> None:
    samples = [
        (at(0) + dt.timedelta(seconds=s), power_w) for s, power_w in ((0, 10), (30, 20), (300, 7))
    ]
    assert day.buckets(samples, START) == {0: 15.0, 1: 7.0}


def test_plugs_are_stacked_and_the_lowest_is_drawn_last() -> None:
    drawn, peak_w = day.hills([("NAS", {0: 30.0, 1: 30.0}), ("Freezer", {0: 40.0, 1: 5.0})])
    assert [hill.name for hill in drawn] == ["Freezer", "NAS"]
    assert drawn[0].path == "M0 0L0 70.0 5 35.0L10 35.0 10 0z"
    assert peak_w == 70.0


def test_a_curve_breaks_at_a_gap() -> None:
    (hill,), _peak_w = day.hills([("NAS", {0: 30.0, 1: 30.0, 12: 30.0})])
    assert hill.path.count("M") == 2


def test_a_day_without_samples_has_no_peak() -> None:
    assert day.hills([("NAS", {})])[1] == 0.0


@pytest.mark.parametrize("top_w", [5, 60, 170, 900, 4000])
def test_grid_lines_stay_below_the_top_and_are_few(top_w: float) -> None:
    lines = day.grid(top_w)
    assert len(lines) <= 4
    assert all(0 < line < top_w for line in lines)
