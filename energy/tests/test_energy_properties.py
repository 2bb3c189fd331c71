"""Whatever happens on the way: hours, days and the integral of the samples are the same energy.

Random samples with gaps, duplicates and disorder, processes that die at any point, roll-ups at random
minutes, several plugs, days on which clocks change. The integral is computed here, in fractions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Sum
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from balupi_site.tests.examples import share_of_examples
from energy.models import EnergyHour, PowerSample, SmartPlug
from energy.periods import Period, Resolution, Span, buckets, midnight, period_span
from energy.services import samples, store_samples
from energy.services.rebuilding import hours_of, rebuild_hours
from energy.services.rollup import roll_up_hours
from energy.sums import Piece, piece_sums
from energy.tests.factories import id_of, make_plug, make_reading

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
TOLERANCE_WH = Fraction(1, 1_000_000)
BERLIN = ZoneInfo("Europe/Berlin")
PLUGS = (101, 102, 103)

#: Samples of one plug: (time, power), rising, each time once.
Points = list[tuple[datetime, float]]

DAYS = [
    pytest.param("Europe/Berlin", date(2026, 3, 29), 23, id="Berlin, 23 hours"),
    pytest.param("Europe/Berlin", date(2026, 10, 25), 25, id="Berlin, 25 hours"),
    pytest.param("America/Sao_Paulo", date(2018, 11, 4), 23, id="Sao Paulo, no midnight"),
    pytest.param("America/Sao_Paulo", date(2018, 2, 17), 25, id="Sao Paulo, 23:00 twice"),
    pytest.param("Australia/Lord_Howe", date(2026, 10, 4), 23.5, id="Lord Howe, 23.5 hours"),
    pytest.param("Australia/Lord_Howe", date(2026, 4, 5), 24.5, id="Lord Howe, 24.5 hours"),
    pytest.param("Asia/Kolkata", date(2026, 3, 2), 24, id="Kolkata, half an hour off"),
]


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Waiting:
    """The buffer, as the next process finds it too."""

    lines: list[str] = field(default_factory=list)
    dies_before_forgetting: bool = False

    def take(self) -> list[str]:
        return list(dict.fromkeys(self.lines))

    def forget(self, lines: list[str]) -> None:
        if self.dies_before_forgetting:
            raise Killed
        gone = set(lines)
        self.lines = [line for line in self.lines if line not in gone]


@dataclass(frozen=True)
class Story:
    """What one example is about.

    ``fates`` say what becomes of each process that stores a part of the samples.
    """

    interval_s: int
    points_of: dict[int, Points]
    fates: list[str]
    seed: int


FATES = ["stores", "dies before commit", "dies before forgetting", "rolls up", "heals"]


@st.composite
def stories(draw: st.DrawFn, start: datetime, length: timedelta) -> Story:
    interval_s = draw(st.sampled_from([30, 600, 1800]))
    plugs = draw(st.sampled_from([PLUGS[:1], PLUGS[:2], PLUGS]))
    return Story(
        interval_s=interval_s,
        points_of={plug: draw(points(start, length, interval_s)) for plug in plugs},
        fates=draw(st.lists(st.sampled_from(FATES), min_size=1, max_size=6)),
        seed=draw(st.integers(0, 2**32)),
    )


@st.composite
def points(draw: st.DrawFn, start: datetime, length: timedelta, interval_s: int) -> Points:
    """Return samples about an interval apart, now and then with a gap, within ``length``."""
    at = start + draw(st.timedeltas(timedelta(0), length))
    steps_us = st.one_of(
        st.integers(interval_s * 900_000, interval_s * 1_100_000),
        st.integers(interval_s * 3_400_000, interval_s * 3_600_000),  # about the limit
        st.integers(1, 40_000_000_000),
    )
    found: Points = []
    for step_us in draw(st.lists(steps_us, min_size=1, max_size=25)):
        if at >= start + length:
            break
        found.append((at, draw(st.floats(0, 4000, allow_nan=False))))
        at += MICROSECOND * step_us
    return found


def exact_wh(points: Points, interval_s: int, span: Span | None = None) -> Fraction:
    """Return the integral of the samples' lines, or of their parts within ``span``."""
    total = Fraction(0)
    limit_us = interval_s * 3_500_000
    for (start, start_w), (end, end_w) in pairwise(points):
        length_us = (end - start) // MICROSECOND
        if length_us > limit_us:
            continue
        first_us, last_us = 0, length_us
        if span is not None:
            first_us = max(0, (span.start - start) // MICROSECOND)
            last_us = min(length_us, (span.end - start) // MICROSECOND)
        if first_us < last_us:
            slope = (Fraction(end_w) - Fraction(start_w)) / length_us
            middle_w = Fraction(start_w) + slope * Fraction(first_us + last_us, 2)
            total += middle_w * (last_us - first_us)
    return total / 3_600_000_000


def live_through(story: Story, now: datetime) -> None:
    """Bring all samples into the database, out of order, twice at times, by processes that die."""
    chance = random.Random(story.seed)  # noqa: S311  # repeatable, not secret
    lines = [
        make_reading(plug, at=at, power_w=power_w).to_line()
        for plug, points in story.points_of.items()
        for at, power_w in points
    ]
    if chance.random() < 0.7:
        chance.shuffle(lines)
    share = len(lines) // len(story.fates) + 1
    for number, fate in enumerate(story.fates):
        part = lines[number * share : (number + 1) * share]
        again = chance.choices(lines, k=2) if lines else []
        run(fate, [*part, *again], now, story)
    run("stores", lines[len(story.fates) * share :], now, story)


def run(fate: str, lines: list[str], now: datetime, story: Story) -> None:
    """Let one process store what waits, until it ends as its fate says."""
    waiting = samples.buffer
    assert isinstance(waiting, Waiting)
    waiting.lines += lines
    with mock.patch.object(waiting, "dies_before_forgetting", fate == "dies before forgetting"):
        try:
            if fate == "dies before commit":
                with mock.patch.object(samples, "roll_up", side_effect=Killed):
                    store_samples(now)
            else:
                store_samples(now)
        except Killed:
            pass
    first = min((points[0][0] for points in story.points_of.values() if points), default=now)
    if fate == "rolls up":
        roll_up_hours(first + (now - first) / 3, story.interval_s, since=first)
    if fate == "heals":
        roll_up_hours(now, story.interval_s)


@contextmanager
def household(story: Story) -> Iterator[dict[int, SmartPlug]]:
    """Give the plugs of a story an empty database, which is empty again afterwards."""
    waiting: Any = Waiting()
    with (
        transaction.atomic(),
        override_settings(ENERGY_SAMPLE_INTERVAL_SECONDS=story.interval_s),
        mock.patch.object(samples, "buffer", waiting),
    ):
        yield {number: make_plug(number) for number in story.points_of}
        transaction.set_rollback(True)


@pytest.mark.parametrize(("zone_name", "day", "length_h"), DAYS)
def test_hours_and_days_are_the_integral(zone_name: str, day: date, length_h: float) -> None:
    zone = ZoneInfo(zone_name)
    whole = Span(midnight(day - 2 * DAY, zone), midnight(day + 3 * DAY, zone))
    days = buckets(whole, Resolution.DAY, zone)
    assert [piece.hours for piece in days] == [24, 24, length_h, 24, 24]
    hours = buckets(whole, Resolution.HOUR, zone)
    start = midnight(day, zone) - timedelta(hours=8)

    @share_of_examples(0.15)
    @given(stories(start, timedelta(hours=40)))
    def holds(story: Story) -> None:
        with household(story) as plugs:
            live_through(story, now=whole.end)
            assert not samples.buffer.take()
            plug_ids = [plug.pk for plug in plugs.values()]
            by_day = piece_sums(plug_ids, [Piece(it.start, it.end, n) for n, it in enumerate(days)])
            by_hour = piece_sums(plug_ids, [Piece(it.start, it.end, 0) for it in hours])
            for number, points in story.points_of.items():
                plug, wanted = plugs[number], exact_wh(points, story.interval_s)
                rows = EnergyHour.objects.filter(plug=plug)
                stored = rows.aggregate(wh=Sum("energy_wh"))["wh"] or 0.0
                of_days = [sums.energy_wh for (pk, _n), sums in by_day.items() if pk == plug.pk]
                of_hours = [sums.energy_wh for (pk, _n), sums in by_hour.items() if pk == plug.pk]
                for found in (stored, sum(of_days), sum(of_hours)):
                    assert abs(Fraction(found) - wanted) < TOLERANCE_WH
                if has_whole_hours(days):
                    for n, span in enumerate(days):
                        sums = by_day.get((plug.pk, n))
                        found = sums.energy_wh if sums else 0.0
                        exact = exact_wh(points, story.interval_s, span)
                        assert abs(Fraction(found) - exact) < TOLERANCE_WH

    holds()


def has_whole_hours(days: list[Span]) -> bool:
    """Tell whether these days begin at full hours of UTC; else the hours at their edges are shared."""
    return all(day.start.minute == 0 for day in days)


@share_of_examples(0.1)
@given(story=stories(datetime(2026, 3, 2, 20, tzinfo=UTC), timedelta(hours=30)))
def test_rebuilding_finds_nothing_to_correct(story: Story) -> None:
    """However the samples came, the rows are those of one go over all of them."""
    now = datetime(2026, 3, 5, tzinfo=UTC)
    with household(story) as plugs:
        live_through(story, now)
        plug_ids = [plug.pk for plug in plugs.values()]
        hours = hours_of(Span(datetime(2026, 3, 2, 12, tzinfo=UTC), now))
        assert rebuild_hours(hours, plug_ids, story.interval_s).corrected == 0
        EnergyHour.objects.update(energy_wh=-1)
        wrong = EnergyHour.objects.count()
        assert rebuild_hours(hours, plug_ids, story.interval_s).corrected == wrong


# --- the predecessor's days -------------------------------------------------------------------


def measure(number: int, start: datetime, hours: float, power_w: float = 100) -> SmartPlug:
    """Store and roll up a constant power."""
    plug = make_plug(number)
    waiting = Waiting(
        [
            make_reading(number, at=start + timedelta(seconds=30 * n), power_w=power_w).to_line()
            for n in range(round(hours * 120) + 1)
        ]
    )
    with mock.patch.object(samples, "buffer", waiting):
        store_samples(start + timedelta(hours=hours))
    assert plug.device_id == id_of(number)
    return plug


def wh_of(plug: SmartPlug, span: Span) -> float:
    [sums] = piece_sums([plug.pk], [Piece(span.start, span.end, 0)]).values()
    return sums.energy_wh


def test_a_day_of_100_w_is_2400_wh() -> None:
    """Predecessor 17: 2,208 Wh, as each hour had lost its last five minutes."""
    day = period_span(Period.DAY, date(2026, 3, 3), BERLIN)
    plug = measure(101, day.start - timedelta(hours=1), 26)
    assert wh_of(plug, day) == pytest.approx(2400, abs=1e-6)


def test_a_day_with_a_gap_of_half_an_hour_lacks_it_and_says_so() -> None:
    """Predecessor 21: energy was the number of samples times 30 s, and nothing told of the gap."""
    day = period_span(Period.DAY, date(2026, 3, 3), BERLIN)
    plug = measure(101, day.start, 24)
    PowerSample.objects.filter(
        at__gt=day.start + timedelta(hours=5), at__lt=day.start + timedelta(hours=5.5)
    ).delete()
    rebuild_hours(hours_of(day), [plug.pk], 30)
    [sums] = piece_sums([plug.pk], [Piece(day.start, day.end, 0)]).values()
    assert sums.energy_wh == pytest.approx(2350, abs=1e-6)
    assert sums.covered_h == pytest.approx(23.5)


def test_yesterday_is_whole_at_two_in_the_morning() -> None:
    """Predecessor 19 and 20: no row after a missed 00:05; days in UTC, so the newest was older."""
    day = period_span(Period.DAY, date(2026, 7, 3), BERLIN)
    plug = measure(101, day.start, 26)  # until 02:00 local time, when it is midnight in UTC
    assert wh_of(plug, day) == pytest.approx(2400, abs=1e-6)


def test_a_month_holds_today_and_a_day_is_no_longer_than_it_is() -> None:
    """Predecessor 24: a day was 24 or 25 buckets with a partial one, a month had no today."""
    today = period_span(Period.DAY, date(2026, 3, 3), BERLIN)
    plug = measure(101, today.start - timedelta(hours=48), 60)
    month = period_span(Period.MONTH, date(2026, 3, 3), BERLIN)
    assert wh_of(plug, today) == pytest.approx(1200, abs=1e-6)
    assert wh_of(plug, month) == pytest.approx(6000, abs=1e-6)
    assert len(buckets(today, Resolution.HOUR, BERLIN)) == 24
