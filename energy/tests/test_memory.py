"""What a plug remembers: whose figure an hour gets, and which hours its answer tells of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balupi_site.tests.examples import share_of_examples
from energy.memory import (
    HourEntry,
    NoMemory,
    Remembered,
    Wanted,
    clock_zone,
    memory_span,
    merged,
    remembered,
    remembered_wh,
)
from energy.metering import HOUR, HourFigure

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")  # 5:30 ahead
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # summer time is half an hour
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
EST = timezone(timedelta(hours=-5))
MINUTE = timedelta(minutes=1)


def measured(energy_wh: float, coverage: float) -> HourFigure:
    return HourFigure(NOON, energy_wh, 1.0, energy_wh / coverage, 99.0, coverage)


# --- whose figure an hour gets ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "plug_wh", "energy_wh", "source"),
    [
        pytest.param(None, 41.0, 41.0, "plug", id="only the plug knows"),
        pytest.param(measured(60, 1.0), 75.0, 60.0, "measured", id="a full hour stays"),
        pytest.param(measured(60, 0.98), 75.0, 60.0, "measured", id="complete from 0.98 on"),
        pytest.param(measured(30, 0.979), 61.0, 61.0, "mixed", id="measured in part, plug more"),
        pytest.param(measured(30, 0.5), 30.0, 30.0, "measured", id="the plug tells the same"),
        pytest.param(measured(30, 0.5), 29.0, 30.0, "measured", id="rounded down by the plug"),
        pytest.param(measured(30, 0.5), None, 30.0, "measured", id="the plug does not know"),
    ],
)
def test_an_hour_gets_the_better_figure(
    figure: HourFigure | None, plug_wh: float | None, energy_wh: float, source: str
) -> None:
    entry = merged(figure, plug_wh)
    assert entry is not None
    assert (entry.energy_wh, entry.source) == (energy_wh, source)
    if figure is None:
        assert entry == HourEntry(energy_wh, None, None, None, 0.0, "plug")
    else:
        powers_w = (entry.power_min_w, entry.power_avg_w, entry.power_max_w)
        assert powers_w == (figure.power_min_w, figure.power_avg_w, figure.power_max_w)
        assert entry.coverage == figure.coverage


def test_of_an_hour_that_nobody_knows_there_is_no_entry() -> None:
    assert merged(None, None) is None


@pytest.mark.parametrize(
    ("source", "expected"), [("measured", None), ("plug", 41.0), ("mixed", 41.0)]
)
def test_a_row_holds_the_plugs_value_where_it_is_not_only_measured(
    source: str, expected: float | None
) -> None:
    assert remembered_wh(source, 41.0) == expected


@given(
    plug_wh=st.integers(1, 4000),
    late=st.floats(0.01, 1.0),
    early=st.floats(0.01, 1.0),
    power_w=st.floats(0.0, 3680.0),
)
def test_samples_and_the_plug_may_come_in_any_order(
    plug_wh: int, late: float, early: float, power_w: float
) -> None:
    few, more = (measured(power_w * part, part) for part in sorted((early, late)))
    first = merged(few, plug_wh)
    assert first is not None
    kept_wh = remembered_wh(first.source, first.energy_wh)
    assert merged(more, kept_wh) == merged(more, plug_wh)


# --- whose clock it is ------------------------------------------------------------------------


def wanted(*hours: datetime, household: ZoneInfo = BERLIN, now: datetime = NOON) -> Wanted:
    return Wanted(hours, household, now)


@pytest.mark.parametrize(
    ("shown", "zone"),
    [
        pytest.param("2026-03-02 13:00:00", BERLIN, id="the household's time"),
        pytest.param("2026-03-02 13:04:59", BERLIN, id="a little fast"),
        pytest.param("2026-03-02 12:55:01", BERLIN, id="a little slow"),
        pytest.param("2026-03-02 12:00:00", timezone(timedelta(0)), id="never set up: UTC"),
        pytest.param("2026-03-02 17:30:00", timezone(timedelta(hours=5.5)), id="another country"),
        pytest.param("2026-03-03 02:00:00", timezone(timedelta(hours=14)), id="far in the east"),
        pytest.param("2026-03-02 00:00:00", timezone(timedelta(hours=-12)), id="far in the west"),
        pytest.param("2026-03-02 13:05:01", None, id="more than 5 minutes fast"),
        pytest.param("2026-03-02 13:22:00", None, id="between two quarters"),
        pytest.param("2026-03-03 13:00:00", None, id="a day fast"),
        pytest.param("2026-03-01 12:00:00", None, id="a day slow"),
        pytest.param("2000-01-02 01:24:58", None, id="never set"),
        pytest.param("", None, id="it did not say"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param(5, None, id="a number"),
    ],
)
def test_the_zone_of_a_plugs_clock(shown: object, zone: tzinfo | None) -> None:
    assert clock_zone(shown, "", wanted()) == zone


@pytest.mark.parametrize(
    ("shown", "region", "zone"),
    [
        pytest.param("2026-03-02 07:00:00", "America/New_York", NEW_YORK, id="its own region"),
        pytest.param("2026-03-02 13:00:00", "Africa/Lagos", BERLIN, id="the household's first"),
        pytest.param("2026-03-02 07:00:00", "Asia/Tokyo", EST, id="not its region's time"),
        pytest.param("2026-03-02 07:00:00", "Atlantis", EST, id="no such region"),
        pytest.param("2026-03-02 07:00:00", "America", EST, id="a folder"),
        pytest.param("2026-03-02 07:00:00", "../etc/passwd", EST, id="a path"),
        pytest.param("2026-03-02 07:00:00", "\0", EST, id="nothing readable"),
    ],
)
def test_a_plug_abroad_follows_the_summer_time_of_its_region(
    shown: str, region: str, zone: tzinfo
) -> None:
    assert clock_zone(shown, region, wanted()) == zone


# --- which hours an answer tells of -----------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "zone", "days", "start", "end"),
    [
        pytest.param(NOON, NOON, BERLIN, 1, "2026-03-01T23:00", "2026-03-02T22:59:59", id="a day"),
        pytest.param(
            datetime(2026, 3, 27, 22, tzinfo=UTC),
            datetime(2026, 3, 29, 21, tzinfo=UTC),
            BERLIN,
            3,
            "2026-03-26T23:00",
            "2026-03-29T21:59:59",
            id="summer time begins",
        ),
        pytest.param(
            datetime(2026, 2, 20, 12, tzinfo=UTC),
            NOON,
            BERLIN,
            8,
            "2026-02-22T23:00",
            "2026-03-02T22:59:59",
            id="never more than eight days",
        ),
        pytest.param(
            datetime(2026, 3, 2, 18, tzinfo=UTC),
            datetime(2026, 3, 2, 18, tzinfo=UTC),
            KOLKATA,
            2,
            "2026-03-01T18:30",
            "2026-03-03T18:29:59",
            id="an hour across the plug's midnight",
        ),
    ],
)
def test_whole_days_of_the_plugs_clock_are_asked_for(
    first: datetime, last: datetime, zone: tzinfo, days: int, start: str, end: str
) -> None:
    span = memory_span([first, last], zone)
    edges = [datetime.fromisoformat(edge).replace(tzinfo=UTC).timestamp() for edge in (start, end)]
    assert (span.days, [span.start_s, span.end_s]) == (days, edges)
    assert span.first_day == datetime.fromtimestamp(span.start_s, zone).date()


def told(
    data: Any, *hours: datetime, zone: ZoneInfo = BERLIN, now: datetime = NOON + 30 * HOUR
) -> dict[datetime, float]:
    result = remembered({"data": data}, memory_span(hours, zone), zone, wanted(*hours, now=now))
    assert isinstance(result, Remembered)
    return dict(result.energies_wh)


def day(**energies_wh: float) -> list[float]:
    """Return 24 entries: ``h13=5`` is 5 Wh from 13:00 on the wall clock."""
    return [energies_wh.get(f"h{hour}", 0) for hour in range(24)]


def test_an_hour_gets_the_entry_of_its_wall_clock() -> None:
    assert told(day(h12=1, h13=2, h14=3), NOON) == {NOON: 2.0}


def test_0_is_not_known() -> None:
    assert told(day(h13=0, h14=3), NOON, NOON + HOUR) == {NOON + HOUR: 3.0}


@pytest.mark.parametrize("value", [-1, None, True, "5", [5], 5001, 1e300, float("nan")])
def test_an_entry_that_is_no_energy_of_an_hour_is_not_known(value: Any) -> None:
    assert told(day(h13=value, h14=3), NOON, NOON + HOUR) == {NOON + HOUR: 3.0}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(-1002, id="unknown method"),
        pytest.param(-1008, id="bad parameters"),
        pytest.param({}, id="nothing"),
        pytest.param({"data": None}, id="no list"),
        pytest.param({"data": [1] * 23}, id="an hour missing"),
        pytest.param({"data": [1] * 48}, id="a day too many"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_refusal(answer: Any) -> None:
    span = memory_span([NOON], BERLIN)
    assert remembered(answer, span, BERLIN, wanted(NOON)) is NoMemory.REFUSED


@pytest.mark.parametrize(
    ("now", "known"),
    [
        pytest.param(NOON, [], id="to come"),
        pytest.param(NOON + 30 * MINUTE, [], id="present"),
        pytest.param(NOON + 64 * MINUTE, [], id="by a slow clock still present"),
        pytest.param(NOON + 65 * MINUTE, [NOON], id="over"),
    ],
)
def test_only_hours_that_are_over_are_told_of(now: datetime, known: list[datetime]) -> None:
    span = memory_span([NOON], BERLIN)
    result = remembered({"data": [5] * 24}, span, BERLIN, wanted(NOON, now=now))
    assert isinstance(result, Remembered)
    assert list(result.energies_wh) == known
    assert result.read_until == (NOON + HOUR if known else None)


def test_what_the_plug_does_not_know_is_dealt_with_too() -> None:
    span = memory_span([NOON, NOON + HOUR], BERLIN)
    late = wanted(NOON, NOON + HOUR, now=NOON + 3 * HOUR)
    result = remembered({"data": [0] * 24}, span, BERLIN, late)
    assert result == Remembered({}, NOON + 2 * HOUR)


def test_half_an_hour_off_an_hour_takes_its_share_of_two() -> None:
    # 12:00 to 13:00 UTC is 17:30 to 18:30 there.
    assert told(day(h17=10, h18=30), NOON, zone=KOLKATA) == {NOON: 20.0}


@pytest.mark.parametrize("data", [day(h17=10), day(h18=30)])
def test_half_an_hour_off_both_hours_must_be_known(data: list[float]) -> None:
    assert told(data, NOON, zone=KOLKATA) == {}


@pytest.mark.parametrize(
    ("minutes", "is_known"), [(94, False), (95, True)], ids=["still running", "over"]
)
def test_half_an_hour_off_both_hours_must_be_over(minutes: int, *, is_known: bool) -> None:
    known = told(day(h17=10, h18=30), NOON, zone=KOLKATA, now=NOON + minutes * MINUTE)
    assert bool(known) is is_known


def whole_day(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the UTC hours that begin within a local day."""
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    count = -((start - end) // HOUR)
    return [start.replace(minute=0) + HOUR * step for step in range(count)]


@pytest.mark.parametrize(
    ("local_day", "zone", "left_alone"),
    [
        # In autumn 02:00 comes twice and the entry holds both; in spring it is skipped.
        pytest.param(date(2026, 10, 25), BERLIN, ["00:00", "01:00"], id="25 hours"),
        pytest.param(date(2026, 3, 29), BERLIN, [], id="23 hours"),
        pytest.param(date(2026, 3, 28), BERLIN, [], id="24 hours"),
    ],
)
def test_hours_that_the_clock_repeats_or_skips_are_left_alone(
    local_day: date, zone: ZoneInfo, left_alone: list[str]
) -> None:
    hours = whole_day(local_day, zone)
    data = list(range(1, 25))
    known = told(data, *hours, zone=zone, now=hours[-1] + 3 * HOUR)
    assert [f"{hour:%H:%M}" for hour in hours if hour not in known] == left_alone
    assert all(known[hour] == hour.astimezone(zone).hour + 1 for hour in known)


def test_a_change_of_half_an_hour_leaves_only_its_own_hours_alone() -> None:
    # From 02:00 (+11:00) back to 01:30 (+10:30) on 5 April 2026, at 15:00 UTC.
    hours = [datetime(2026, 4, 4, 11, tzinfo=UTC) + HOUR * step for step in range(9)]
    span = memory_span(hours, LORD_HOWE)
    late = wanted(*hours, now=hours[-1] + 4 * HOUR)
    result = remembered({"data": [8] * 24 * span.days}, span, LORD_HOWE, late)
    assert isinstance(result, Remembered)
    unknown = [f"{hour:%H}" for hour in hours if hour not in result.energies_wh]
    assert unknown == ["14", "15"]


@share_of_examples(0.25)
@given(
    data=st.lists(st.integers(1, 3000), min_size=8 * 24, max_size=8 * 24),
    zone=st.sampled_from([BERLIN, KOLKATA, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")]),
)
def test_without_a_change_of_the_clock_no_energy_is_lost_or_invented(
    data: list[int], zone: ZoneInfo
) -> None:
    last = datetime(2026, 1, 15, 23, tzinfo=zone).astimezone(UTC).replace(minute=0)
    hours = [last - HOUR * step for step in range(7 * 24, -1, -1)]
    span = memory_span(hours, zone)
    late = wanted(*hours, now=last + 3 * HOUR)
    result = remembered({"data": data[: 24 * span.days]}, span, zone, late)
    assert isinstance(result, Remembered)
    first_s, end_s = hours[0].timestamp(), (last + HOUR).timestamp()
    expected_wh = 0.0
    for index, energy_wh in enumerate(data[: 24 * span.days]):
        slot_s = span.start_s + 3600 * index
        inside_s = min(slot_s + 3600, end_s) - max(slot_s, first_s)
        expected_wh += energy_wh * max(inside_s, 0) / 3600
    assert sum(result.energies_wh.values()) == pytest.approx(expected_wh, abs=1e-6)
