"""GET /api/energy/costs: what energy costs, by price and by plug; parts add up to the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from balupi_site.tests.examples import share_of_examples
from energy.models import EnergyHour, SmartPlug, Tariff, TariffZone
from energy.tests.factories import make_plug
from energy.tests.history_helpers import HOUR, answer, cents, reader, store_hours

pytestmark = pytest.mark.django_db
#: A Wednesday, 15:00 in Berlin.
NOW = datetime(2026, 3, 4, 14, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, 23, tzinfo=UTC)


@pytest.fixture
def api(no_redis: None) -> APIClient:
    return reader()


def costs(api: APIClient, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer(api, "costs", NOW, **parameters)
    return found


def test_without_a_tariff_the_default_price_counts(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT, 15, 100.0)
    found = costs(api, device_id=plug.device_id, period="day")
    assert found["total_kwh"] == 1.5
    assert found["cost_cents"] == cents(48.0)
    assert (found["price_per_kwh_cents"], found["currency"]) == (32.0, "EUR")
    assert found["coverage"] == 1.0
    assert (found["cost"], found["base_fee"], found["total_cost"]) == (
        cents(0.48),
        0.0,
        cents(0.48),
    )


def test_each_hour_costs_what_was_in_force_then(api: APIClient) -> None:
    """PREDECESSOR 22: the newest price counted for everything."""
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 72, 72 + 15, 100.0)
    Tariff.objects.create(name="old", price_per_kwh="0.30", valid_to=date(2026, 3, 3))
    Tariff.objects.create(name="new", price_per_kwh="0.40", valid_from=date(2026, 3, 3))
    found = costs(api, period="month")
    assert {row["tariff"]: (row["energy_kwh"], row["cost"]) for row in found["by_price"]} == {
        "old": (4.8, cents(1.44)),
        "new": (3.9, cents(1.56)),
    }
    assert found["cost"] == cents(3.0)
    assert found["price_per_kwh_cents"] == pytest.approx(300 / 8.7, abs=1e-3)
    assert found["price_now_per_kwh_cents"] == 40.0


def test_night_has_its_own_price(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 24, 24, 100.0)
    tariff = Tariff.objects.create(name="HT/NT", price_per_kwh="0.35")
    TariffZone.objects.create(
        tariff=tariff, name="NT", start=time(22), end=time(6, 30), price_per_kwh="0.25"
    )
    found = costs(api, period="day", at="2026-03-03")
    assert {row["zone"]: row["energy_kwh"] for row in found["by_price"]} == {
        "NT": pytest.approx(0.85),
        "": pytest.approx(1.55),
    }
    assert found["cost"] == cents(round(0.85 * 0.25 + 1.55 * 0.35, 4))


def test_the_base_fee_is_of_exactly_the_time_that_is_over(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 72, 72 + 15, 100.0)
    Tariff.objects.create(name="fee", price_per_kwh="0.30", base_fee_per_month="31.00")
    found = costs(api, period="day")
    # This March has 743 hours; 15 of them are over today, 87 this month.
    assert found["base_fee"] == cents(round(31 * 15 / 743, 4))
    assert found["total_cost"] == cents(0.45 + found["base_fee"])
    assert costs(api, period="month")["base_fee"] == cents(round(31 * 87 / 743, 4))


def test_a_day_is_its_own_hours_and_no_more(api: APIClient) -> None:
    """PREDECESSOR 24: a day cost 24 to 25 hours, a part of yesterday among them."""
    store_hours(make_plug(), MIDNIGHT - HOUR * 30, 45, 100.0)
    assert costs(api, period="day")["total_kwh"] == 1.5


def test_nothing_known_is_told_and_costs_nothing(api: APIClient) -> None:
    make_plug()
    found = costs(api)
    assert (found["period"], found["total_kwh"], found["total_known"]) == ("month", 0.0, False)
    assert found["by_device"][0]["cost"] is None
    refused = answer(api, "costs", NOW, period="banana", status=400)
    assert "day, week, month, year" in refused["errors"]["period"][0]


@example(energies=[[5e-324]], prices=[Decimal("0.3"), Decimal("0.4")])  # next to nothing
@share_of_examples(0.15)
@given(
    energies=st.lists(
        st.lists(st.floats(0, 3000), min_size=1, max_size=60), min_size=1, max_size=4
    ),
    prices=st.lists(st.decimals(0, 2, places=4, allow_nan=False), min_size=2, max_size=2),
)
def test_the_parts_add_up_to_the_whole_to_the_cent(
    api: APIClient, energies: list[list[float]], prices: list[Decimal]
) -> None:
    SmartPlug.objects.all().delete()
    Tariff.objects.all().delete()
    for number, powers in enumerate(energies):
        plug = make_plug(101 + number)
        EnergyHour.objects.bulk_create(
            EnergyHour(plug=plug, hour=MIDNIGHT - HOUR * n, energy_wh=wh, coverage=1.0)
            for n, wh in enumerate(powers)
        )
    Tariff.objects.create(name="old", price_per_kwh=prices[0], valid_to=date(2026, 3, 3))
    Tariff.objects.create(name="new", price_per_kwh=prices[1], valid_from=date(2026, 3, 3))
    span: dict[str, Any] = {"from": "2026-03-01", "to": "2026-03-04T10:00"}
    found, rows = costs(api, **span), answer(api, "history", NOW, **span)
    whole = Decimal(str(found["cost"]))
    for parts, shown in (
        (found["by_price"], whole),
        (found["by_device"], whole),
        (rows["data"], Decimal(str(rows["total"]["cost"]))),
    ):
        assert sum(Decimal(str(part["cost"] or 0)) for part in parts) == shown
    exact = Decimal(0)
    for hour in EnergyHour.objects.all():
        price = prices[1] if hour.hour >= MIDNIGHT - HOUR * 24 else prices[0]
        exact += Decimal(hour.energy_wh) * price / 1000
    assert abs(whole - exact) < Decimal("0.0001")


def test_no_plug_has_a_part_in_the_base_fee(api: APIClient) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT, 15, 100.0)
    Tariff.objects.create(name="fee", price_per_kwh="0.30", base_fee_per_month="31.00")
    found = costs(api, period="day", device_id=plug.device_id)
    assert (found["base_fee"], found["total_cost"]) == (0.0, cents(0.45))


def test_no_base_fee_is_of_a_time_before_anything_was_measured(api: APIClient) -> None:
    store_hours(make_plug(), MIDNIGHT, 15, 100.0)
    Tariff.objects.create(name="fee", price_per_kwh="0.30", base_fee_per_month="31.00")
    today = costs(api, period="day")["base_fee"]
    assert today > 0
    assert costs(api, period="year")["base_fee"] == today
    long: dict[str, Any] = {"from": "2001-01-01"}
    assert answer(api, "costs", NOW, **long)["base_fee"] == today
