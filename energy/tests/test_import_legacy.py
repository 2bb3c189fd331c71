"""``manage.py import_legacy``: the predecessor's history is taken over, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management.base import CommandError

from balupi_site.events.models import Event
from energy.api.queries import plug_or_404
from energy.memory import Remembered
from energy.metering import HOUR
from energy.models import EnergyHour, PlugRole, SmartPlug, Tariff
from energy.periods import Span
from energy.services import filling, importing
from energy.services.figures import PriceBook, figures_of
from energy.services.rebuilding import rebuild_hours
from energy.tests.factories import make_plug
from energy.tests.legacy_helpers import LAMP, NAS, OldHome, run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
#: Long ago, without readings.
OLD = datetime(2026, 1, 5, tzinfo=UTC)
#: The readings of this hour still exist.
RECENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def old(tmp_path: Path) -> OldHome:
    return OldHome(tmp_path / "balupi.db")


def rows() -> dict[datetime, Any]:
    found = EnergyHour.objects.all()
    return {row.hour: (row.energy_wh, round(row.coverage, 4), row.source) for row in found}


def left(old: OldHome, table: str = "energy_hourly") -> dict[str, int]:
    tables = json.loads(run(old, "--json", "--dry-run"))["tables"]
    return {reason: each["count"] for reason, each in tables[table]["left"].items()}


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


def test_readings_of_a_plug_that_did_not_answer_are_no_zeros(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.samples(RECENT, RECENT + HOUR / 2)
    old.samples(RECENT + HOUR / 2 + timedelta(seconds=30), RECENT + HOUR, 0, voltage_mv=None)
    run(old)
    assert rows()[RECENT] == (pytest.approx(50), 0.5, "recounted")


def test_a_plug_that_is_known_is_found_by_its_mac_and_keeps_what_the_owner_chose(
    old: OldHome,
) -> None:
    make_plug(name="My NAS", host="127.0.0.9")
    old.plug(name="Other", role="nas")
    old.hours(OLD, 1)
    assert "is 'My NAS' here, by its MAC address" in run(old)
    plug = SmartPlug.objects.get()
    assert (plug.name, plug.host, plug.role) == ("My NAS", "127.0.0.9", PlugRole.GENERIC)
    assert plug.created_at == OLD  # so its memory completes what came after it


def test_a_new_plug_is_not_polled_and_its_odd_values_are_told(old: OldHome) -> None:
    old.plug()
    old.plug(
        LAMP,
        name="Lamp\0" * 30,
        mac_address="02-00-5e-00-00-66",
        role="banana",
        ip_address="8.8.8.8",
    )
    told = run(old)
    nas, lamp = SmartPlug.objects.order_by("mac")
    assert plug_or_404(nas.device_id) == nas  # the API would not find its UUID
    assert (nas.device_id, nas.role, nas.enabled, nas.host) == (
        "02005E000065",
        "nas",
        False,
        "127.0.0.101",
    )
    assert (lamp.role, lamp.enabled, lamp.host, lamp.mac) == (
        "generic", False, "0.0.0.0", "02:00:5e:00:00:66",
    )  # fmt: skip
    assert "the address 8.8.8.8 is none of a plug here; 'banana' is no role" in told
    assert [event.subject for event in Event.objects.order_by("pk")][-1] == "import_legacy"


def test_predecessor_28_only_one_plug_can_be_the_nas(old: OldHome) -> None:
    old.plug()
    old.plug(LAMP, name="Lamp", mac_address="02:00:5e:00:00:66")
    run(old)
    assert {plug.role for plug in SmartPlug.objects.all()} == {"generic"}


def test_two_plugs_there_may_be_one_here(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.plug(LAMP, name="NAS again")
    old.hours(OLD, 2)
    old.hours(OLD + HOUR, 2, device_id=LAMP)
    report = json.loads(run(old, "--json"))
    assert report["changes"]["hours"] == len(rows()) == 3
    tally = report["tables"]["energy_hourly"]
    assert (tally["read"], tally["taken"]) == (4, 3)


def test_a_plug_without_a_mac_is_left_until_somebody_says_which_one_it_is(old: OldHome) -> None:
    make_plug(name="Desk lamp")
    old.plug(name="Desk", mac_address=None)
    old.hours(OLD, 1)
    assert "Desk: left, its plug has no MAC address" in run(old)
    assert not rows()
    with pytest.raises(CommandError, match="no plug is called 'Nobody' here"):
        run(old, "--plug", "Desk=Nobody")
    assert "is 'Desk lamp' here, as you said" in run(old, "--plug", "Desk=Desk lamp")
    assert len(rows()) == 1


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


def prices() -> list[tuple[str, Decimal, date | None, date | None]]:
    found = Tariff.objects.order_by("pk")
    return [(it.name, it.price_per_kwh, it.valid_from, it.valid_to) for it in found]


def test_predecessor_22_each_price_counts_in_its_own_time(old: OldHome) -> None:
    old.price("First", 30.5)
    old.price("Second", 28, valid_from="2025-06-01", valid_to="2025-08-31")
    old.price("Third", 33.125, created_at="2026-01-31 23:30:00")  # February in the household
    run(old)
    assert prices() == [
        ("First", Decimal("0.305"), None, date(2025, 6, 1)),
        ("Second", Decimal("0.28"), date(2025, 6, 1), date(2025, 9, 1)),
        ("Third", Decimal("0.33125"), date(2026, 2, 1), None),
    ]


def test_days_before_and_after_all_time_mean_no_first_and_no_last_day(old: OldHome) -> None:
    old.price("Once", 30, valid_from="1970-01-01", valid_to="2025-12-31")
    old.price("Now", 32, valid_from="2026-01-01", valid_to="9999-12-31")
    old.price("Still", 33, valid_from="2026-02-01", valid_to="9999-12-31")
    old.price("Never", 34, valid_from="2999-01-01")
    run(old)
    assert [(name, first, end) for name, _price, first, end in prices()] == [
        ("Once", None, date(2026, 1, 1)),
        ("Now", date(2026, 1, 1), date(2026, 2, 1)),
        ("Still", date(2026, 2, 1), None),
    ]
    assert left(old, "energy_price_config")["it never begins"] == 1


def test_prices_take_only_the_room_that_our_tariffs_leave(old: OldHome) -> None:
    for first, end in ((date(2025, 3, 1), date(2025, 5, 1)), (date(2026, 1, 1), None)):
        Tariff.objects.create(name="Ours", price_per_kwh=1, valid_from=first, valid_to=end)
    old.price("Old", 30)
    run(old)
    assert prices()[2:] == [
        ("Old", Decimal("0.3"), None, date(2025, 3, 1)),
        ("Old", Decimal("0.3"), date(2025, 5, 1), date(2026, 1, 1)),
    ]
    before = prices()
    run(old)
    assert prices() == before


@pytest.mark.parametrize(
    "values",
    [
        {"price_per_kwh_cents": -5},
        {"price_per_kwh_cents": 1e6},
        {"price_per_kwh_cents": None},
        {"is_active": 0},
        {"valid_from": "soon"},
        {"valid_from": "2026-01-02", "valid_to": "2025-01-01"},
    ],
)
def test_predecessor_11_a_price_that_cannot_be_is_left(
    old: OldHome, values: dict[str, Any]
) -> None:
    old.price("Odd", 30, **values)
    assert sum(left(old, "energy_price_config").values()) == 1
    assert not prices()


def test_a_file_in_use_is_read_with_what_is_not_in_it_yet_and_never_written(old: OldHome) -> None:
    make_plug()
    old.plug()
    with old.open() as keeps_it_open:
        keeps_it_open.execute("SELECT count(*) FROM tapo_devices").fetchall()
        old.hours(OLD, 2)
        before = hashlib.sha256(old.path.read_bytes()).digest()
        assert old.path.with_name("balupi.db-wal").stat().st_size > 0
        run(old)
        assert hashlib.sha256(old.path.read_bytes()).digest() == before
    assert len(rows()) == 2


def test_a_file_that_nobody_has_open_gets_no_company(old: OldHome) -> None:
    old.plug()
    run(old)
    assert [path.name for path in old.path.parent.glob("*.db*")] == ["balupi.db"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DROP TABLE energy_daily", "has no table energy_daily, so it is not the predecessor's"),
        (
            "ALTER TABLE energy_hourly RENAME COLUMN energy_wh TO energy",
            "The table energy_hourly in .* has no column energy_wh",
        ),
    ],
)
def test_another_schema_is_refused_by_name(old: OldHome, sql: str, message: str) -> None:
    with old.open() as file:
        file.execute(sql)
    with pytest.raises(CommandError, match=message):
        run(old)


def test_a_column_of_a_newer_one_is_told_and_not_read(old: OldHome) -> None:
    with old.open() as file:
        file.execute("ALTER TABLE energy_hourly ADD COLUMN quality TEXT")
    assert "The column energy_hourly.quality is not known" in run(old)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no file .*none\.db"):
        run(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database at all " * 100)
    with pytest.raises(CommandError, match=r"text\.db is no SQLite database"):
        run(tmp_path / "text.db")


def test_a_file_in_a_folder_that_is_closed_to_us_is_told_with_the_way_to_copy_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)  # as in somebody's home; root may read all
    with pytest.raises(
        CommandError, match=r"permission denied.*install -m 600 -o balupi .*old\.db\*"
    ):
        run(tmp_path / "old.db")


def test_a_broken_file_is_told(old: OldHome) -> None:
    make_plug()
    old.plug()
    old.hours(OLD, 2000)
    whole = old.path.read_bytes()
    old.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="cannot be read"):
        run(old)
