"""``manage.py import_legacy``: the predecessor's hours and readings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from balupi_site.events.models import Event
from energy.memory import Remembered
from energy.metering import HOUR
from energy.models import EnergyHour, SmartPlug, Tariff
from energy.periods import Span
from energy.services import filling, importing
from energy.services.figures import PriceBook, figures_of
from energy.services.rebuilding import rebuild_hours
from energy.tests.factories import make_plug
from energy.tests.importing.helpers import NOW, OLD, RECENT, left, rows
from energy.tests.legacy_helpers import NAS, OldHome, run

pytestmark = pytest.mark.django_db


def everything() -> tuple[Any, ...]:
    models: tuple[Any, ...] = (SmartPlug, EnergyHour, Tariff, Event)
    return tuple(list(model.objects.order_by("pk").values()) for model in models)


def test_predecessor_17_hours_keep_their_energy_and_tell_what_they_do_not_know(
    old: OldHome,
) -> None:
    plug = make_plug()
    old.plug()
    old.hours(OLD, 24)
    run(old)
    assert set(rows().values()) == {(91.67, 0.9167, "predecessor")}
    whole = figures_of([plug], [Span(OLD, OLD + 24 * HOUR)], NOW, PriceBook.read())[plug.pk][0]
    assert whole.energy_wh == pytest.approx(2200, rel=1e-4)  # of 2,400
    assert (whole.source, round(whole.predecessor_h, 2)) == ("predecessor", 22.0)
    assert (whole.filled_wh, round(whole.known or 0, 3)) == (0, 0.917)
    assert whole.power_avg_w == pytest.approx(100, rel=1e-4)


def test_an_hour_whose_readings_exist_is_counted_anew(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(RECENT - HOUR, 2)
    old.samples(RECENT, RECENT + HOUR)
    told = run(old)
    assert rows()[RECENT] == (pytest.approx(100), 1.0, "recounted")
    assert rows()[RECENT - HOUR][2] == "predecessor"
    assert "2 new hours, 0 that say more than before, 1 of them counted anew" in told


def test_predecessor_19_an_hour_that_was_never_summed_up_comes_from_its_readings(
    old: OldHome,
) -> None:
    make_plug()
    old.plug()
    old.samples(RECENT, RECENT + HOUR / 2)
    run(old)
    assert rows() == {RECENT: (pytest.approx(50), 0.5, "recounted")}


def test_readings_across_midnight_leave_no_gap(old: OldHome) -> None:
    make_plug()
    old.plug()
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    old.samples(midnight - HOUR + timedelta(seconds=10), midnight + HOUR + timedelta(seconds=10))
    run(old)
    assert rows()[midnight] == (pytest.approx(100), 1.0, "recounted")
    assert rows()[midnight - HOUR][1] == pytest.approx(1 - 10 / 3600, abs=1e-4)


def test_a_dry_run_tells_the_same_and_changes_nothing(old: OldHome) -> None:
    old.plug()
    old.hours(OLD, 3)
    old.price("Old", 31.5)
    before = everything()
    dry = json.loads(run(old, "--dry-run", "--json"))
    assert everything() == before
    real = json.loads(run(old, "--json"))
    assert {**dry, "dry_run": False} == real
    assert real["changes"] == {"plugs": 1, "hours": 3, "tariffs": 1}


def test_a_second_run_takes_nothing_and_writes_nothing(old: OldHome) -> None:
    old.plug()
    old.hours(OLD, 3)
    old.samples(RECENT, RECENT + HOUR)
    old.price("Old", 31.5)
    run(old)
    before = everything()
    assert "0 plugs, 0 hours and 0 tariffs new." in run(old)
    assert everything() == before


def test_a_later_copy_brings_what_it_knows_more(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 1, energy_wh=5, sample_count=6)  # five minutes after its begin
    run(old)
    with old.open() as file:
        file.execute("UPDATE energy_hourly SET energy_wh = 91.67, sample_count = 110")
    assert "0 new hours, 1 that say more than before" in run(old)
    assert rows()[OLD][0] == 91.67


@pytest.mark.parametrize("source", ["measured", "plug", "mixed"])
def test_nothing_is_taken_over_what_is_known_here(old: OldHome, source: str) -> None:
    plug = make_plug()
    EnergyHour.objects.create(plug=plug, hour=OLD, energy_wh=7, coverage=0.1, source=source)
    old.plug()
    old.hours(OLD, 1)
    run(old)
    assert rows() == {OLD: (7, 0.1, source)}
    assert left(old) == {"known here from measuring or the plug's memory": 1}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"hour": "yesterday"}, "the hour cannot be read"),
        ({"hour": None}, "the hour cannot be read"),
        ({"hour": "2026-01-05T00:30:00"}, "no full hour"),
        ({"hour": "1970-01-01T00:00:00"}, "the clock was wrong: before 2020"),
        ({"hour": "2026-03-02T12:00:00"}, "the hour is not over yet"),
        ({"hour": "2027-03-02T12:00:00"}, "the hour is in the future"),
        ({"energy_wh": None}, "no energy that a plug can carry in an hour"),
        ({"energy_wh": -1}, "no energy that a plug can carry in an hour"),
        ({"energy_wh": 4001}, "no energy that a plug can carry in an hour"),
        ({"energy_wh": float("inf")}, "no energy that a plug can carry in an hour"),
        ({"energy_wh": "much"}, "no energy that a plug can carry in an hour"),
        ({"energy_wh": 120}, "more energy than its mean power gives in an hour"),
        ({"avg_power_w": None, "sample_count": 0}, "no number of readings"),
        ({"device_id": "nobody"}, "of a plug that is not in tapo_devices"),
    ],
)
def test_an_hour_that_cannot_be_is_left_with_the_reason(
    old: OldHome, values: dict[str, Any], reason: str
) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 1, **values)
    assert left(old) == {reason: 1}


def test_hours_in_other_forms_count_once_and_odd_powers_are_left_out(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 1, energy_wh=50, sample_count=60)
    old.hours(OLD, 1, hour="2026-01-05T01:00:00+01:00", min_power_w=-3, max_power_w=None)
    old.hours(OLD + HOUR, 1, power_w=0, min_power_w=0)
    run(old)
    first, second = EnergyHour.objects.order_by("hour")
    assert (first.energy_wh, first.power_min_w, first.power_max_w) == (91.67, None, None)
    assert (second.energy_wh, second.power_avg_w, second.power_max_w) == (0, 0, 5)
    assert second.coverage == pytest.approx(110 / 120)


def test_days_whose_hours_are_gone_are_counted_but_not_taken(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 24)
    old.add("energy_daily", {"device_id": NAS, "date": "2026-01-05", "energy_wh": 2200.08})
    old.add("energy_daily", {"device_id": NAS, "date": "2025-12-01", "energy_wh": 2200})
    told = run(old)
    assert "energy_daily: 2 read, 0 taken, 1 are told by their hours" in told
    assert "2.2 kWh are known by day only" in told
    assert len(rows()) == 24


def test_the_plugs_memory_completes_what_the_predecessor_missed(old: OldHome) -> None:
    plug = make_plug(memory_read_until=NOW)
    old.plug()
    old.hours(RECENT, 1)
    run(old)
    plug.refresh_from_db()
    assert (plug.created_at, plug.memory_read_until) == (RECENT, None)
    filling._fill(plug, Remembered({RECENT: 100.0}, NOW))  # what a plug's answer does
    assert rows() == {RECENT: (100.0, 0.9167, "mixed")}


def test_a_run_that_is_stopped_between_two_thousands_leaves_the_plug_known_since_its_first_hour(
    old: OldHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug = make_plug(memory_read_until=NOW)
    old.plug()
    old.hours(OLD, 1200)
    old.hours(RECENT, 1)
    monkeypatch.setattr(importing, "_note", stop)
    with pytest.raises(KeyboardInterrupt):
        run(old)
    monkeypatch.undo()
    assert "0 plugs, 0 hours" in run(old)
    plug.refresh_from_db()
    assert (plug.created_at, plug.memory_read_until) == (OLD, None)


def stop(*_arguments: object) -> None:
    raise KeyboardInterrupt


def test_rebuilding_keeps_what_only_the_predecessor_knew(old: OldHome) -> None:
    plug = make_plug()
    old.plug()
    old.hours(RECENT, 1)
    run(old)
    before = rows()
    assert rebuild_hours([RECENT], [plug.pk], 30).corrected == 0
    assert rows() == before
