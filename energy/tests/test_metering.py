"""The metering rules, checked against exact fractions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.metering import HourFigure, Sample, gap_limit, hour_figures, hour_start, touched_hours

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INTERVAL_S = 30
MICROSECOND = timedelta(microseconds=1)


def sample(second: float, power_w: float, start: datetime = NOON) -> Sample:
    return Sample(start + timedelta(seconds=second), power_w)


def steady(power_w: float, first_s: int, last_s: int, step_s: int = INTERVAL_S) -> list[Sample]:
    return [sample(second, power_w) for second in range(first_s, last_s + 1, step_s)]


def only(figures: list[HourFigure]) -> HourFigure:
    assert len(figures) == 1
    return figures[0]


# --- the predecessor's faults -----------------------------------------------------------------


def test_100_w_for_an_hour_is_100_wh_and_not_91_67() -> None:
    """Predecessor 17: it counted only 55 minutes of each hour."""
    figure = only(hour_figures(steady(100, 0, 3600), INTERVAL_S))
    assert figure == HourFigure(NOON, 100.0, 100.0, 100.0, 100.0, 1.0)


def test_100_w_for_a_day_sampled_off_the_hour_is_2400_wh() -> None:
    """Predecessor 17: the day came to 2,208 Wh. No sample lies on an hour's edge here."""
    figures = hour_figures(steady(100, -13, 24 * 3600 + 17), INTERVAL_S)
    whole = [figure for figure in figures if NOON <= figure.hour < NOON + timedelta(days=1)]
    assert [figure.coverage for figure in whole] == [1.0] * 24
    assert sum(figure.energy_wh for figure in whole) == pytest.approx(2400, abs=1e-9)


@pytest.mark.parametrize("step_s", [5, 10, 20, 40, 60, 90, 100])
def test_energy_does_not_depend_on_how_many_samples_came(step_s: int) -> None:
    """Predecessor 21: energy was samples times 30 s."""
    figure = hour_figures(steady(100, 0, 3600, step_s), INTERVAL_S)[0]
    assert figure.coverage == 1.0
    assert figure.energy_wh == pytest.approx(100)


def test_a_gap_of_30_minutes_is_missing_and_the_average_does_not_sink() -> None:
    """Predecessor 21: a gap halved the hour and nothing told that half of it was not known."""
    samples = steady(100, 0, 900) + steady(100, 2700, 3600)
    assert only(hour_figures(samples, INTERVAL_S)) == HourFigure(NOON, 50, 100, 100, 100, 0.5)


# --- gaps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds_apart", "coverage"),
    [
        pytest.param(90, 90 / 3600, id="two lost polls in a row are bridged"),
        pytest.param(105, 105 / 3600, id="3.5 intervals are bridged"),
        pytest.param(105.000001, None, id="a microsecond more is a gap"),
        pytest.param(120, None, id="three lost polls in a row are a gap"),
        pytest.param(3600, None, id="an hour is a gap"),
    ],
)
def test_the_gap_limit_is_three_and_a_half_intervals(
    seconds_apart: float, coverage: float | None
) -> None:
    figures = hour_figures([sample(0, 60), sample(seconds_apart, 60)], INTERVAL_S)
    assert [figure.coverage for figure in figures] == ([] if coverage is None else [coverage])


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([], id="no sample"),
        pytest.param([sample(10, 60)], id="one sample"),
        pytest.param([sample(10, 60), sample(10, 60)], id="one sample, twice"),
    ],
)
def test_what_was_not_measured_has_no_figure(samples: list[Sample]) -> None:
    assert hour_figures(samples, INTERVAL_S) == []


def test_off_is_measured_and_is_zero() -> None:
    figure = only(hour_figures(steady(0, 0, 3600), INTERVAL_S))
    assert figure == HourFigure(NOON, 0.0, 0.0, 0.0, 0.0, 1.0)


# --- edges and figures ------------------------------------------------------------------------


def test_an_interval_across_the_hour_is_split_on_its_straight_line() -> None:
    """From 0 W at :59:50 to 40 W at :00:30 the line is at 10 W on the hour."""
    before, after = hour_figures([sample(-10, 0), sample(30, 40)], INTERVAL_S)
    assert before == HourFigure(NOON - HOUR, 50 / 3600, 0, 5, 10, 10 / 3600)
    assert after == HourFigure(NOON, 750 / 3600, 10, 25, 40, 30 / 3600)


def test_an_interval_longer_than_an_hour_fills_the_hours_between() -> None:
    figures = hour_figures([sample(-1800, 10), sample(9000, 10)], interval_s=5000)
    assert [figure.coverage for figure in figures] == [0.5, 1.0, 1.0, 0.5]
    assert [figure.hour for figure in figures] == [NOON + HOUR * step for step in (-1, 0, 1, 2)]


def test_extremes_and_average_come_from_the_same_hour() -> None:
    samples = [sample(0, 10), sample(30, 50), sample(60, 30)]
    figure = only(hour_figures(samples, INTERVAL_S))
    assert (figure.power_min_w, figure.power_avg_w, figure.power_max_w) == (10, 35, 50)


