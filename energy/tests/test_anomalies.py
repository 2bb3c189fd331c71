"""Rules of anomalies: a plug that is lost, and power that is far above the usual."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from energy.anomalies import UNTOLD, Verdict, plug_lost, unusual_power
from energy.metering import HOUR, Sample, hour_figures
from energy.periods import Span
from simhome.loads import ConstantLoad, FreezerLoad, Load
from simhome.nas_power import Activity, drawn_power_w
from simhome.nas_stages import Draw

#: The hour that is judged.
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class NasLoad:
    """A NAS that is never sent to sleep, at a multiple of its load."""

    def __init__(self, factor: float = 1.0) -> None:
        self._factor = factor

    def power_w(self, at: datetime) -> float:
        return self._factor * drawn_power_w(Draw.RUNNING, Activity.AUTO, at, seed=7)


def means_of(load: Load, start: datetime, hours: int) -> dict[datetime, float]:
    """Return the hourly means of a load, metered as the product does."""
    samples = (
        Sample(start + MINUTE * step, load.power_w(start + MINUTE * step))
        for step in range(hours * 60 + 1)
    )
    figures = hour_figures(samples, interval_s=60)
    return {figure.hour: figure.power_avg_w for figure in figures if figure.coverage == 1}


@cache
def freezer(seed: int, days: int = 35) -> Mapping[datetime, float]:
    return means_of(FreezerLoad(seed), NOW - DAY * days, days * 24)


def constant(power_w: float, start: datetime, end: datetime) -> dict[datetime, float]:
    return {start + HOUR * step: power_w for step in range((end - start) // HOUR)}


USUAL = constant(20.0, NOW - 28 * DAY, NOW)


@pytest.mark.parametrize(
    ("is_lost", "lost_s", "verdict"),
    [
        pytest.param(False, 3600, False, id="answers"),
        pytest.param(True, 599, None, id="away for a moment"),
        pytest.param(True, 600, True, id="away for ten minutes"),
        pytest.param(True, 86_400, True, id="away for a day"),
        pytest.param(True, None, None, id="nobody knows since when"),
        pytest.param(True, -3600, None, id="since a moment of the future"),
    ],
)
def test_a_plug_is_lost_after_ten_minutes(
    lost_s: float | None, verdict: bool | None, *, is_lost: bool
) -> None:
    since = None if lost_s is None else NOW - timedelta(seconds=lost_s)
    found = plug_lost(is_lost=is_lost, since=since, now=NOW)
    assert found.is_wrong is verdict
    assert found.since == (None if verdict is None else since)


@pytest.mark.parametrize(
    ("usual_w", "power_w", "is_wrong"),
    [
        pytest.param(20, 30, False, id="1.5 times exactly, 10 W more exactly"),
        pytest.param(20, 30.1, True, id="above both"),
        pytest.param(4, 13.9, False, id="three times, but less than 10 W more"),
        pytest.param(4, 14.1, True, id="little, and 10 W more"),
        pytest.param(100, 149, False, id="49 W more, but not 1.5 times"),
        pytest.param(100, 151, True, id="much, and 1.5 times"),
        pytest.param(0, 10, False, id="nothing before, 10 W"),
        pytest.param(0, 11, True, id="nothing before, 11 W"),
        pytest.param(20, 0, False, id="less than usual"),
    ],
)
def test_far_above_the_usual_is_half_more_and_10_w_more(
    usual_w: float, power_w: float, *, is_wrong: bool
) -> None:
    means = {**constant(usual_w, NOW - 28 * DAY, NOW), NOW: power_w}
    assert unusual_power(means, [], NOW).is_wrong is is_wrong


def test_the_highest_hour_is_the_measure_not_the_mean() -> None:
    means = {**USUAL, NOW - 5 * DAY: 60.0, NOW: 80.0}
    assert unusual_power(means, [], NOW).is_wrong is False


def test_it_says_since_when_and_by_how_much() -> None:
    means = {**USUAL, NOW - 3 * DAY: 22.04, **constant(70.0, NOW - 2 * HOUR, NOW), NOW: 80.04}
    assert unusual_power(means, [], NOW) == Verdict(
        is_wrong=True,
        since=NOW - 2 * HOUR,
        facts={"mean_w": 80.0, "usual_max_w": 22.0, "hour": "2026-03-02T12:00:00+00:00"},
    )


def test_a_usual_hour_ends_it_at_its_beginning() -> None:
    means = {**USUAL, NOW - HOUR: 70.0, NOW: 20.0}
    assert unusual_power(means, [], NOW) == Verdict(is_wrong=False, since=NOW)


def test_an_hour_that_was_not_measured_tells_nothing() -> None:
    assert unusual_power(USUAL, [], NOW) == UNTOLD


@pytest.mark.parametrize(("hours", "is_wrong"), [(71, False), (72, True)])
def test_72_hours_must_be_known(hours: int, *, is_wrong: bool) -> None:
    means = {NOW - DAY - HOUR * step: 20.0 for step in range(1, hours + 1)}
    assert unusual_power({**means, NOW: 200.0}, [], NOW).is_wrong is is_wrong


def test_what_is_older_than_28_days_does_not_count() -> None:
    means = {**USUAL, NOW: 70.0}
    assert unusual_power({**means, NOW - 28 * DAY: 70.0}, [], NOW).is_wrong is False
    assert unusual_power({**means, NOW - 28 * DAY - HOUR: 70.0}, [], NOW).is_wrong is True


def test_hours_that_were_stored_late_all_at_once_are_found_from_the_first() -> None:
    means = {**USUAL, **constant(70.0, NOW - 9 * HOUR, NOW + HOUR)}
    found = unusual_power(means, [], NOW)
    assert (found.is_wrong, found.since) == (True, NOW - 9 * HOUR)


def test_it_does_not_begin_within_one_that_has_ended() -> None:
    means = {**USUAL, **constant(70.0, NOW - 9 * HOUR, NOW + HOUR)}
    found = unusual_power(means, [Span(NOW - 9 * HOUR, NOW - 4 * HOUR)], NOW)
    assert found.since == NOW - 4 * HOUR


@pytest.mark.parametrize("seed", range(6))
def test_a_normal_freezer_is_never_unusual(seed: int) -> None:
    means = freezer(seed)
    judged = [unusual_power(means, [], hour) for hour in sorted(means)]
    assert {verdict.is_wrong for verdict in judged} == {False}
    assert len(judged) == 35 * 24


@pytest.mark.parametrize("seed", range(6))
def test_a_compressor_that_runs_through_is_unusual(seed: int) -> None:
    runs_through = means_of(ConstantLoad(FreezerLoad.LAST_MINUTE_W), NOW, 1)
    found = unusual_power({**freezer(seed), **runs_through}, [], NOW)
    assert (found.is_wrong, found.since) == (True, NOW)
    assert found.facts["mean_w"] == 42.0
    assert 10 < found.facts["usual_max_w"] < 20


def test_a_compressor_that_runs_through_is_unusual_after_four_days_already() -> None:
    four_days = {hour: mean for hour, mean in freezer(1).items() if hour >= NOW - 4 * DAY}
    assert unusual_power({**four_days, NOW: 44.0}, [], NOW).is_wrong is True


def test_a_nas_at_double_load_is_unusual_and_one_at_its_own_never() -> None:
    means = means_of(NasLoad(), NOW - 14 * DAY, 14 * 24)
    assert {unusual_power(means, [], hour).is_wrong for hour in means} == {False}
    found = unusual_power({**means, **means_of(NasLoad(2), NOW, 1)}, [], NOW)
    assert found.is_wrong is True


def judged_days(means: Mapping[datetime, float], first: datetime, days: int) -> list[bool | None]:
    """Judge noon of each day from ``first``; what is unusual stays so until a usual noon."""
    spans: list[Span] = []
    verdicts: list[bool | None] = []
    for noon in (first + DAY * day for day in range(days)):
        unforgiven = [span for span in spans if span.end > noon - 6 * DAY]
        verdict = unusual_power(means, unforgiven, noon)
        is_open = bool(verdicts and verdicts[-1])
        if is_open:
            spans[-1] = Span(spans[-1].start, noon + HOUR if verdict.is_wrong else noon)
        elif verdict.is_wrong and verdict.since:
            spans.append(Span(verdict.since, noon + HOUR))
        verdicts.append(verdict.is_wrong)
    return verdicts


def test_what_lasts_is_not_the_new_normal_at_once_but_once_nothing_else_is_known() -> None:
    means = {
        **constant(20.0, NOW - 28 * DAY, NOW),
        **constant(70.0, NOW, NOW + 50 * DAY),
    }
    verdicts = judged_days(means, NOW, 45)
    assert verdicts.index(False) == 26  # 72 hours of the time before are left until then
    assert set(verdicts[26:]) == {False}


def test_what_comes_every_week_is_unusual_once() -> None:
    means = dict(constant(20.0, NOW - 28 * DAY, NOW + 30 * DAY))
    for week in range(4):
        means[NOW + week * 7 * DAY] = 70.0
    verdicts = judged_days(means, NOW, 28)
    assert [day for day, is_wrong in enumerate(verdicts) if is_wrong] == [0]


def test_what_comes_every_day_is_unusual_for_a_week() -> None:
    means = dict(constant(20.0, NOW - 28 * DAY, NOW + 30 * DAY))
    spans: list[Span] = []
    unusual = []
    for day in range(14):
        noon = NOW + day * DAY
        means[noon] = 70.0
        verdict = unusual_power(means, [each for each in spans if each.end > noon - 6 * DAY], noon)
        if verdict.is_wrong:
            unusual.append(day)
            spans.append(Span(noon, noon + HOUR))
    assert unusual == [0, 1, 2, 3, 4, 5, 6]
