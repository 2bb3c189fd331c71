"""Looking for anomalies: rows follow what is wrong, however often and by whomever it is done."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from energy import tasks
from energy.anomalies import UNTOLD, Verdict
from energy.models import Anomaly, EnergyHour, EnergySource, PlugStatus, SmartPlug
from energy.services import (
    AnomalyDetector,
    anomalies,
    anomaly_duration_s,
    anomaly_text,
    look_for_anomalies,
    register_anomaly_detector,
)
from energy.tests.factories import NOON, make_plug
from simhome.loads import FreezerLoad

pytestmark = pytest.mark.django_db

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
#: When the samples of the hour before noon are all stored.
LOOK = NOON + 11 * MINUTE


class Detector:
    """Says of each plug what it was told to say."""

    def __init__(self) -> None:
        self.verdicts: dict[int, Verdict] = {}
        self.asked: list[tuple[list[int], datetime]] = []

    def find(self, plugs: Sequence[SmartPlug], now: datetime) -> Mapping[int, Verdict]:
        self.asked.append(([plug.pk for plug in plugs], now))
        return self.verdicts

    def text(self, anomaly: Anomaly, _now: datetime) -> str:
        return f"{anomaly.plug.name} smells."


@pytest.fixture(autouse=True)
def _own_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what other apps have registered."""
    monkeypatch.setattr(anomalies, "_detectors", anomalies._detectors[:2])


@pytest.fixture
def smell(monkeypatch: pytest.MonkeyPatch) -> Detector:
    """Give a detector that is the only one."""
    detector = Detector()
    monkeypatch.setattr(anomalies, "_detectors", [])
    register_anomaly_detector(AnomalyDetector("smell", detector.find, detector.text))
    return detector


@pytest.fixture
def plug() -> SmartPlug:
    return make_plug(name="Freezer", status=PlugStatus.OK, status_since=NOON - 30 * DAY)


def lose(plug: SmartPlug, since: datetime, status: PlugStatus = PlugStatus.UNREACHABLE) -> None:
    plug.status, plug.status_since = status, since
    plug.status_message = "Is it powered?" if status != PlugStatus.OK else ""
    plug.save()


