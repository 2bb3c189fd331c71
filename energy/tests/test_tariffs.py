"""The rules of tariffs: which price when, on odd days too, base fees, and sums to the cent."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.periods import Span
from energy.tariffs import (
    Price,
    TariffRule,
    ZoneRule,
    as_shown,
    base_fee,
    cost,
    overlapping,
    overlapping_zones,
    price_changes,
    priced_spans,
)

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
FALLBACK = Price(Decimal("0.32"), None, "default", "")
EVERY_DAY = frozenset(range(7))
HOUR = timedelta(hours=1)


def zone_rule(start: str, end: str, days: Iterable[int] = EVERY_DAY, name: str = "NT") -> ZoneRule:
    from_to = time.fromisoformat(start), time.fromisoformat(end)
    return ZoneRule(name, frozenset(days), *from_to, Decimal("0.20"))


def tariff(
    *zones: ZoneRule,
    valid: tuple[str | None, str | None] = (None, None),
    number: int = 1,
    price: str = "0.30",
    fee: str = "0",
) -> TariffRule:
    valid_from, valid_to = (date.fromisoformat(day) if day else None for day in valid)
    return TariffRule(
        tariff_id=number,
        name=f"T{number}",
        price_per_kwh=Decimal(price),
        base_fee_per_month=Decimal(fee),
        currency="EUR",
        valid_from=valid_from,
        valid_to=valid_to,
        zones=zones,
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


def shown(found: list[Any]) -> list[tuple[str, str]]:
    """Return starts in UTC with the zone's name."""
    return [
        (f"{each.span.start:%d %H:%M}", each.price.zone_name or each.price.tariff_name)
        for each in found
    ]


NIGHT = zone_rule("22:00", "06:00")


@pytest.mark.parametrize(
    ("within", "zones", "zone", "expected"),
    [
        pytest.param(
            span("2026-06-01", "2026-06-02"),
            [NIGHT],
            BERLIN,
            [("01 00:00", "NT"), ("01 04:00", "T1"), ("01 20:00", "NT")],
            id="a night reaches into the morning",
        ),
        pytest.param(
            span("2026-03-28T23:00", "2026-03-29T22:00"),
            [zone_rule("01:30", "03:30")],
            BERLIN,
            [("28 23:00", "T1"), ("29 00:30", "NT"), ("29 01:30", "T1")],
            id="the skipped hour costs nothing: 01:30 to 03:30 is one hour",
        ),
        pytest.param(
            span("2026-03-28T23:00", "2026-03-29T22:00"),
            [zone_rule("02:00", "03:00")],
            BERLIN,
            [("28 23:00", "T1")],
            id="a zone within the skipped hour does not occur",
        ),
        pytest.param(
            span("2026-10-24T22:00", "2026-10-25T23:00"),
            [zone_rule("02:00", "03:00")],
            BERLIN,
            [("24 22:00", "T1"), ("25 00:00", "NT"), ("25 02:00", "T1")],
            id="a zone within the repeated hour lasts two hours",
        ),
        pytest.param(
            span("2026-10-24T22:00", "2026-10-25T23:00"),
            [zone_rule("02:30", "06:00")],
            BERLIN,
            [
                ("24 22:00", "T1"),
                ("25 00:30", "NT"),
                ("25 01:00", "T1"),
                ("25 01:30", "NT"),
                ("25 05:00", "T1"),
            ],
            id="what the clock shows twice is priced twice by the clock",
        ),
        pytest.param(
            span("2026-06-01", "2026-06-02"),
            [zone_rule("12:30", "13:30")],
            BERLIN,
            [("01 00:00", "T1"), ("01 10:30", "NT"), ("01 11:30", "T1")],
            id="a zone at half past",
        ),
        pytest.param(
            span("2026-06-01", "2026-06-02"),
            [NIGHT],
            KOLKATA,
            [("01 00:00", "NT"), ("01 00:30", "T1"), ("01 16:30", "NT")],
            id="a time zone that is half an hour off",
        ),
        pytest.param(
            span("2026-06-07T18:00", "2026-06-08T06:00"),
            [zone_rule("22:00", "06:00", [6])],
            BERLIN,
            [("07 18:00", "T1"), ("07 20:00", "NT"), ("08 04:00", "T1")],
            id="Sunday's night reaches into Monday",
        ),
        pytest.param(
            span("2026-06-05T12:00", "2026-06-08T12:00"),
            [zone_rule("00:00", "00:00", [5, 6], "weekend")],
            BERLIN,
            [("05 12:00", "T1"), ("05 22:00", "weekend"), ("07 22:00", "T1")],
            id="equal times are 24 hours, and two days of them one stretch",
        ),
        pytest.param(
            span("2026-06-01T00:10", "2026-06-01T00:20"),
            [NIGHT],
            BERLIN,
            [("01 00:10", "NT")],
            id="a span within a zone",
        ),
        pytest.param(span("2026-06-01", "2026-06-01"), [NIGHT], BERLIN, [], id="an empty span"),
    ],
)
def test_zones_follow_the_wall_clock(
    within: Span, zones: list[ZoneRule], zone: ZoneInfo, expected: list[tuple[str, str]]
) -> None:
    assert shown(priced_spans(within, [tariff(*zones)], zone, FALLBACK)) == expected