def test_hours_are_utc_whatever_zone_the_samples_carry() -> None:
    """Across the end of summer time 02:59:45 and 02:00:15 are 30 s apart."""
    berlin = ZoneInfo("Europe/Berlin")
    samples = [
        Sample(datetime(2026, 10, 25, 2, 59, 45, tzinfo=berlin), 60),
        Sample(datetime(2026, 10, 25, 2, 0, 15, tzinfo=berlin, fold=1), 60),
    ]
    figures = hour_figures(samples, INTERVAL_S)
    one_utc = datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert [figure.hour for figure in figures] == [one_utc - HOUR, one_utc]
    assert figures[0].hour.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        hour_figures([Sample(datetime(2026, 3, 2), 1)], INTERVAL_S)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("second", "hours"),
    [
        pytest.param(1800, [0], id="in mid-hour its own"),
        pytest.param(104.999999, [-1, 0], id="shortly after an edge the hour before too"),
        pytest.param(105, [0], id="a line that starts on the edge has no part before it"),
        pytest.param(3600 - 105.000001, [0], id="further away than the gap limit"),
        pytest.param(3600 - 104.999999, [0, 1], id="shortly before an edge the hour after too"),
    ],
)
def test_touched_hours_reach_over_an_edge(second: float, hours: list[int]) -> None:
    touched = touched_hours(sample(second, 0).at, INTERVAL_S)
    assert touched == [NOON + HOUR * step for step in hours]


def test_touched_hours_are_utc_whatever_zone_the_time_carries() -> None:
    """Fifteen seconds after the clocks went back the hour before began at 00:00 UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    touched = touched_hours(datetime(2026, 10, 25, 2, 0, 15, tzinfo=berlin, fold=1), INTERVAL_S)
    assert touched == [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]


# --- properties -------------------------------------------------------------------------------

#: No time limit per example on a busy machine, no folder of remembered examples in the tree.

intervals_s = st.sampled_from([5, 30, 60, 3600])
powers_w = st.floats(min_value=0, max_value=4000, allow_nan=False)
moments = st.integers(min_value=0, max_value=6 * 3600 * 1_000_000).map(
    lambda microseconds: NOON + timedelta(microseconds=microseconds)
)
scattered = st.lists(st.builds(Sample, moments, powers_w), max_size=40)


@st.composite
def regular(draw: st.DrawFn) -> list[Sample]:
    """Return samples as they come in life: about every 30 s, now and then none for a while."""
    steps_us = st.integers(20_000_000, 40_000_000) | st.integers(60_000_000, 2_000_000_000)
    at, samples = draw(moments), []
    for step_us in draw(st.lists(steps_us, min_size=1, max_size=40)):
        samples.append(Sample(at, draw(powers_w)))
        at += MICROSECOND * step_us
    return samples


any_samples = scattered | regular()


def exact_energy_wh(samples: list[Sample], interval_s: float) -> Fraction:
    """Return the integral over the whole range, without hours and without rounding."""
    energy_w_us = Fraction(0)
    points = sorted((sample.at, sample.power_w) for sample in samples)
    for (start, start_w), (end, end_w) in pairwise(points):
        if end - start <= gap_limit(interval_s):
            length_us = (end - start) // MICROSECOND
            energy_w_us += (Fraction(start_w) + Fraction(end_w)) / 2 * length_us
    return energy_w_us / 3_600_000_000


@given(any_samples, intervals_s)
def test_the_hours_add_up_to_the_integral(samples: list[Sample], interval_s: int) -> None:
    figures = hour_figures(samples, interval_s)
    total_wh = sum(Fraction(figure.energy_wh) for figure in figures)
    assert abs(total_wh - exact_energy_wh(samples, interval_s)) < Fraction(1, 1_000_000)


@given(any_samples, intervals_s, st.timedeltas(min_value=timedelta(0), max_value=HOUR))
def test_the_total_does_not_depend_on_where_the_hours_are_cut(
    samples: list[Sample], interval_s: int, shift: timedelta
) -> None:
    shifted = [Sample(sample.at + shift, sample.power_w) for sample in samples]
    total_wh = sum(figure.energy_wh for figure in hour_figures(samples, interval_s))
    shifted_wh = sum(figure.energy_wh for figure in hour_figures(shifted, interval_s))
    assert shifted_wh == pytest.approx(total_wh, abs=1e-6)


@given(any_samples, intervals_s, st.data())
def test_order_and_duplicates_do_not_matter(
    samples: list[Sample], interval_s: int, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(samples))) if samples else []
    shuffled = data.draw(st.permutations(samples + again))
    assert hour_figures(shuffled, interval_s) == hour_figures(samples, interval_s)


@given(any_samples, intervals_s)
def test_each_figure_is_one_that_can_be(samples: list[Sample], interval_s: int) -> None:
    figures = hour_figures(samples, interval_s)
    hours = [figure.hour for figure in figures]
    assert hours == sorted(set(hours))
    for figure in figures:
        assert 0 < figure.coverage <= 1
        assert 0 <= figure.power_min_w <= figure.power_avg_w <= figure.power_max_w <= 4000
        covered_wh = figure.power_avg_w * figure.coverage
        assert figure.energy_wh == pytest.approx(covered_wh, abs=1e-6)


@given(any_samples, intervals_s, st.builds(Sample, moments, powers_w))
def test_a_late_sample_never_lowers_coverage_and_changes_only_hours_it_touches(
    samples: list[Sample], interval_s: int, late: Sample
) -> None:
    before = {figure.hour: figure for figure in hour_figures(samples, interval_s)}
    after = {figure.hour: figure for figure in hour_figures([*samples, late], interval_s)}
    assert all(after[hour].coverage >= figure.coverage for hour, figure in before.items())
    changed = {hour for hour in after if after[hour] != before.get(hour)}
    assert changed <= set(touched_hours(late.at, interval_s))


@given(moments)
def test_a_sample_touches_at_least_its_own_hour(at: datetime) -> None:
    assert hour_start(at) in touched_hours(at, INTERVAL_S)