def make_hours(
    plug: SmartPlug, power_w: float, start: datetime, end: datetime, **fields: Any
) -> None:
    for step in range((end - start) // HOUR):
        values = {"energy_wh": power_w, "power_avg_w": power_w, "coverage": 1.0, **fields}
        EnergyHour.objects.update_or_create(plug=plug, hour=start + step * HOUR, defaults=values)


def look(now: datetime) -> tuple[int, int]:
    found = look_for_anomalies(now)
    return len(found.begun), len(found.ended)


# --- rows ---------------------------------------------------------------------------------------


def test_what_is_wrong_is_a_row_until_it_is_over(smell: Detector, plug: SmartPlug) -> None:
    smell.verdicts = {plug.pk: Verdict(True, NOON - HOUR, {"strength_ppm": 3.5})}
    assert [look(LOOK), look(LOOK), look(LOOK + HOUR)] == [(1, 0), (0, 0), (0, 0)]
    row = Anomaly.objects.get()
    assert (row.plug, row.kind, row.began_at, row.ended_at) == (plug, "smell", NOON - HOUR, None)
    assert row.facts == {"strength_ppm": 3.5}
    smell.verdicts = {plug.pk: Verdict(is_wrong=False, since=NOON + HOUR)}
    assert [look(LOOK + 2 * HOUR), look(LOOK + 2 * HOUR)] == [(0, 1), (0, 0)]
    row.refresh_from_db()
    assert (row.began_at, row.ended_at) == (NOON - HOUR, NOON + HOUR)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_said_rows_follow_and_there_is_never_a_second_one_open(
    smell: Detector, plug: SmartPlug, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311  # the same for a seed
    is_wrong: bool | None = False
    for step in range(40):
        now = NOON + step * MINUTE
        said = chosen.choice([True, False, None])
        is_wrong = is_wrong if said is None else said
        since = chosen.choice([None, now - chosen.randrange(90) * MINUTE])
        smell.verdicts = {plug.pk: Verdict(said, since)}
        look(now)
        assert look(now) == (0, 0)
        rows = list(Anomaly.objects.order_by("pk"))
        assert [row.ended_at is None for row in rows].count(True) == int(bool(is_wrong))
        assert all(row.ended_at is None for row in rows[-1:]) or not is_wrong
        assert all(row.began_at <= (row.ended_at or now) <= now for row in rows)


def test_what_comes_back_is_a_row_of_its_own(smell: Detector, plug: SmartPlug) -> None:
    for is_wrong in (True, False, True):
        smell.verdicts = {plug.pk: Verdict(is_wrong)}
        look(NOON)
    ends = Anomaly.objects.order_by("pk").values_list("ended_at", flat=True)
    assert list(ends) == [NOON, None]


def test_what_cannot_be_told_neither_begins_nor_ends_it(smell: Detector, plug: SmartPlug) -> None:
    smell.verdicts = {plug.pk: UNTOLD}
    assert look(NOON) == (0, 0)
    smell.verdicts = {plug.pk: Verdict(is_wrong=True)}
    look(NOON)
    smell.verdicts = {plug.pk: UNTOLD}
    assert look(NOON + HOUR) == (0, 0)
    assert Anomaly.objects.get().ended_at is None


@pytest.mark.parametrize("why", ["nobody looks at it any more", "the plug is disabled"])
def test_what_nobody_looks_at_is_over(smell: Detector, plug: SmartPlug, why: str) -> None:
    smell.verdicts = {plug.pk: Verdict(is_wrong=True)}
    look(NOON)
    smell.verdicts = {}
    if why == "the plug is disabled":
        SmartPlug.objects.update(enabled=False)
    assert look(LOOK) == (0, 1)
    assert Anomaly.objects.get().ended_at == LOOK
    assert smell.asked[-1] == ([] if "disabled" in why else [plug.pk], LOOK)


@pytest.mark.parametrize(
    ("since", "ended_at"),
    [
        pytest.param(NOON + HOUR, NOON + HOUR, id="since then"),
        pytest.param(None, NOON + 2 * HOUR, id="not known: now"),
        pytest.param(NOON - DAY, NOON, id="never before it began"),
        pytest.param(NOON + DAY, NOON + 2 * HOUR, id="never in the future"),
    ],
)
def test_it_ends_when_it_was_over(
    smell: Detector, plug: SmartPlug, since: datetime | None, ended_at: datetime
) -> None:
    smell.verdicts = {plug.pk: Verdict(is_wrong=True, since=NOON)}
    look(LOOK)
    smell.verdicts = {plug.pk: Verdict(is_wrong=False, since=since)}
    look(NOON + 2 * HOUR)
    assert Anomaly.objects.get().ended_at == ended_at


def test_it_never_begins_in_the_future(smell: Detector, plug: SmartPlug) -> None:
    smell.verdicts = {plug.pk: Verdict(is_wrong=True, since=NOON + DAY)}
    look(NOON)
    assert Anomaly.objects.get().began_at == NOON


def test_of_two_processes_at_once_the_slower_changes_nothing(
    smell: Detector, plug: SmartPlug, caplog: Any
) -> None:
    verdict = Verdict(is_wrong=True, since=NOON)
    assert len(anomalies._begin("smell", plug, verdict, LOOK)) == 1
    assert anomalies._begin("smell", plug, verdict, LOOK) == []
    ours, theirs = Anomaly.objects.get(), Anomaly.objects.get()
    over = Verdict(is_wrong=False)
    assert anomalies._end(ours, over, LOOK) is True
    assert anomalies._end(theirs, over, LOOK + HOUR) is False
    assert Anomaly.objects.get().ended_at == LOOK
    assert len(caplog.records) == 1  # the INFO line of the end is below the level


def test_a_plug_that_is_deleted_meanwhile_hinders_nothing(smell: Detector, plug: SmartPlug) -> None:
    smell.verdicts = {plug.pk: Verdict(is_wrong=True)}
    look(NOON)
    row = Anomaly.objects.select_related("plug").get()
    plug.delete()
    assert anomalies._end(row, Verdict(is_wrong=False), LOOK) is False
    assert not Anomaly.objects.exists()


def test_one_line_tells_that_it_began_and_one_that_it_ended(
    smell: Detector, plug: SmartPlug, caplog: Any
) -> None:
    with caplog.at_level("INFO", logger="energy.services.anomalies"):
        for is_wrong in (True, True, False, False):
            smell.verdicts = {plug.pk: Verdict(is_wrong)}
            look(NOON)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "anomaly began: Freezer smells."),
        ("INFO", "anomaly ended: Freezer smells."),
    ]


def test_a_detector_is_registered_once(smell: Detector) -> None:
    for _again in range(2):
        register_anomaly_detector(AnomalyDetector("smell", smell.find, smell.text))
    look(NOON)
    assert len(smell.asked) == 1


def test_a_kind_that_nobody_knows_any_more_is_told_all_the_same(plug: SmartPlug) -> None:
    row = Anomaly.objects.create(plug=plug, kind="noise", began_at=NOON)
    assert anomaly_text(row, NOON) == "Freezer: noise"
    assert look(NOON) == (0, 0)


