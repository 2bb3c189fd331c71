"""``manage.py import_legacy``: the predecessor's prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from energy.models import Tariff
from energy.tests.importing.helpers import left
from energy.tests.legacy_helpers import OldHome, run

pytestmark = pytest.mark.django_db


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
