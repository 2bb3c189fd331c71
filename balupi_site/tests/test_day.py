"""The day band: states in percent of a 23 to 25 hour day, curves that break at gaps."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from balupi_site.page import band as day
from balupi_site.page.choice import Choice
from balupi_site.page.marks import Mark, placed
from balupi_site.page.window import ticks, window

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


#: Of buckets of two minutes, to the end of the fiftieth.
SCALE = day.Scale(bucket_s=120, reach=1, until=500)


def paths(*layers: day.Layer, scale: day.Scale = SCALE) -> list[str]:
    return [hill.path for hill in day.hills(layers, scale)]


@pytest.mark.parametrize(
    ("hours", "interval_s", "bucket_s"),
    [
        pytest.param(24, 30, 120, id="a day"),
        pytest.param(25, 30, 120, id="a long day"),
        pytest.param(6, 30, 30, id="a quarter of a day, as it was measured"),
        pytest.param(1, 30, 30, id="an hour"),
        pytest.param(1, 5, 5, id="an hour measured often"),
        pytest.param(24, 3600, 3600, id="a day measured rarely"),
    ],
)
def test_a_window_is_cut_as_finely_as_it_was_measured_and_can_be_seen(
    hours: int, interval_s: int, bucket_s: int
) -> None:
    assert day.bucket_s(hours * 3600, interval_s) == bucket_s


def test_plugs_are_stacked_from_the_bottom() -> None:
    drawn = paths(day.Layer("NAS", {0: 30.0, 1: 30.0}), day.Layer("Freezer", {0: 40.0, 1: 5.0}))
    assert drawn == ["M0 0L0 300 20 300L20 0z", "M0 0L0 700 5 700 15 350 20 350L20 0z"]


def test_a_curve_breaks_at_a_gap() -> None:
    (path,) = paths(day.Layer("NAS", {0: 30.0, 1: 30.0, 12: 30.0}))
    assert path.count("M") == 2


def test_a_plug_that_was_not_measured_adds_nothing_and_has_a_hole() -> None:
    both = dict.fromkeys(range(9), 10.0)
    hill = day.hills([day.Layer("A", both), day.Layer("B", {0: 5.0, 8: 5.0})], SCALE)[1]
    assert hill.holes == ((20, 70),)
    assert hill.path == "M0 0L0 150 15 150 25 100 65 100 75 150 90 150L90 0z"


def test_plugs_read_one_after_the_other_do_not_make_a_dent() -> None:
    scale = day.Scale(bucket_s=30, reach=4, until=500)
    late = day.Layer("B", {0: 5.0, 1: 5.0, 3: 5.0})
    drawn = paths(day.Layer("A", dict.fromkeys(range(5), 10.0)), late, scale=scale)
    assert drawn[1] == "M0 0L0 150 50 150L50 0z"


def test_a_poll_that_was_lost_by_all_plugs_is_bridged() -> None:
    scale = day.Scale(bucket_s=30, reach=4, until=500)
    curve = {0: 10.0, 1: 10.0, 4: 40.0}
    assert day.totals([day.Layer("A", curve), day.Layer("B", curve)], scale)[2] == 40.0


def test_a_curve_that_is_live_ends_at_the_present_with_what_is_drawn_now() -> None:
    scale = day.Scale(bucket_s=120, reach=1, until=13)
    drawn = paths(day.Layer("NAS", {0: 30.0, 1: 30.0}, now_w=42.0), scale=scale)
    assert drawn == ["M0 0L0 300 5 300 13 420L13 0z"]


def test_points_on_a_line_are_left_out_and_corners_kept() -> None:
    flat = [(x, 300 + x % 2) for x in range(100)]
    peak = [(100, 300), (101, 900), (102, 300), (200, 300)]
    kept = day.thinned([*flat, *peak])
    assert len(kept) < 8
    assert (101, 900) in kept
    assert all(abs(y - 300) <= 1 for x, y in kept if x < 100)


def test_a_day_without_samples_has_no_hills() -> None:
    assert paths(day.Layer("NAS", {})) == [""]
    assert day.totals([day.Layer("NAS", {})], SCALE) == {}


@pytest.mark.parametrize("peak_w", [0.0, 3.0, 49.9, 50.0, 51.0, 2200.0])
def test_the_picture_ends_10_to_20_w_above_the_peak(peak_w: float) -> None:
    assert 10 <= day.top_w(peak_w) - peak_w <= 20


BERLIN_DAYS = {"spring": dt.date(2026, 3, 29), "autumn": dt.date(2026, 10, 25)}


@pytest.mark.parametrize(
    ("day_of", "part", "hours"),
    [
        pytest.param("spring", None, 23, id="the short day"),
        pytest.param("autumn", None, 25, id="the long day"),
        pytest.param("spring", (0, 360), 5, id="the short night"),
        pytest.param("autumn", (0, 360), 7, id="the long night"),
        pytest.param("autumn", (120, 180), 2, id="an hour that comes twice"),
        pytest.param("autumn", (360, 720), 6, id="a morning as any other"),
        pytest.param("spring", (1080, 1440), 6, id="an evening"),
    ],
)
def test_a_part_of_the_day_is_by_the_clock_on_the_wall(
    day_of: str, part: tuple[int, int] | None, hours: float
) -> None:
    assert window(BERLIN_DAYS[day_of], part, BERLIN).seconds == hours * 3600


def test_the_axis_has_no_time_that_does_not_exist() -> None:
    found = list(ticks(window(BERLIN_DAYS["spring"], (0, 360), BERLIN)))
    assert [tick.minute // 60 for tick in found] == [0, 1, 3, 4, 5, 6]
    assert [tick.x for tick in found] == [0, 20, 40, 60, 80, 100]


def test_an_hour_that_does_not_exist_is_shown_with_its_neighbours() -> None:
    shown = window(BERLIN_DAYS["spring"], (120, 180), BERLIN)
    assert shown.start < shown.end


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("1800-2400", (1080, 1440), id="an evening"),
        pytest.param("1805-1840", (1085, 1120), id="what was marked with the mouse"),
        pytest.param("0000-2400", None, id="all of it is no part"),
        pytest.param("1800-1800", None, id="nothing"),
        pytest.param("1800-1700", None, id="backwards"),
        pytest.param("1801-1900", None, id="not in steps of five minutes"),
        pytest.param("1800-2405", None, id="beyond midnight"),
        pytest.param("2500-2600", None, id="no time of day"),
        pytest.param("\u0661\u066800-2400", None, id="other digits"),
        pytest.param("evening", None, id="nonsense"),
    ],
)
def test_the_query_names_a_part_of_the_day(text: str, part: tuple[int, int] | None) -> None:
    choice = Choice.of({"part": text}, dt.date(2026, 11, 26), is_admin=False, may_wake=False)
    assert choice.part == part
    assert choice.link() == (f"?part={text}" if part else "?")


def mark(hours: float, word: str) -> Mark:
    return Mark(at(hours), f"ev-{word}", "who", word, word)


DAY = window(START.date(), None, BERLIN)


def places(*marks: Mark) -> list[tuple[str, int, str]]:
    return [(place.mark.word, place.row, place.word_side) for place in placed(marks, DAY)]


def test_marks_of_one_moment_stand_below_each_other() -> None:
    found = places(mark(9, "wake"), mark(9.02, "name"), mark(9.03, "files"))
    assert found == [("wake", 0, "right"), ("name", 1, "right"), ("files", 2, "right")]


def test_a_word_is_left_out_where_it_would_cross_another_mark() -> None:
    assert places(mark(9, "wake"), mark(11, "next")) == [("wake", 0, "left"), ("next", 0, "right")]


def test_a_word_near_the_right_edge_stands_on_the_left() -> None:
    assert places(mark(23, "late")) == [("late", 0, "left")]


def test_marks_without_room_are_told_by_the_last_one_that_has_some() -> None:
    *_two, last = placed([mark(9 + n / 60, str(n)) for n in range(5)], DAY)
    assert [other.word for other in last.others] == ["3", "4"]


@pytest.mark.parametrize("top_w", [5, 60, 170, 900, 4000])
def test_grid_lines_stay_below_the_top_and_are_few(top_w: float) -> None:
    lines = day.grid(top_w)
    assert len(lines) <= 4
    assert all(0 < line < top_w for line in lines)