def test_its_duration_is_not_known_where_the_clock_was_set_back(plug: SmartPlug) -> None:
    row = Anomaly(plug=plug, kind="smell", began_at=NOON)
    assert anomaly_duration_s(row, NOON + HOUR) == 3600
    assert anomaly_duration_s(row, NOON - HOUR) is None
    row.ended_at = NOON + MINUTE
    assert anomaly_duration_s(row, NOON + HOUR) == 60


# --- plug_lost ----------------------------------------------------------------------------------


def test_predecessor_27_a_plug_that_is_gone_is_told_after_ten_minutes(plug: SmartPlug) -> None:
    lose(plug, NOON)
    assert look(NOON + 9 * MINUTE) == (0, 0)
    assert look(NOON + 10 * MINUTE) == (1, 0)
    row = Anomaly.objects.get()
    assert (row.kind, row.began_at) == ("plug_lost", NOON)
    assert row.facts == {"status": "unreachable", "status_message": "Is it powered?"}
    lose(plug, NOON + HOUR, PlugStatus.OK)
    assert look(NOON + HOUR + MINUTE) == (0, 1)
    assert Anomaly.objects.get().ended_at == NOON + HOUR


def test_predecessor_27_all_plugs_gone_is_an_anomaly_each() -> None:
    for number in range(101, 105):
        lose(make_plug(number), NOON)
    assert look(NOON + HOUR) == (4, 0)


@pytest.mark.parametrize("status", [status for status in PlugStatus if status != PlugStatus.OK])
def test_any_trouble_is_a_lost_plug_but_not_having_been_asked(
    plug: SmartPlug, status: PlugStatus
) -> None:
    lose(plug, NOON, status)
    assert look(NOON + HOUR) == (0 if status == PlugStatus.UNKNOWN else 1, 0)


def test_another_trouble_does_not_end_it(plug: SmartPlug) -> None:
    lose(plug, NOON)
    look(NOON + 20 * MINUTE)
    lose(plug, NOON + 30 * MINUTE, PlugStatus.LOGIN_REFUSED)
    assert [look(NOON + minutes * MINUTE) for minutes in (31, 60)] == [(0, 0), (0, 0)]
    assert Anomaly.objects.get().began_at == NOON


def test_a_plug_that_is_not_polled_is_not_missed(plug: SmartPlug) -> None:
    lose(plug, NOON)
    SmartPlug.objects.update(enabled=False)
    assert look(NOON + HOUR) == (0, 0)


@pytest.mark.parametrize(
    ("now", "ended_at", "text"),
    [
        pytest.param(
            NOON + HOUR,
            None,
            "Freezer has not answered since 13:00. Is it powered?",
            id="it lasts, in the household's time",
        ),
        pytest.param(
            NOON + DAY,
            None,
            "Freezer has not answered since Monday 13:00. Is it powered?",
            id="since yesterday",
        ),
        pytest.param(
            NOON + 2 * HOUR,
            NOON + HOUR,
            "Freezer did not answer from 13:00 to 14:00.",
            id="it is over",
        ),
        pytest.param(
            NOON + 2 * DAY,
            NOON + DAY,
            "Freezer did not answer from Monday 13:00 to Tuesday 13:00.",
            id="it has been over since yesterday",
        ),
    ],
)
def test_a_lost_plug_in_words(
    plug: SmartPlug, now: datetime, ended_at: datetime | None, text: str
) -> None:
    facts = {"status": "unreachable", "status_message": "Is it powered?"}
    row = Anomaly(plug=plug, kind="plug_lost", began_at=NOON, ended_at=ended_at, facts=facts)
    assert anomaly_text(row, now) == text


# --- unusual_power ------------------------------------------------------------------------------


