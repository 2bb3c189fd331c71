"""``GET /api/energy/summary``: the house and the NAS at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from energy import services as energy
from energy.models import EnergyHour, PlugRole, SmartPlug, Tariff, TariffZone
from energy.readings import Reading
from energy.services import PlugLatest
from nasctl.models import NasStatus
from nasctl.services import split_hours
from nasctl.state import Reason
from nasctl.tests.energy_history import ASLEEP_W, AWAKE_W, change, hours, make_nas_plug

pytestmark = pytest.mark.django_db

URL = "/api/energy/summary"
#: The first moment of 24 November in the household.
MIDNIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=18)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def nas() -> SmartPlug:
    """Give a NAS's plug."""
    return make_nas_plug()


def ask(api: APIClient) -> dict[str, Any]:
    answer = api.get(URL)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def days(plug: SmartPlug, first: int, last: int, energy_wh: float) -> None:
    """Give a plug full hours on whole days, counted from today; the last one is not in it."""
    hours(plug, MIDNIGHT + timedelta(days=first), 24 * (last - first), energy_wh)


def say(monkeypatch: pytest.MonkeyPatch, *latest: tuple[SmartPlug, float | None, float]) -> None:
    """Have plugs say a power, some seconds ago."""
    found = [
        PlugLatest(
            plug,
            Reading(
                device_id=plug.device_id,
                at=NOW - timedelta(seconds=age_s),
                power_w=power_w,
                voltage_v=None,
                current_a=None,
                today_energy_wh=None,
                relay_on=True,
                rssi=None,
            ),
            age_s,
            is_stale=age_s > 90,
        )
        for plug, power_w, age_s in latest
    ]
    monkeypatch.setattr(energy, "latest_of_plugs", lambda _plugs, _now: found)


def test_the_daily_mean_and_the_estimate_are_of_the_house_not_of_a_plug(
    nas: SmartPlug, api: APIClient
) -> None:
    """PREDECESSOR 18: with three plugs both were a third."""
    plugs = [nas, *(make_nas_plug(n, PlugRole.GENERIC) for n in (2, 3))]
    for plug in plugs:
        days(plug, -7, 0, 1000 / 24)
    body = ask(api)
    assert body["avg_daily_kwh"] == pytest.approx(3.0)
    assert body["days_counted"] == 7
    assert body["monthly_cost_estimate_cents"] == (3 * 30 * 32)
    assert (body["avg_daily_kwh_known"], body["monthly_cost_estimate_cents_known"]) == (True, True)


def test_today_and_this_month_are_in_it_and_a_day_is_a_day(nas: SmartPlug, api: APIClient) -> None:
    """PREDECESSOR 24: a day was 24 to 25 hours with the partial one, a month had no today."""
    days(nas, -30, 0, 100)
    hours(nas, MIDNIGHT, 18, 100)
    body = ask(api)
    assert body["yesterday"] == {"energy_kwh": 2.4, "cost": 0.768}
    assert body["today"] == {"energy_kwh": 1.8, "cost": 0.576}
    assert body["this_month"]["energy_kwh"] == pytest.approx(23 * 2.4 + 1.8)
    assert body["last_month"]["energy_kwh"] == pytest.approx(7 * 2.4)  # 25 to 31 October
    assert body["avg_daily_kwh"] == pytest.approx(2.4)


def test_a_month_before_with_a_25_hour_day_has_all_its_hours(
    nas: SmartPlug, api: APIClient
) -> None:
    hours(nas, datetime(2026, 10, 24, 22, tzinfo=UTC), 25, 100)  # the clock goes back
    assert ask(api)["last_month"]["energy_kwh"] == pytest.approx(2.5)


def test_days_without_data_are_not_averaged(nas: SmartPlug, api: APIClient) -> None:
    days(nas, -9, -6, 100)
    days(nas, -2, -1, 50)
    body = ask(api)
    assert body["days_counted"] == 2
    assert body["avg_daily_kwh"] == pytest.approx((2.4 + 1.2) / 2)


def test_a_day_that_is_known_in_part_is_no_day(nas: SmartPlug, api: APIClient) -> None:
    hours(nas, MIDNIGHT - timedelta(hours=2), 2, 100)  # added at 22:00 yesterday
    body = ask(api)
    assert (body["days_counted"], body["avg_daily_kwh_known"]) == (0, False)
    assert body["monthly_cost_estimate_cents_known"] is False
    days(nas, -2, -1, 100)
    body = ask(api)
    assert (body["days_counted"], body["avg_daily_kwh"]) == (1, 2.4)
    assert body["monthly_cost_estimate_cents"] == round(30 * 2.4 * 32)


@pytest.mark.parametrize(
    ("missing_h", "counted"), [pytest.param(2, 1, id="91 %"), pytest.param(3, 0, id="87 %")]
)
def test_nine_tenths_of_a_day_stand_for_it(
    nas: SmartPlug, api: APIClient, missing_h: int, counted: int
) -> None:
    hours(nas, MIDNIGHT - timedelta(hours=24 - missing_h), 24 - missing_h, 100)
    assert ask(api)["days_counted"] == counted


