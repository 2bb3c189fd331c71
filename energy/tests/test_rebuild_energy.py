"""``manage.py rebuild_energy``: hours say again what the samples say, and nothing else is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from balupi_site.events.models import Event
from energy.metering import HOUR
from energy.models import EnergyHour, PowerSample, SmartPlug
from energy.periods import Span
from energy.services.rebuilding import hours_of, rebuild_hours, rebuildable_from
from energy.services.rollup import prune_samples, roll_up_hours
from energy.tests.factories import NOON, make_plug

pytestmark = pytest.mark.django_db

NOW = NOON + timedelta(hours=36, minutes=20)
INTERVAL_S = 30


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def plug() -> SmartPlug:
    return make_plug(name="NAS")


def store(plug: SmartPlug, first_h: float, last_h: float, power_w: float = 100) -> None:
    """Store a sample every 30 s, hours from noon, both ends included."""
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=NOON + timedelta(seconds=30 * step), power_w=power_w)
        for step in range(round(first_h * 120), round(last_h * 120) + 1)
    )


def fill(plug: SmartPlug, last_h: float = 36) -> None:
    """Store samples and hours from noon on."""
    store(plug, 0, last_h)
    roll_up_hours(NOW, INTERVAL_S, since=NOON)


def rebuild(*arguments: str, first: str = "2026-03-02") -> str:
    out = StringIO()
    call_command("rebuild_energy", "--from", first, *arguments, stdout=out)
    return out.getvalue()


def everything() -> list[tuple[Any, ...]]:
    rows = EnergyHour.objects.order_by("plug", "hour")
    return list(rows.values_list("plug", "hour", "energy_wh", "coverage", "source", "power_max_w"))


def test_what_was_done_is_told_also_where_it_was_stopped(
    plug: SmartPlug, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(plug)
    done: list[None] = []

    def rebuild_once(*arguments: Any, **options: Any) -> Any:
        if done:
            raise KeyboardInterrupt
        done.append(None)
        return rebuild_hours(*arguments, **options)

    monkeypatch.setattr("energy.management.commands.rebuild_energy.rebuild_hours", rebuild_once)
    with pytest.raises(KeyboardInterrupt):
        rebuild()
    assert Event.objects.get().facts == {"hours": 10, "corrected": 0}


def test_wrong_hours_are_corrected_and_a_second_run_does_nothing(plug: SmartPlug) -> None:
    fill(plug)
    right = everything()
    EnergyHour.objects.filter(hour__in=[NOON + 3 * HOUR, NOON + 20 * HOUR]).update(energy_wh=7)
    EnergyHour.objects.filter(hour=NOON + 4 * HOUR).delete()
    assert rebuild().splitlines() == [
        "Samples are kept from 2026-03-02 14:00 on; hours before it stay.",
        "2026-03-02: 2 of 10 hours",
        "2026-03-03: 1 of 24 hours",
        "2026-03-04: 0 of 2 hours",
        "3 of 36 hours corrected.",
    ]
    assert everything() == right
    assert rebuild().splitlines()[-1] == "0 of 36 hours corrected."


def test_an_hour_that_claims_more_than_its_samples_is_corrected(plug: SmartPlug) -> None:
    """A roll-up would believe it: less coverage means there that samples were pruned."""
    fill(plug, last_h=5.5)
    EnergyHour.objects.filter(hour=NOON + 5 * HOUR).update(energy_wh=100, coverage=1.0)
    assert "1 of 36 hours corrected." in rebuild()
    row = EnergyHour.objects.get(hour=NOON + 5 * HOUR)
    assert (row.energy_wh, row.coverage) == (50, 0.5)


def test_measured_hours_without_samples_are_deleted(plug: SmartPlug) -> None:
    fill(plug, last_h=5)
    EnergyHour.objects.create(plug=plug, hour=NOON + 8 * HOUR, energy_wh=9, coverage=1.0)
    said = rebuild()
    assert "1 of 36 hours corrected." in said
    assert "1 of them had no samples at all." in said
    assert not EnergyHour.objects.filter(hour=NOON + 8 * HOUR).exists()


@pytest.mark.parametrize(
    ("source", "coverage", "expected"),
    [
        pytest.param("plug", 0.0, ("plug", 42.0, 0.0), id="the plug's hour"),
        pytest.param("mixed", 0.4, ("plug", 42.0, 0.0), id="the plug's part of a mixed hour"),
    ],
)
def test_what_the_plug_remembers_stays(
    plug: SmartPlug, source: str, coverage: float, expected: tuple[str, float, float]
) -> None:
    fill(plug, last_h=5)
    EnergyHour.objects.create(
        plug=plug, hour=NOON + 8 * HOUR, energy_wh=42, coverage=coverage, source=source
    )
    rebuild()
    row = EnergyHour.objects.get(hour=NOON + 8 * HOUR)
    assert (row.source, row.energy_wh, row.coverage) == expected
    assert "0 of 36 hours" in rebuild()


def test_hours_whose_samples_were_pruned_are_told_and_left_alone(
    plug: SmartPlug, settings: Any
) -> None:
    """The first kept hour too: its line across the edge is gone."""
    fill(plug)
    prune_samples(NOON + timedelta(days=7, hours=4), keep_days=7)
    before = everything()
    said = rebuild()
    assert "Samples are kept from 2026-03-02 18:00 on; hours before it stay." in said
    assert everything() == before
    # A longer retention, set later, brings nothing back.
    settings.ENERGY_SAMPLE_RETENTION_DAYS = 30
    rebuild(first="2026-02-01")
    assert everything() == before


def test_without_samples_nothing_is_touched(plug: SmartPlug) -> None:
    EnergyHour.objects.create(plug=plug, hour=NOON, energy_wh=9, coverage=1.0)
    assert rebuild() == "There are no samples, so all hours stay as they are.\n"
    assert EnergyHour.objects.count() == 1


def test_a_dry_run_tells_the_same_and_changes_nothing(plug: SmartPlug) -> None:
    fill(plug, last_h=5)
    EnergyHour.objects.update(energy_wh=1)
    before = everything()
    assert "4 of 36 hours would be corrected; nothing was changed." in rebuild("--dry-run")
    assert everything() == before


@pytest.mark.parametrize("called", ["lamp", f"{102:040X}"])
def test_only_the_named_plug_is_rebuilt(plug: SmartPlug, called: str) -> None:
    lamp = make_plug(102, name="lamp")
    fill(plug)
    fill(lamp)
    EnergyHour.objects.update(energy_wh=1)
    assert "35 of 36 hours corrected." in rebuild("--plug", called)
    wrong = EnergyHour.objects.filter(energy_wh=1)
    assert (wrong.filter(plug=plug).count(), wrong.filter(plug=lamp).count()) == (36, 1)


def test_days_are_local_and_the_last_one_is_included(plug: SmartPlug) -> None:
    """2 March ends at 23:00 UTC in Berlin."""
    fill(plug)
    EnergyHour.objects.update(energy_wh=1)
    rebuild("--to", "2026-03-02")
    wrong = EnergyHour.objects.filter(energy_wh=1).values_list("hour", flat=True)
    assert min(wrong.exclude(hour=NOON)) == datetime(2026, 3, 2, 23, tzinfo=UTC)
    rebuild("--to", "2026-03-03", first="2026-03-03")
    assert min(wrong.exclude(hour=NOON)) == datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--from", "1 March"], "'1 March' is no day", id="no day"),
        pytest.param(["--from", "2026-02-30"], "is no day", id="no such day"),
        pytest.param([], "--from", id="no first day"),
        pytest.param(["--from", "2026-03-05"], "after today", id="in the future"),
        pytest.param(
            ["--from", "2026-03-02", "--to", "2026-03-01"], "after the last", id="ends early"
        ),
        pytest.param(
            ["--from", "2026-03-01", "--plug", "oven"], "no plug 'oven'", id="unknown plug"
        ),
        pytest.param(
            ["--from", "2026-03-01", "--plug", "twin"],
            "More than one plug is called",
            id="two of that name",
        ),
    ],
)
def test_it_refuses_what_makes_no_sense(arguments: list[str], message: str) -> None:
    make_plug(103, name="twin")
    make_plug(104, name="twin")
    with pytest.raises(CommandError, match=message):
        call_command("rebuild_energy", *arguments)


def test_the_ends_of_the_calendar_do_not_crash_it(plug: SmartPlug) -> None:
    fill(plug)
    said = rebuild("--to", str(date.max), first=str(date.min))
    assert "0 of 36 hours corrected." in said


def test_hours_of_a_span_are_those_it_touches() -> None:
    half = timedelta(minutes=30)
    assert hours_of(Span(NOON + half, NOON + HOUR + half)) == [NOON, NOON + HOUR]
    assert hours_of(Span(NOON, NOON + HOUR)) == [NOON]
    assert hours_of(Span(NOON, NOON)) == []


def test_the_oldest_hour_of_the_retention_is_not_rebuilt(plug: SmartPlug) -> None:
    """It may be pruned at any moment."""
    store(plug, -10, 0)
    assert rebuildable_from(NOW, keep_days=1) == NOON + 13 * HOUR
    assert rebuildable_from(NOW, keep_days=7) == NOON - 9 * HOUR


def test_a_day_takes_few_queries_whatever_the_number_of_plugs(plug: SmartPlug) -> None:
    for number in range(110, 130):
        store(make_plug(number), 0, 1)
    fill(plug)
    with CaptureQueriesContext(connection) as queries:
        rebuild()
    assert len([each for each in queries if each["sql"].startswith("SELECT")]) < 36 * 3 + 10


def test_hours_of_a_longer_interval_stay_where_it_was_shortened_since(plug: SmartPlug) -> None:
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=NOON + HOUR * n / 12, power_w=100) for n in range(12 * 6)
    )
    roll_up_hours(NOW, 300, since=NOON)
    before = list(EnergyHour.objects.order_by("hour").values_list("hour", "energy_wh"))
    assert len(before) == 6
    said = rebuild()
    assert "0 of" in said
    assert list(EnergyHour.objects.order_by("hour").values_list("hour", "energy_wh")) == before