def test_a_freezer_whose_compressor_runs_through_is_told_until_it_stops(plug: SmartPlug) -> None:
    make_hours(plug, 16, NOON - 10 * DAY, NOON - HOUR)
    make_hours(plug, FreezerLoad.FIRST_MINUTE_W, NOON - HOUR, NOON + 2 * HOUR)
    assert [look(LOOK), look(LOOK + HOUR), look(LOOK + 2 * HOUR)] == [(1, 0), (0, 0), (0, 0)]
    row = Anomaly.objects.get()
    assert (row.kind, row.began_at) == ("unusual_power", NOON - HOUR)
    assert row.facts == {
        "mean_w": 46.0,
        "usual_max_w": 16.0,
        "hour": "2026-03-02T11:00:00+00:00",
    }
    assert anomaly_text(row, LOOK) == "Freezer draws 46\xa0W, usually at most 16\xa0W."
    make_hours(plug, 14, NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert look(LOOK + 3 * HOUR) == (0, 1)
    row.refresh_from_db()
    assert row.ended_at == NOON + 2 * HOUR
    assert anomaly_text(row, LOOK) == "Freezer drew 46\xa0W, usually at most 16\xa0W."


def test_it_lasts_while_nothing_is_measured(plug: SmartPlug) -> None:
    make_hours(plug, 16, NOON - 10 * DAY, NOON - HOUR)
    make_hours(plug, 46, NOON - HOUR, NOON)
    assert look(LOOK) == (1, 0)
    make_hours(plug, 10, NOON, NOON + HOUR, coverage=0.89)
    make_hours(
        plug, 10, NOON + HOUR, NOON + 2 * HOUR,
        coverage=0, power_avg_w=None, source=EnergySource.PLUG,
    )  # fmt: skip
    assert [look(LOOK + step * HOUR) for step in (1, 2, 3)] == [(0, 0)] * 3


def test_an_hour_counts_once_its_last_samples_are_stored(plug: SmartPlug, settings: Any) -> None:
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = 300
    make_hours(plug, 16, NOON - 10 * DAY, NOON - HOUR)
    make_hours(plug, 46, NOON - HOUR, NOON)
    assert look(NOON + 5 * MINUTE - timedelta(seconds=1)) == (0, 0)
    assert look(NOON + 5 * MINUTE) == (1, 0)


@pytest.mark.parametrize(
    ("ended", "is_wrong"),
    [
        pytest.param(timedelta(days=5, hours=23), True, id="less than six days ago"),
        pytest.param(timedelta(days=6, hours=1), False, id="forgiven"),
    ],
)
def test_hours_that_were_unusual_are_not_the_measure_for_six_days(
    plug: SmartPlug, ended: timedelta, *, is_wrong: bool
) -> None:
    end = NOON - HOUR - ended
    make_hours(plug, 16, NOON - 20 * DAY, NOON - HOUR)
    make_hours(plug, 46, end - 3 * HOUR, end)
    make_hours(plug, 46, NOON - HOUR, NOON)
    Anomaly.objects.create(
        plug=plug, kind="unusual_power", began_at=end - 3 * HOUR, ended_at=end, facts={}
    )
    assert look(LOOK) == (int(is_wrong), 0)


def test_anomalies_of_another_kind_or_plug_change_nothing_of_the_measure(plug: SmartPlug) -> None:
    make_hours(plug, 16, NOON - 10 * DAY, NOON - HOUR)
    make_hours(plug, 46, NOON - 3 * DAY, NOON - 3 * DAY + HOUR)
    make_hours(plug, 46, NOON - HOUR, NOON)
    span = {"began_at": NOON - 4 * DAY, "ended_at": NOON - 2 * DAY}
    Anomaly.objects.create(plug=plug, kind="plug_lost", **span)
    Anomaly.objects.create(plug=make_plug(102), kind="unusual_power", **span)
    assert look(LOOK) == (0, 0)


def plans_of(queries: list[dict[str, str]]) -> Iterator[str]:
    with connection.cursor() as cursor:
        for query in queries:
            if query["sql"].startswith("SELECT"):
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                yield from (row[-1] for row in cursor.fetchall())


def test_a_look_costs_a_query_for_each_plug_and_a_few_more_and_scans_no_history(
    plug: SmartPlug,
) -> None:
    for number in range(102, 111):
        make_plug(number)
    make_hours(plug, 16, NOON - 5 * DAY, NOON)
    with CaptureQueriesContext(connection) as captured:
        look(LOOK)
    assert len(captured) == 10 + 4  # plugs, open ones of each kind, unusual hours
    if connection.vendor == "sqlite":
        scans = [plan for plan in plans_of(captured.captured_queries) if "SCAN" in plan]
        history = [plan for plan in scans if "energyhour" in plan or "anomaly" in plan]
        assert {plan.split()[-1] for plan in history} == {"lasting_anomalies"}


# --- the task -----------------------------------------------------------------------------------


def test_the_task_looks_now(plug: SmartPlug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: True)
    lose(plug, NOON)
    with time_machine.travel(NOON + HOUR, tick=False):
        tasks.look_for_anomalies()
    assert Anomaly.objects.get().began_at == NOON


def test_the_task_does_nothing_by_a_clock_that_may_be_wrong(
    plug: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: False)
    lose(plug, NOON)
    with time_machine.travel(NOON + HOUR, tick=False):
        tasks.look_for_anomalies()
    assert not Anomaly.objects.exists()


def test_beat_starts_it_every_five_minutes(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["look for anomalies"]
    assert (entry["task"], entry["schedule"]) == (tasks.look_for_anomalies.name, 300)