def test_a_plug_that_is_new_counts_by_its_own_days(nas: SmartPlug, api: APIClient) -> None:
    days(nas, -7, 0, 100)
    days(make_nas_plug(2, PlugRole.GENERIC), -1, 0, 50)
    hours(make_nas_plug(3, PlugRole.GENERIC), MIDNIGHT - timedelta(hours=2), 2, 500)
    body = ask(api)
    assert body["avg_daily_kwh"] == pytest.approx(2.4 + 1.2)
    assert body["days_counted"] == 7
    assert body["monthly_cost_estimate_cents"] == round(30 * 3.6 * 32)


def test_the_estimate_is_at_the_prices_of_the_hours_that_were_used(
    nas: SmartPlug, api: APIClient
) -> None:
    tariff = Tariff.objects.create(
        name="HT/NT", price_per_kwh=Decimal("0.40"), base_fee_per_month=Decimal(12)
    )
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh=Decimal("0.20")
    )
    days(nas, -7, 0, 100)
    body = ask(api)
    # 1.6 kWh at 40 ct and 0.8 kWh at 20 ct on each of 30 days; no base fee.
    assert body["monthly_cost_estimate_cents"] == round(30 * (1.6 * 40 + 0.8 * 20))


def test_power_is_of_the_plugs_that_answer(
    nas: SmartPlug, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fridge, lamp, old = (make_nas_plug(n, PlugRole.GENERIC) for n in (2, 3, 4))
    say(monkeypatch, (nas, 34.0, 5), (fridge, 60.5, 20), (lamp, None, 5), (old, 500.0, 600))
    body = ask(api)
    assert (body["total_devices"], body["total_power_w"]) == (4, 94.5)
    assert body["total_power_w_known"] is True
    assert body["nas_state"] == "idle"


@pytest.mark.parametrize(
    ("power_w", "age_s", "expected"),
    [
        pytest.param(1.0, 5, "off", id="off"),
        pytest.param(8.0, 5, "standby", id="standby"),
        pytest.param(34.0, 5, "idle", id="idle"),
        pytest.param(80.0, 5, "active", id="active"),
        pytest.param(80.0, 600, "unknown", id="stale"),
        pytest.param(None, 5, "unknown", id="no power"),
    ],
)
def test_the_nas_s_power_state_is_by_a_fresh_reading(
    power_w: float | None,
    age_s: float,
    expected: str,
    nas: SmartPlug,
    api: APIClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(monkeypatch, (nas, power_w, age_s))
    assert ask(api)["nas_state"] == expected


def test_the_public_state_stands_beside_it(nas: SmartPlug, api: APIClient) -> None:
    NasStatus.objects.create(pk=1, state="online", since=NOW, moved_at=NOW, version=1)
    assert ask(api)["nas_public_state"] == "online"


def test_what_sleeping_saved_is_that_of_the_day_and_the_month(
    nas: SmartPlug, api: APIClient
) -> None:
    change(MIDNIGHT - timedelta(days=3), "online")
    hours(nas, MIDNIGHT - timedelta(days=3), 48, AWAKE_W)
    change(MIDNIGHT - timedelta(days=1), "offline", Reason.SHUT_DOWN)
    hours(nas, MIDNIGHT - timedelta(days=1), 24 + 18, ASLEEP_W)
    split_hours(NOW)
    body = ask(api)
    assert body["saved_today"] == {"energy_kwh": 0.594, "cost": 0.1901}
    assert body["saved_this_month"] == {"energy_kwh": 1.386, "cost": 0.4435}
    day = api.get("/api/nas/energy", {"period": "day"}).json()["saved"]
    assert body["saved_today"]["energy_kwh"] == day["energy_kwh"]


def test_without_any_plug_numbers_are_0_and_say_that_they_are_not_known(api: APIClient) -> None:
    body = ask(api)
    for name in ("total_power_w", "avg_daily_kwh", "monthly_cost_estimate_cents"):
        assert body[name] == 0
        assert body[f"{name}_known"] is False
    assert (body["total_devices"], body["days_counted"]) == (0, 0)
    assert (body["nas_state"], body["nas_public_state"]) == ("unknown", "unknown")
    for name in ("today", "last_month", "saved_today", "saved_this_month"):
        assert body[name] == {"energy_kwh": None, "cost": None}
    assert body["currency"] == "EUR"


def test_plugs_that_are_not_polled_count_with_what_they_used(
    nas: SmartPlug, api: APIClient
) -> None:
    days(nas, -1, 0, 100)
    SmartPlug.objects.update(enabled=False)
    body = ask(api)
    assert body["total_devices"] == 0
    assert body["yesterday"]["energy_kwh"] == 2.4


def test_it_needs_a_login_unless_all_may_read(nobody: APIClient, settings: Any) -> None:
    settings.PUBLIC_READ = False
    assert nobody.get(URL).status_code == 401
    settings.PUBLIC_READ = True
    assert nobody.get(URL).status_code == 200


def test_it_costs_few_queries(
    nas: SmartPlug, api: APIClient, django_assert_max_num_queries: Any
) -> None:
    change(MIDNIGHT - timedelta(days=40), "online")
    for plug in (nas, *(make_nas_plug(n, PlugRole.GENERIC) for n in range(2, 6))):
        days(plug, -35, 0, 100)
    split_hours(NOW)
    hours(nas, MIDNIGHT, 18, 100)
    tariff = Tariff.objects.create(name="one", price_per_kwh=Decimal("0.40"))
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh=Decimal("0.20")
    )
    with django_assert_max_num_queries(14):
        ask(api)
    assert EnergyHour.objects.exists()