def test_each_time_has_the_price_that_was_valid_then_and_not_the_newest() -> None:
    """PREDECESSOR 22."""
    old = tariff(valid=(None, "2026-03-01"), number=1)
    new = tariff(valid=("2026-05-01", None), number=2)
    found = priced_spans(span("2026-02-01", "2026-06-01"), [new, old], BERLIN, FALLBACK)
    assert [(each.span, each.price.tariff_name) for each in found] == [
        (span("2026-02-01", "2026-02-28T23:00"), "T1"),
        (span("2026-02-28T23:00", "2026-04-30T22:00"), "default"),
        (span("2026-04-30T22:00", "2026-06-01"), "T2"),
    ]


def wall_price(at: datetime, zones: tuple[ZoneRule, ...], zone: ZoneInfo) -> str:
    """Return the zone's name at an instant, the slow way."""
    wall = at.astimezone(zone)
    for each in zones:
        overnight = each.end <= each.start
        today = wall.weekday() in each.weekdays and each.start <= wall.time()
        if today and (overnight or wall.time() < each.end):
            return each.name
        yesterday = (wall.weekday() - 1) % 7 in each.weekdays
        if overnight and yesterday and wall.time() < each.end:
            return each.name
    return ""


ZONES = [BERLIN, KOLKATA, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Australia/Lord_Howe")]


@given(
    zone=st.sampled_from(ZONES),
    start_h=st.integers(0, 4 * 366 * 24),
    quarters=st.integers(1, 4 * 24 * 20),
    times=st.lists(st.integers(0, 95), min_size=2, max_size=6, unique=True),
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_spans_cover_exactly_and_agree_with_the_clock(
    zone: ZoneInfo, start_h: int, quarters: int, times: list[int], days: set[int]
) -> None:
    marks = [time(each // 4, each % 4 * 15) for each in sorted(times)]
    zones = tuple(
        ZoneRule(f"Z{index}", frozenset(days), one, other, Decimal(index))
        for index, (one, other) in enumerate(zip(marks[::2], marks[1::2], strict=False))
    )
    first = datetime(2016, 1, 1, tzinfo=UTC) + start_h * HOUR
    within = Span(first, first + quarters * timedelta(minutes=15))
    found = priced_spans(within, [tariff(*zones)], zone, FALLBACK)
    assert (found[0].span.start, found[-1].span.end) == (within.start, within.end)
    for one, other in pairwise(found):
        assert one.span.end == other.span.start
        assert one.price != other.price
    for each in found:
        at = each.span.start
        while at < each.span.end:
            assert each.price.zone_name == wall_price(at, zones, zone)
            at += timedelta(minutes=15)


def test_ten_years_of_nights_are_quick() -> None:
    within = span("2020-01-01", "2030-01-01")
    priced_spans(within, [tariff(NIGHT)], BERLIN, FALLBACK)  # knows the clock's jumps from now on
    began = clock.process_time()
    found = priced_spans(within, [tariff(NIGHT)], BERLIN, FALLBACK)
    assert len(found) == 2 * (365 * 10 + 3) + 1
    assert clock.process_time() - began < 1  # 15 ms


@pytest.mark.parametrize(
    ("within", "valid", "expected"),
    [
        pytest.param(
            span("2026-02-28T23:00", "2026-03-31T22:00"), (None, None), "12.00", id="a month"
        ),
        pytest.param(
            span("2025-12-31T23:00", "2026-12-31T23:00"), (None, None), "144.00", id="a year"
        ),
        pytest.param(
            span("2026-03-28T23:00", "2026-03-29T22:00"),
            (None, None),
            f"{12 * 23 / 743:.2f}",
            id="23 of March's 743 hours",
        ),
        pytest.param(
            span("2026-05-31T22:00", "2026-06-30T22:00"),
            ("2026-06-16", None),
            "6.00",
            id="half of June, as it begins then",
        ),
        pytest.param(span("2026-06-01", "2026-06-01"), (None, None), "0.00", id="an empty span"),
    ],
)
def test_base_fees_are_in_proportion_to_time(
    within: Span, valid: tuple[str | None, str | None], expected: str
) -> None:
    fee = base_fee(within, [tariff(valid=valid, fee="12.00")], BERLIN)
    assert as_shown([fee]) == [Decimal(expected)]


@given(cuts=st.lists(st.integers(1, 365 * 24 * 60 - 1), unique=True, max_size=8))
def test_base_fees_of_parts_add_up(cuts: list[int]) -> None:
    whole = span("2026-01-01", "2027-01-01")
    tariffs = [
        tariff(valid=(None, "2026-04-13"), fee="9.95"),
        tariff(valid=("2026-05-02", None), number=2, fee="11.11"),
    ]
    edges = [
        whole.start,
        *(whole.start + timedelta(minutes=cut) for cut in sorted(cuts)),
        whole.end,
    ]
    parts = [base_fee(Span(*pair), tariffs, BERLIN) for pair in pairwise(edges)]
    assert abs(sum(parts) - base_fee(whole, tariffs, BERLIN)) < Decimal("1e-20")


def test_costs_are_exact() -> None:
    assert cost(1234.5678901, Decimal("0.3195")) == Decimal("0.3944444408550")
    assert cost(0.1, Decimal("0.3")) * 10 == cost(1, Decimal("0.3")) == Decimal("0.0003")


@given(st.lists(st.decimals(0, 1000, places=9), max_size=40))
def test_parts_add_up_to_the_whole_to_the_cent(parts: list[Decimal]) -> None:
    found = as_shown(parts)
    whole = sum(parts, Decimal(0))
    assert sum(found) == as_shown([whole])[0]
    assert abs(sum(found) - whole) <= Decimal("0.005")
    for part, each in zip(parts, found, strict=True):
        assert each >= 0
        assert abs(part - each) <= Decimal("0.015")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(["1.004", "5.004", "2.004"], ["1.00", "5.01", "2.00"], id="to the largest"),
        pytest.param(["0.005", "0.005"], ["0.00", "0.01"], id="one less"),
        pytest.param(["0.006"] * 5, ["0.00", "0.00", "0.01", "0.01", "0.01"], id="never below 0"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_what_rounding_leaves_over_goes_to_the_largest(
    parts: list[str], expected: list[str]
) -> None:
    assert as_shown([Decimal(part) for part in parts]) == [Decimal(each) for each in expected]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param((None, None), (None, None), True, id="both for ever"),
        pytest.param((None, "2026-03-01"), ("2026-03-01", None), False, id="one after the other"),
        pytest.param((None, "2026-03-02"), ("2026-03-01", None), True, id="one day of both"),
        pytest.param(("2026-01-01", "2026-02-01"), ("2025-01-01", "2027-01-01"), True, id="within"),
        pytest.param(("2026-01-01", "2026-02-01"), ("2027-01-01", None), False, id="apart"),
    ],
)
def test_validities_overlap_where_a_day_has_both(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], expected: bool
) -> None:
    first, second = tariff(valid=one), tariff(valid=other, number=2)
    assert overlapping(first, [second]) == (second if expected else None)
    assert overlapping(second, [first]) == (first if expected else None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(("22:00", "06:00", [0]), ("05:00", "07:00", [1]), True, id="over midnight"),
        pytest.param(("22:00", "06:00", [0]), ("05:00", "07:00", [0]), False, id="other morning"),
        pytest.param(("22:00", "06:00", [6]), ("05:00", "07:00", [0]), True, id="Sunday to Monday"),
        pytest.param(("22:00", "06:00", [6]), ("06:00", "07:00", [0]), False, id="adjacent"),
        pytest.param(("00:00", "00:00", [6]), ("23:00", "23:30", [6]), True, id="24 hours"),
        pytest.param(("00:00", "00:00", [6]), ("00:00", "00:00", [0]), False, id="day after day"),
        pytest.param(("10:00", "12:00", [3]), ("11:00", "13:00", [3]), True, id="plainly"),
    ],
)
def test_zones_overlap_where_a_minute_has_both(
    one: tuple[str, str, list[int]], other: tuple[str, str, list[int]], expected: bool
) -> None:
    pair = [zone_rule(*one), zone_rule(*other)]
    assert (overlapping_zones(pair) is not None) is expected
    assert (overlapping_zones(pair[::-1]) is not None) is expected


def test_only_what_becomes_cheaper_or_dearer_is_a_change() -> None:
    within = span("2026-06-01T18:00", "2026-06-02T18:00")
    before = priced_spans(within, [tariff(NIGHT)], BERLIN, FALLBACK)
    after = priced_spans(within, [tariff(number=2)], BERLIN, FALLBACK)
    found = price_changes(before, after)
    assert [each.span for each in found] == [span("2026-06-01T20:00", "2026-06-02T04:00")]
    assert (found[0].before.zone_name, found[0].after.tariff_name) == ("NT", "T2")
    everything = price_changes(before, after, also_equal=True)
    assert sum((each.span.end - each.span.start for each in everything), timedelta()) == 24 * HOUR
