"""The household's calendar: days of 23 to 25 hours, and the same part of the period before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from energy.metering import HOUR
from energy.periods import (
    Period,
    Resolution,
    Span,
    buckets,
    day_span,
    period_span,
    previous_span,
    same_part,
)

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        pytest.param(date(2026, 3, 28), BERLIN, 24, id="an ordinary day"),
        pytest.param(date(2026, 3, 29), BERLIN, 23, id="spring in Berlin"),
        pytest.param(date(2026, 10, 25), BERLIN, 25, id="autumn in Berlin"),
        pytest.param(date(2018, 11, 4), SAO_PAULO, 23, id="a day that begins at 01:00"),
        pytest.param(date(2018, 2, 17), SAO_PAULO, 25, id="a day whose last hour comes twice"),
        pytest.param(date(2018, 2, 18), SAO_PAULO, 24, id="the day after it"),
        pytest.param(date(2026, 4, 5), LORD_HOWE, 24.5, id="half an hour more"),
        pytest.param(date(2026, 10, 4), LORD_HOWE, 23.5, id="half an hour less"),
        pytest.param(date(2026, 3, 29), KOLKATA, 24, id="a clock half an hour off"),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(day: date, zone: ZoneInfo, hours: float) -> None:
    span = day_span(day, zone)
    assert span.hours == hours
    assert span.end == day_span(day + timedelta(days=1), zone).start
    cut = buckets(span, Resolution.HOUR, zone)
    assert cut[0].start == span.start
    assert cut[-1].end == span.end
    assert all(one.end == two.start for one, two in pairwise(cut))


def test_the_hours_of_a_day_follow_the_clock_of_the_household() -> None:
    cut = buckets(day_span(date(2026, 3, 29), KOLKATA), Resolution.HOUR, KOLKATA)
    assert len(cut) == 24
    assert cut[0].start == utc(2026, 3, 28, 18, 30)
    assert {bucket.hours for bucket in cut} == {1.0}


def test_an_hour_that_comes_twice_is_two_buckets() -> None:
    assert len(buckets(day_span(date(2026, 10, 25), BERLIN), Resolution.HOUR, BERLIN)) == 25
    assert len(buckets(day_span(date(2026, 3, 29), BERLIN), Resolution.HOUR, BERLIN)) == 23


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.DAY, (2026, 2, 14), (2026, 2, 15)),
        (Period.WEEK, (2026, 2, 9), (2026, 2, 16)),
        (Period.MONTH, (2026, 2, 1), (2026, 3, 1)),
        (Period.YEAR, (2026, 1, 1), (2027, 1, 1)),
    ],
)
def test_a_period_begins_and_ends_at_midnight(
    period: Period, first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    span = period_span(period, date(2026, 2, 14), BERLIN)
    assert span == Span(utc(*first) - HOUR, utc(*last) - HOUR)
    assert previous_span(period, date(2026, 2, 14), BERLIN).end == span.start


def test_a_year_of_days_and_of_months_has_no_gap() -> None:
    year = period_span(Period.YEAR, date(2026, 7, 1), BERLIN)
    for resolution, count in ((Resolution.DAY, 365), (Resolution.MONTH, 12)):
        cut = buckets(year, resolution, BERLIN)
        assert len(cut) == count
        assert sum(bucket.hours for bucket in cut) == 365 * 24


def test_a_span_that_begins_within_a_bucket_has_a_shorter_first_one() -> None:
    span = Span(utc(2026, 2, 10, 12, 20), utc(2026, 2, 12, 9))
    assert [bucket.hours for bucket in buckets(span, Resolution.DAY, BERLIN)] == pytest.approx(
        [10 + 40 / 60, 24, 10]
    )
    assert buckets(Span(span.start, span.start), Resolution.DAY, BERLIN) == []


@pytest.mark.parametrize(
    ("period", "now", "until"),
    [
        pytest.param(Period.DAY, (2026, 3, 30, 10), (2026, 3, 29, 10), id="same time yesterday"),
        pytest.param(
            Period.DAY, (2026, 3, 29, 10), (2026, 3, 28, 11), id="over the change of clocks"
        ),
        pytest.param(Period.WEEK, (2026, 2, 11, 12), (2026, 2, 4, 12), id="same day of the week"),
        pytest.param(
            Period.MONTH, (2026, 5, 15, 12), (2026, 4, 15, 12), id="same day of the month"
        ),
        pytest.param(
            Period.MONTH, (2026, 3, 31, 12), (2026, 2, 28, 23), id="no such day in February"
        ),
        pytest.param(Period.YEAR, (2025, 3, 1, 12), (2024, 3, 1, 12), id="a leap day before it"),
        pytest.param(Period.YEAR, (2024, 2, 29, 12), (2023, 2, 28, 23), id="on a leap day"),
    ],
)
def test_it_is_compared_with_the_same_part_of_the_period_before(
    period: Period, now: tuple[int, ...], until: tuple[int, ...]
) -> None:
    day = utc(*now).astimezone(BERLIN).date()
    whole, before = (cut(period, day, BERLIN) for cut in (period_span, previous_span))
    part = same_part(period, whole, before, utc(*now), BERLIN)
    assert part == Span(before.start, utc(*until))


def test_a_period_that_is_over_is_compared_with_the_whole_one_before() -> None:
    whole, before = (
        cut(Period.MONTH, date(2026, 2, 3), BERLIN) for cut in (period_span, previous_span)
    )
    assert same_part(Period.MONTH, whole, before, utc(2026, 5, 1), BERLIN) == before
