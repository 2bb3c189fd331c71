"""Adding, changing and deleting tariffs, what that re-prices, and two at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from energy.models import EnergyHour, SmartPlug, Tariff
from energy.services import tariffs
from energy.services.price_preview import preview_of
from energy.services.tariffs import (
    active_tariffs,
    add_tariff,
    change_tariff,
    delete_tariff,
    fallback_price,
    household_currency,
)
from energy.tariffs import TariffRule
from energy.tests.factories import make_plug
from energy.tests.test_tariffs import NIGHT, tariff, zone_rule

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 10, 12, 20, tzinfo=UTC)
TODAY = date(2026, 6, 10)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _household(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    settings.ENERGY_DEFAULT_PRICE_CENTS = 40.0


def store_hours(plug: SmartPlug, first: datetime, count: int, energy_wh: float = 1000) -> None:
    EnergyHour.objects.bulk_create(
        EnergyHour(plug=plug, hour=first + index * HOUR, energy_wh=energy_wh, coverage=1.0)
        for index in range(count)
    )


def add(rule: TariffRule, **options: Any) -> tariffs.TariffsChanged:
    return add_tariff(rule, **{"is_active": True, "now": NOW, **options})


def test_without_tariffs_the_setting_counts() -> None:
    assert fallback_price().per_kwh == Decimal("0.40")
    assert fallback_price().tariff_name == "default"
    assert household_currency() == "EUR"
    assert active_tariffs() == []


def test_tariffs_come_back_as_they_were_added(django_assert_num_queries: Any) -> None:
    later = tariff(NIGHT, valid=("2027-01-01", None), fee="9.95")
    add(later)
    add(tariff(valid=("2026-01-01", "2027-01-01")))
    add(tariff(number=3), is_active=False)
    with django_assert_num_queries(2):
        found = active_tariffs()
    assert [each.valid_from for each in found] == [date(2026, 1, 1), date(2027, 1, 1)]
    assert found[1] == TariffRule(
        **{name: getattr(later, name) for name in later.__dataclass_fields__}
        | {"tariff_id": found[1].tariff_id}
    )


def test_the_first_is_valid_since_ever_and_the_next_from_today_on() -> None:
    first = add(tariff(number=1)).tariff
    changed = add(tariff(number=2))
    assert first is not None
    assert changed.ended is not None
    assert (changed.ended.name, changed.ended.valid_to) == ("T1", TODAY)
    assert [(each.name, each.valid_from, each.valid_to) for each in active_tariffs()] == [
        ("T1", None, TODAY),
        ("T2", TODAY, None),
    ]


def test_today_is_the_day_of_the_household() -> None:
    add(tariff(number=1))
    add(tariff(number=2), now=datetime(2026, 6, 10, 22, 30, tzinfo=UTC))
    assert active_tariffs()[1].valid_from == date(2026, 6, 11)


def test_a_second_price_on_one_day_takes_the_place_of_the_first() -> None:
    for number in (1, 2, 3):
        changed = add(tariff(number=number))
    assert changed.ended is not None
    assert changed.ended.name == "T2"
    assert [each.name for each in active_tariffs()] == ["T1", "T3"]
    assert not Tariff.objects.get(name="T2").is_active
    assert [each.name for each in changed.after] == ["T1", "T3"]


@pytest.mark.parametrize(
    ("valid", "field", "words"),
    [
        pytest.param(
            ("2026-05-01", "2026-06-01"), "valid_from", ["T1", "from 2026-01-01"], id="within"
        ),
        pytest.param(
            ("2025-05-01", None), "valid_to", ["T1", "until before 2027-01-01"], id="into it"
        ),
        pytest.param((None, None), "valid_from", ["T1"], id="today, where no other is open-ended"),
        pytest.param(("2027-01-01", "2027-01-01"), "valid_to", ["2027-01-01"], id="no day"),
        pytest.param(("0001-01-01", None), "valid_from", ["1970"], id="before all"),
        pytest.param((None, "9999-12-31"), "valid_to", ["2999"], id="after all"),
    ],
)
def test_it_refuses_days_that_clash_and_names_the_field(
    valid: tuple[str | None, str | None], field: str, words: list[str]
) -> None:
    add(tariff(valid=("2026-01-01", "2027-01-01")))
    with pytest.raises(ValidationError) as refused:
        add(tariff(valid=valid, number=2))
    [text] = refused.value.message_dict[field]
    assert all(word in text for word in words)
    assert Tariff.objects.count() == 1


def test_it_refuses_a_second_currency_and_names_the_tariff_that_has_the_first() -> None:
    add(tariff())
    francs = TariffRule(2, "T2", Decimal(1), Decimal(0), "CHF", date(2026, 7, 1), None, ())
    with pytest.raises(ValidationError) as refused:
        add(francs)
    assert "T1" in refused.value.message_dict["currency"][0]
    add(francs, is_active=False)
    assert household_currency() == "EUR"


def test_it_refuses_zones_that_overlap_and_ends_nothing() -> None:
    add(tariff(number=1))
    with pytest.raises(ValidationError) as refused:
        add(tariff(NIGHT, NIGHT, number=2))
    assert "NT" in refused.value.message_dict["zones"][0]
    assert Tariff.objects.get().valid_to is None


def test_a_dry_run_changes_nothing() -> None:
    stored = add(tariff(number=1)).tariff
    assert stored is not None
    rows = list(Tariff.objects.values())
    assert add(tariff(number=2), dry_run=True).ended is not None
    change_tariff(stored, tariff(price="9"), is_active=False, dry_run=True)
    delete_tariff(stored, dry_run=True)
    assert list(Tariff.objects.values()) == rows


def test_the_preview_counts_past_hours_only_and_by_tariff() -> None:
    one, other = make_plug(101), make_plug(102)
    store_hours(one, datetime(2026, 6, 9, 20, tzinfo=UTC), 24 * 3)  # into the future
    store_hours(other, datetime(2026, 6, 10, 10, tzinfo=UTC), 1)
    changed = add(tariff(price="0.30"))
    changed = add(tariff(price="0.25", number=2))  # from midnight, 22:00 UTC, to 12:20 UTC
    found = preview_of(changed.before, changed.after, NOW)
    assert (found.hours, found.changes_the_past) == (15, True)
    assert found.first == datetime(2026, 6, 9, 22, tzinfo=UTC)
    assert found.last == datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert found.energy_wh == pytest.approx(16_000)
    assert (found.before, found.after) == (Decimal("4.80"), Decimal("4.00"))
    assert [(each.name, each.before, each.after) for each in found.by_tariff] == [
        ("T1", Decimal("4.80"), 0),
        ("T2", 0, Decimal("4.00")),
    ]


def test_hours_without_energy_are_not_counted() -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5, energy_wh=0)
    assert preview_of([], [tariff()], NOW).hours == 0


def test_a_tariff_that_does_not_count_ends_none_and_keeps_its_days() -> None:
    add(tariff(number=1))
    changed = add(tariff(number=2), is_active=False)
    assert changed.ended is None
    assert changed.before == changed.after
    assert list(Tariff.objects.values_list("valid_from", "valid_to")) == [(None, None)] * 2


def test_the_preview_looks_at_zones_by_the_minute() -> None:
    store_hours(make_plug(), datetime(2026, 6, 8, 22, tzinfo=UTC), 24)
    half_past = tariff(zone_rule("12:30", "14:00"))
    found = preview_of([tariff()], [half_past], NOW)
    assert (found.hours, found.before, found.after) == (2, Decimal("0.45"), Decimal("0.30"))


def test_the_same_price_under_another_name_re_prices_nothing() -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    found = preview_of([tariff()], [tariff(number=2)], NOW)
    assert (found.hours, found.first, found.changes_the_past) == (0, None, False)


def test_another_currency_re_prices_everything() -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    francs = TariffRule(1, "T1", Decimal("0.30"), Decimal(0), "CHF", None, None, ())
    found = preview_of([tariff()], [francs], NOW)
    assert (found.hours, found.currency_before, found.currency_after) == (5, "EUR", "CHF")


def test_base_fees_of_the_past_are_told() -> None:
    store_hours(make_plug(), datetime(2026, 5, 31, 22, tzinfo=UTC), 1)
    found = preview_of([tariff(fee="0")], [tariff(fee="30")], NOW)
    assert (found.hours, found.changes_the_past) == (0, True)
    assert found.fee_before == 0
    assert round(found.fee_after, 2) == Decimal("9.60")  # 230 h 20 min of 720 h


def test_a_future_tariff_and_an_empty_house_re_price_nothing() -> None:
    assert preview_of([], [tariff()], NOW).hours == 0
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 48)
    assert preview_of([], [tariff(valid=("2026-06-11", None))], NOW).hours == 0


def test_half_hours_of_the_household_are_exact(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    store_hours(make_plug(), datetime(2026, 6, 9, 18, tzinfo=UTC), 2)
    found = preview_of([], [tariff(valid=("2026-06-10", None))], NOW)  # from 18:30 UTC
    assert found.hours == 2
    assert found.energy_wh == pytest.approx(1500)


def test_deleting_gives_its_hours_the_price_of_the_setting() -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    stored = add(tariff(NIGHT)).tariff
    assert stored is not None
    changed = delete_tariff(stored)
    found = preview_of(changed.before, changed.after, NOW)
    assert (found.hours, found.after) == (5, Decimal("2.00"))
    assert [each.name for each in found.by_tariff] == ["T1", "default"]
    assert not Tariff.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_a_time_do_not_both_pass_the_check() -> None:
    """On SQLite each transaction is the only writer; a database in memory cannot show it."""
    if connection.vendor == "sqlite":
        pytest.skip("connections to SQLite in memory do not wait for each other")
    barrier = Barrier(2)

    def add_one(number: int) -> str:
        try:
            barrier.wait(5)
            add(tariff(valid=("2026-07-01", None), number=number))
        except ValidationError as error:
            return str(next(iter(error.message_dict)))
        finally:
            connection.close()
        return "added"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(add_one, (1, 2))) == ["added", "valid_from"]
    assert Tariff.objects.count() == 1
