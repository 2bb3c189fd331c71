"""Hours by state in the database: split once, split again where they changed, cheap otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import fsum
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from energy.models import EnergyHour, EnergySource, PlugRole, PowerSample, SmartPlug
from energy.services.rollup import roll_up
from nasctl import tasks
from nasctl.models import NasHour
from nasctl.services import nas_hours
from nasctl.services.nas_hours import due_rows, split_hours, whole_hours
from nasctl.state import Reason
from nasctl.tests.energy_history import ASLEEP_W, AWAKE_W, change, hours, make_nas_plug, measure

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=6, minutes=20)


def after(number: float) -> datetime:
    """Return a moment so many hours after noon."""
    return NOON + timedelta(hours=number)


@pytest.fixture
def nas() -> SmartPlug:
    """Give a NAS that was awake from noon, asleep from 13:30, and awake again from 16:00."""
    plug = make_nas_plug()
    change(after(-5), "online")
    change(after(1.5), "offline", Reason.SHUT_DOWN)
    change(after(4), "online", Reason.ANSWERS)
    return plug


def power(at: datetime) -> float:
    return ASLEEP_W if after(1.5) < at < after(4) else AWAKE_W


def parts(plug: SmartPlug) -> dict[tuple[float, str], Any]:
    """Return duration, energy and known time by hours from noon and state."""
    return {
        ((row.hour - NOON).total_seconds() / 3600, row.state): (
            round(row.duration_s, 6),
            None if row.energy_wh is None else round(row.energy_wh, 6),
            round(row.known_s, 6),
        )
        for row in NasHour.objects.filter(plug=plug)
    }


def assert_adds_up(plug: SmartPlug) -> None:
    for row in EnergyHour.objects.filter(plug=plug, hour__lt=NOW.replace(minute=0)):
        split = NasHour.objects.filter(plug=plug, hour=row.hour)
        energy = [part.energy_wh for part in split if part.energy_wh is not None]
        assert fsum(energy) == pytest.approx(row.energy_wh, abs=1e-9)


def test_every_complete_hour_is_split_and_adds_up(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    assert split_hours(NOW) == 6
    assert_adds_up(nas)
    found = parts(nas)
    assert set(found) == {
        (0, "online"), (1, "online"), (1, "offline"), (2, "offline"), (3, "offline"),
        (4, "online"), (5, "online"),
    }  # fmt: skip
    assert found[0, "online"] == (3600, 34, 3600)
    assert found[2, "offline"] == (3600, 1, 3600)
    assert found[1, "online"][0] == found[1, "offline"][0] == 1800


def test_a_second_run_writes_nothing_and_asks_four_questions(
    nas: SmartPlug, django_assert_num_queries: Any
) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    before = list(NasHour.objects.values_list("pk"))
    with django_assert_num_queries(4) as asked:
        assert split_hours(NOW) == 0
    assert all(query["sql"].startswith("SELECT") for query in asked.captured_queries)
    assert list(NasHour.objects.values_list("pk")) == before


def test_the_present_hour_waits_until_it_is_over(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    assert not NasHour.objects.filter(hour__gte=after(6)).exists()
    assert split_hours(after(7.1)) == 0  # its last samples may not be stored yet
    assert split_hours(after(7.2)) == 1
    assert parts(nas)[6, "online"] == (3600, round(34 / 3, 6), 1200)


def test_late_samples_split_their_hour_again(nas: SmartPlug) -> None:
    measure(nas, NOON, after(0.5), power)
    measure(nas, after(1), NOW, power)
    split_hours(NOW)
    assert parts(nas)[0, "online"] == (3600, 17, 1800)
    measure(nas, after(0.5), after(1), power)
    assert split_hours(NOW) == 1
    assert parts(nas)[0, "online"] == (3600, 34, 3600)
    assert_adds_up(nas)


def test_late_samples_of_0_w_are_news_too(nas: SmartPlug) -> None:
    measure(nas, NOON, after(0.5), 0)
    split_hours(NOW)
    measure(nas, after(0.5), after(1), 0)
    assert split_hours(NOW) == 1
    assert parts(nas)[0, "online"] == (3600, 0, 3600)


def test_a_filled_hour_is_split_again_and_the_measured_part_stays(nas: SmartPlug) -> None:
    measure(nas, after(1), after(1.5), AWAKE_W)
    split_hours(NOW)
    assert parts(nas)[1, "offline"] == (1800, None, 0)
    EnergyHour.objects.update(energy_wh=18, source=EnergySource.MIXED)
    assert split_hours(NOW) == 1
    assert parts(nas) == {(1, "online"): (1800, 17, 1800), (1, "unknown"): (1800, 1, 1800)}
    assert split_hours(NOW) == 0


def test_hours_without_samples_are_shared_out_by_what_was_measured_in_the_last_30_days(
    nas: SmartPlug,
) -> None:
    change(after(-50), "offline", Reason.SHUT_DOWN)
    hours(nas, after(-50), 3, 4)
    hours(nas, after(-4), 3, 100)
    assert split_hours(NOW) == 6
    hours(nas, after(1), 1, 52)
    assert split_hours(NOW) == 1
    found = parts(nas)
    assert found[1, "online"][1] == pytest.approx(50)
    assert found[1, "offline"][1] == pytest.approx(2)


def test_what_balupi_did_not_see_itself_tells_nothing_about_a_state(nas: SmartPlug) -> None:
    hours(nas, NOON, 1, 1, EnergySource.PLUG)  # it was off, and the NAS fell asleep unseen
    hours(nas, after(4), 2, 34)
    split_hours(NOW)
    awake = whole_hours(nas.pk).filter(state="online")
    assert [row.hour for row in awake.order_by("hour")] == [after(4), after(5)]


@pytest.mark.parametrize("source", ["predecessor", "recounted"])
def test_what_the_predecessor_measured_tells_nothing_about_a_state(
    nas: SmartPlug, source: str
) -> None:
    hours(nas, NOON, 1, 55)
    EnergyHour.objects.update(coverage=0.9, source=source)
    assert split_hours(NOW) == 1
    assert parts(nas) == {(0, "unknown"): (3600, 55, 3240)}
    assert split_hours(NOW) == 0


def test_hours_whose_row_was_deleted_leave_no_parts(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    EnergyHour.objects.filter(hour=after(1)).delete()
    assert split_hours(NOW) == 1
    assert not NasHour.objects.filter(hour=after(1)).exists()
    assert set(NasHour.objects.values_list("hour", flat=True)) == {
        after(n) for n in (0, 2, 3, 4, 5)
    }
    assert split_hours(NOW) == 0


def test_parts_without_a_row_hide_no_hour_that_was_never_split(nas: SmartPlug) -> None:
    hours(nas, after(-60 * 24), 60 * 24, 34)
    split_hours(NOW)
    EnergyHour.objects.filter(hour=after(-40 * 24)).delete()
    NasHour.objects.filter(hour=after(-39 * 24)).delete()
    assert split_hours(NOW) == 1
    assert NasHour.objects.filter(hour=after(-39 * 24)).exists()


@pytest.mark.parametrize("coverage", [0.0, 1e-8, 1.0001])
def test_rows_of_an_odd_coverage_are_split_once(nas: SmartPlug, coverage: float) -> None:
    hours(nas, NOON, 1, 5)
    EnergyHour.objects.update(coverage=coverage)
    assert split_hours(NOW) == 1
    assert split_hours(NOW) == 0


def test_rare_samples_reach_over_several_hours(nas: SmartPlug, settings: Any) -> None:
    settings.ENERGY_SAMPLE_INTERVAL_SECONDS = 3600
    stored = [(nas.pk, after(n)) for n in (-0.5, 1.75, 3)]
    PowerSample.objects.bulk_create(PowerSample(plug=nas, at=at, power_w=34) for _, at in stored)
    roll_up(stored, 3600)
    split_hours(NOW)
    assert parts(nas)[0, "online"] == (3600, 34, 3600)
    assert parts(nas)[2, "offline"] == (3600, 34, 3600)


def test_a_state_that_no_longer_was_leaves_no_part(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    NasHour.objects.filter(hour=NOON).update(energy_wh=1)
    NasHour.objects.create(plug=nas, hour=NOON, state="booting", duration_s=60, known_s=60)
    assert split_hours(NOW) == 1
    assert (0, "booting") not in parts(nas)


def test_months_of_history_are_split_at_the_first_run_a_day_per_transaction(
    nas: SmartPlug,
) -> None:
    hours(nas, after(-90 * 24), 90 * 24, 34)
    with CaptureQueriesContext(connection) as asked:
        assert split_hours(NOW) == 90 * 24
    inserts = [it for it in asked.captured_queries if it["sql"].startswith("INSERT")]
    assert 90 <= len(inserts) <= 92
    assert len(asked) < 92 * 10
    assert NasHour.objects.values("hour").distinct().count() == 90 * 24
    assert split_hours(NOW) == 0


def test_a_hole_in_the_distant_past_is_found(nas: SmartPlug) -> None:
    hours(nas, after(-60 * 24), 60 * 24, 34)
    split_hours(NOW)
    NasHour.objects.filter(hour__gte=after(-40 * 24), hour__lt=after(-38 * 24)).delete()
    assert split_hours(NOW) == 48
    assert split_hours(NOW) == 0


def test_a_run_that_died_is_completed_by_the_next(
    nas: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours(nas, after(-10 * 24), 10 * 24, 34)
    write, days = nas_hours._write, []

    def die_at_the_third_day(*args: Any) -> None:
        days.append(args)
        if len(days) == 3:
            raise OSError("power cut")
        write(*args)

    monkeypatch.setattr(nas_hours, "_write", die_at_the_third_day)
    with pytest.raises(OSError, match="power cut"):
        split_hours(NOW)
    monkeypatch.undo()
    done = NasHour.objects.values("hour").distinct().count()
    assert 24 < done < 240
    assert split_hours(NOW) == 240 - done


def test_only_the_nas_s_plug_is_split(nas: SmartPlug) -> None:
    freezer = make_nas_plug(2, PlugRole.GENERIC)
    measure(freezer, NOON, NOW, 80)
    assert split_hours(NOW) == 0


def test_without_a_nas_s_plug_there_is_nothing_to_do() -> None:
    assert split_hours(NOW) == 0


def test_hours_of_a_clock_that_was_ahead_wait_for_their_time(nas: SmartPlug) -> None:
    hours(nas, after(100), 1, 34)
    assert split_hours(NOW) == 0


def test_samples_that_are_gone_change_nothing(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    before = parts(nas)
    PowerSample.objects.all().delete()
    assert split_hours(NOW) == 0
    assert parts(nas) == before


def test_the_task_splits_by_a_clock_that_can_be_believed(
    nas: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours(nas, after(0), 1, 34)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: False)
    tasks.split_hours()
    assert not NasHour.objects.exists()
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: True)
    tasks.split_hours()
    assert NasHour.objects.count() == 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words")
def test_no_question_reads_a_whole_table(nas: SmartPlug) -> None:
    measure(nas, NOON, NOW, power)
    split_hours(NOW)
    EnergyHour.objects.filter(hour=NOON).update(energy_wh=1)
    PowerSample.objects.filter(at__lt=after(1.1)).delete()
    with CaptureQueriesContext(connection) as asked:
        split_hours(NOW)
    questions = [it["sql"] for it in asked.captured_queries if it["sql"].startswith("SELECT")]
    assert len(questions) == 9
    for sql in questions:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not [line for line in plan if line.startswith("SCAN")], (sql, plan)


def test_due_rows_are_those_that_differ(nas: SmartPlug) -> None:
    hours(nas, NOON, 3, 34)
    split_hours(NOW)
    EnergyHour.objects.filter(hour=after(1)).update(energy_wh=33)
    due = due_rows(nas.pk, NOON, after(3))
    assert [row.hour for row in due] == [after(1)]


def test_the_admin_shows_them_and_changes_nothing(nas: SmartPlug, admin_client: Client) -> None:
    measure(nas, after(1), after(1.5), power)
    split_hours(NOW)
    [awake, asleep] = NasHour.objects.order_by("-state")
    text = admin_client.get("/admin/nasctl/nashour/").content.decode()
    for words in ("awake", "asleep", "30\xa0min", "17.0", "–"):
        assert words in text
    page = admin_client.get(f"/admin/nasctl/nashour/{asleep.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert admin_client.get("/admin/nasctl/nashour/add/").status_code == 403
    assert admin_client.post(f"/admin/nasctl/nashour/{awake.pk}/delete/").status_code == 403
