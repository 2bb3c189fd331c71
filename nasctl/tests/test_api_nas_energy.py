"""``GET /api/nas/energy``: the NAS's energy by state, and what sleeping saved."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from rest_framework.test import APIClient

from energy.metering import HOUR
from energy.models import EnergyHour, EnergySource, SmartPlug, Tariff, TariffZone
from energy.periods import Period
from energy.services.figures import figures_of
from nasctl.energy_split import HourState
from nasctl.models import NasHour
from nasctl.services import nas_energy, split_hours
from nasctl.state import Reason
from nasctl.tests.energy_history import ASLEEP_W, AWAKE_W, change, hours, make_nas_plug, measure

pytestmark = pytest.mark.django_db

URL = "/api/nas/energy"
#: A day in winter: local midnight is 23:00 UTC.
MIDNIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(hours=18)
STATES = ["online", "booting", "shutting_down", "offline", "unreachable", "unknown"]


def after(number: float) -> datetime:
    """Return a moment so many hours after midnight."""
    return MIDNIGHT + timedelta(hours=number)


@pytest.fixture
def nas() -> SmartPlug:
    """Give a NAS that sleeps from midnight to 08:00, every day; yesterday from midnight on, too."""
    plug = make_nas_plug()
    for day in range(-40, 1):
        change(after(24 * day), "offline", Reason.SHUT_DOWN)
        change(after(24 * day + 8), "online", Reason.ANSWERS)
    return plug


def is_asleep(hour: datetime) -> bool:
    return (hour - MIDNIGHT) % timedelta(days=1) < timedelta(hours=8)


def energy_of(hour: datetime) -> float:
    return ASLEEP_W if is_asleep(hour) else AWAKE_W


def fill(plug: SmartPlug, days: int = 5) -> None:
    """Give it full hours from some days ago up to now, split."""
    hours(plug, after(-24 * days), 24 * days + 18, energy_of)
    split_hours(NOW)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def ask(api: APIClient, **query: str) -> dict[str, Any]:
    answer = api.get(URL, query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def by_state(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["state"]: row for row in body["states"]}


def test_a_day_is_split_by_state(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    body = ask(api, period="day")
    assert (body["period"], body["currency"], body["time_zone"]) == ("day", "EUR", "Europe/Berlin")
    assert body["from"] == "2026-11-24T00:00:00+01:00"
    assert body["to"] == "2026-11-25T00:00:00+01:00"
    assert [row["state"] for row in body["states"]] == STATES
    states = by_state(body)
    assert states["offline"] == {
        "state": "offline",
        "label": "asleep",
        "hours": 8.0,
        "known_h": 8.0,
        "energy_kwh": 0.008,
        "cost": 0.0026,
    }
    assert states["online"]["energy_kwh"] == pytest.approx(0.34)
    assert states["booting"]["energy_kwh"] == 0.0
    assert body["coverage"] == 1.0
    assert body["total"] == {"hours": 18.0, "known_h": 18.0, "energy_kwh": 0.348, "cost": 0.1114}
    assert "per_day" not in body
    assert "per_month" not in body


def test_saved_is_the_difference_to_idling_with_the_formula_beside_it(
    nas: SmartPlug, api: APIClient
) -> None:
    fill(nas)
    assert ask(api, period="day")["saved"] == {
        "energy_kwh": 0.264,
        "cost": 0.0845,
        "currency": "EUR",
        "asleep_h": 8.0,
        "idle_power_w": 34.0,
        "asleep_power_w": 1.0,
        "formula": "8.0\u00a0h asleep × (34.0\u00a0W idle − 1.0\u00a0W asleep) = 0.26\u00a0kWh",
        "reason": "",
    }


def test_the_formula_is_written_as_the_reader_writes_numbers(nas: SmartPlug) -> None:
    fill(nas)
    with translation.override("de"):
        found = nas_energy(Period.DAY, date(2026, 11, 24), NOW)
    assert found is not None
    assert "8,0\u00a0h" in found.saved.formula
    assert "0,26\u00a0kWh" in found.saved.formula


def test_the_parts_of_a_month_add_up_to_it(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    body = ask(api, period="month")
    rows = body["per_day"]
    assert [row["date"] for row in rows][:2] == ["2026-11-01", "2026-11-02"]
    assert rows[-1]["date"] == "2026-11-24"
    assert rows[0]["energy_kwh"] is None
    assert rows[0]["saved_kwh"] is None
    known = [row for row in rows if row["energy_kwh"] is not None]
    assert [row["date"][-2:] for row in known] == ["19", "20", "21", "22", "23", "24"]
    assert sum(row["saved_kwh"] for row in known) == pytest.approx(body["saved"]["energy_kwh"])
    assert sum(row["saved_cost"] for row in known) == pytest.approx(body["saved"]["cost"])
    assert sum(row["energy_kwh"] for row in known) == pytest.approx(body["total"]["energy_kwh"])
    assert known[0]["asleep_h"] == 8.0
    assert known[0]["energy_kwh_by_state"]["offline"] == 0.008
    assert body["coverage"] == 1.0  # since the plug is known


def test_coverage_is_of_the_time_since_the_plug_is_known(nas: SmartPlug, api: APIClient) -> None:
    SmartPlug.objects.update(created_at=after(6))
    hours(nas, after(12), 6, AWAKE_W)
    split_hours(NOW)
    assert {ask(api, period=period)["coverage"] for period in Period} == {0.5}


def test_states_costs_add_up_to_the_total_as_they_are_shown(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    for period in Period:
        body = ask(api, period=period)
        costs = sum(Decimal(str(row["cost"])) for row in body["states"])
        assert costs == Decimal(str(body["total"]["cost"]))


def test_the_total_is_not_off_by_what_its_states_were_rounded(api: APIClient) -> None:
    plug = make_nas_plug()
    for number, state in enumerate(("online", "booting", "shutting_down")):
        change(after(number), state)
    hours(plug, MIDNIGHT, 3, 0.4375)  # 0.014 ct each
    body = ask(api)
    assert body["total"]["cost"] == 0.0004
    assert sorted(row["cost"] for row in body["states"]) == [0.0, 0.0, 0.0, 0.0001, 0.0001, 0.0002]


def test_a_year_has_months_and_a_week_has_days(nas: SmartPlug, api: APIClient) -> None:
    fill(nas, days=30)
    year = ask(api, period="year")
    assert [row["date"] for row in year["per_month"]][-2:] == ["2026-10-01", "2026-11-01"]
    assert len(year["per_month"]) == 11
    week = ask(api, period="week")
    assert [row["date"] for row in week["per_day"]] == ["2026-11-23", "2026-11-24"]


def test_another_day_can_be_asked_for(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    body = ask(api, period="day", at="2026-11-20")
    assert body["from"] == "2026-11-20T00:00:00+01:00"
    assert body["total"]["hours"] == 24.0
    assert body["saved"]["energy_kwh"] == 0.264


def test_a_day_with_a_repeated_hour_has_25(nas: SmartPlug, api: APIClient) -> None:
    hours(nas, datetime(2026, 10, 24, 22, tzinfo=UTC), 25, 30)
    split_hours(NOW)
    assert ask(api, period="day", at="2026-10-25")["total"]["hours"] == 25.0


def test_a_day_to_come_is_empty(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    body = ask(api, period="week", at="2027-03-01")
    assert body["coverage"] is None
    assert body["total"]["energy_kwh"] is None
    assert body["per_day"] == []
    assert body["saved"]["reason"] == "The NAS's plug was not read in this time."


def test_the_present_hour_and_those_not_split_yet_are_in_it(nas: SmartPlug, api: APIClient) -> None:
    measure(nas, after(6), after(17.5), lambda at: ASLEEP_W if at <= after(8) else AWAKE_W)
    with time_machine.travel(after(17.5), tick=False):
        live = ask(api, period="day")
    assert not NasHour.objects.exists()
    states = by_state(live)
    assert states["offline"]["hours"] == 2.0
    assert states["online"]["hours"] == 9.5
    assert live["total"]["energy_kwh"] == pytest.approx(0.002 + 9.5 * 0.034, abs=2e-4)
    split_hours(after(17.5))
    with time_machine.travel(after(17.5), tick=False):
        stored = ask(api, period="day")
    assert stored["states"] == live["states"]


def test_a_stored_hour_whose_row_changed_counts_once_and_as_it_is_now(
    nas: SmartPlug, api: APIClient
) -> None:
    fill(nas)
    EnergyHour.objects.filter(hour=after(12)).update(energy_wh=134, power_avg_w=134)
    body = ask(api, period="day")
    assert body["total"]["energy_kwh"] == 0.448
    assert body["total"]["hours"] == 18.0


def test_each_hour_is_paid_at_its_own_price(nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    tariff = Tariff.objects.create(name="HT/NT", price_per_kwh=Decimal("0.40"), currency="CHF")
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh=Decimal("0.20")
    )
    body = ask(api, period="day")
    # Asleep from 0 to 8: six hours at 20 ct, two at 40 ct, 33 W saved.
    assert body["saved"]["cost"] == pytest.approx(0.033 * (6 * 0.2 + 2 * 0.4), abs=1e-4)
    assert body["saved"]["currency"] == body["currency"] == "CHF"
    assert by_state(body)["online"]["cost"] == pytest.approx(0.34 * 0.4, abs=1e-4)


def test_a_zone_off_by_half_an_hour_cuts_hours_by_time(
    nas: SmartPlug, api: APIClient, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # midnight is 18:30 UTC
    hours(nas, datetime(2026, 11, 22, 18, tzinfo=UTC), 25, 30)
    split_hours(NOW)
    body = ask(api, period="day", at="2026-11-23")
    assert body["from"] == "2026-11-23T00:00:00+05:30"
    assert (body["total"]["hours"], body["total"]["energy_kwh"]) == (24.0, 0.72)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_days_are_those_of_the_plug_s_own_history(
    zone: str, nas: SmartPlug, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    chance = random.Random(zone)  # noqa: S311  # repeatable, not secret
    for _change in range(60):
        state = chance.choice(["online", "offline", "booting", "shutting_down"])
        change(after(-24 * 24 + chance.uniform(0, 24 * 24)), state, Reason.SHUT_DOWN)
    hours(nas, after(-24 * 24), 24 * 22, lambda _hour: chance.uniform(0, 90))
    hours(nas, after(-24), 12, lambda _hour: chance.uniform(0, 90), EnergySource.PLUG)
    measure(nas, after(-8), after(16.3), lambda _at: chance.uniform(0, 90))
    split_hours(after(12))
    found = nas_energy(Period.MONTH, date(2026, 11, 24), after(16.3))
    assert found is not None
    spans = [part.span for part in found.parts]
    figures = figures_of([nas], spans, after(16.3), found.book)[nas.pk]
    for part, figure in zip(found.parts, figures, strict=True):
        assert part.energy_wh == pytest.approx(figure.energy_wh, abs=1e-6)
        assert part.known_h == pytest.approx(figure.known_h, abs=1e-4)
        costs = sum((part.cost(state) for state in HourState), Decimal(0))
        assert costs == pytest.approx(figure.cost or Decimal(0), abs=Decimal("1e-7"))


# --- what is not known ----------------------------------------------------------------------------


def test_a_nas_that_never_slept_saved_nothing(api: APIClient) -> None:
    plug = make_nas_plug()
    change(after(-200), "online")
    hours(plug, MIDNIGHT, 18, AWAKE_W)
    split_hours(NOW)
    saved = ask(api)["saved"]
    assert (saved["energy_kwh"], saved["cost"], saved["formula"]) == (0.0, 0.0, "")
    assert saved["reason"] == "The NAS did not sleep in this time."


def test_without_hours_awake_saved_is_not_known_and_says_why(api: APIClient) -> None:
    plug = make_nas_plug()
    change(after(-200), "offline", Reason.SHUT_DOWN)
    hours(plug, MIDNIGHT, 18, ASLEEP_W)
    split_hours(NOW)
    saved = ask(api)["saved"]
    assert (saved["energy_kwh"], saved["cost"], saved["idle_power_w"]) == (None, None, None)
    assert saved["asleep_h"] == 18.0
    assert saved["reason"].endswith("that takes three whole hours awake.")


def test_sleep_that_was_not_read_is_not_known(nas: SmartPlug, api: APIClient) -> None:
    change(after(9.5), "offline", Reason.SHUT_DOWN)
    measure(nas, after(8), after(9.25), AWAKE_W)
    body = ask(api)
    assert by_state(body)["offline"]["hours"] == 0.5
    assert by_state(body)["offline"]["energy_kwh"] is None
    assert by_state(body)["online"]["energy_kwh"] == pytest.approx(1.25 * 0.034)
    assert body["saved"]["energy_kwh"] is None
    assert body["saved"]["reason"] == "The NAS's plug was not read while the NAS slept."


def test_time_in_which_balupi_was_off_is_not_sleep(api: APIClient) -> None:
    """The NAS was last seen asleep, was used while nobody looked, and the plug remembered it."""
    plug = make_nas_plug()
    change(after(-200), "online")
    change(after(-5), "offline", Reason.SHUT_DOWN)
    change(after(15), "online")
    hours(plug, after(-24), 19, AWAKE_W)
    hours(plug, after(-5), 5, ASLEEP_W)
    hours(plug, MIDNIGHT, 15, 45, EnergySource.PLUG)
    hours(plug, after(15), 3, AWAKE_W)
    split_hours(NOW)
    week = ask(api, period="week")
    assert by_state(week)["offline"]["hours"] == 5.0
    assert by_state(week)["unknown"]["energy_kwh"] == pytest.approx(15 * 0.045)
    assert week["total"]["energy_kwh"] == pytest.approx((22 * 34 + 5 + 15 * 45) / 1000)
    assert week["saved"]["energy_kwh"] == pytest.approx(5 * 0.033)
    today = ask(api)["saved"]
    assert (today["energy_kwh"], today["cost"], today["asleep_h"]) == (None, None, 0.0)
    assert today["reason"].startswith("BaluPi did not see what the NAS did")


def test_a_crashed_nas_saves_nothing(api: APIClient) -> None:
    plug = make_nas_plug()
    change(after(-200), "online")
    change(after(9), "offline", Reason.NO_ANSWER)
    hours(plug, MIDNIGHT, 18, AWAKE_W)
    split_hours(NOW)
    body = ask(api)
    assert by_state(body)["unreachable"]["hours"] == 9.0
    assert by_state(body)["unreachable"]["label"] == "not answering"
    assert body["saved"]["energy_kwh"] == 0.0


def test_nothing_measured_is_null_and_never_0(nas: SmartPlug, api: APIClient) -> None:
    SmartPlug.objects.update(created_at=MIDNIGHT)
    body = ask(api)
    assert body["coverage"] == 0.0
    assert body["total"] == {"hours": 0.0, "known_h": 0.0, "energy_kwh": None, "cost": None}
    assert {row["energy_kwh"] for row in body["states"]} == {None}
    assert {row["cost"] for row in body["states"]} == {None}
    assert body["saved"]["energy_kwh"] is None


def test_without_a_plug_of_the_nas_it_says_what_to_do(api: APIClient) -> None:
    answer = api.get(URL)
    assert answer.status_code == 404
    assert answer.json()["detail"] == ("No plug has the role NAS; give it to the plug of the NAS.")


# --- input, access, cost --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        pytest.param({"period": "banana"}, "period", "day, week, month, year", id="no period"),
        pytest.param({"period": "\0"}, "period", "day, week, month, year", id="NUL period"),
        pytest.param({"period": "9" * 5000}, "period", "day, week", id="huge period"),
        pytest.param({"at": "yesterday"}, "at", "", id="no day"),
        pytest.param({"at": "\0"}, "at", "", id="NUL day"),
        pytest.param({"at": "0001-01-01"}, "at", "from 2000 to 2100", id="before all time"),
        pytest.param({"at": "9999-12-31"}, "at", "from 2000 to 2100", id="after all time"),
        pytest.param({"at": "2026-02-30"}, "at", "", id="no such day"),
        pytest.param({"at": "9" * 5000}, "at", "", id="huge day"),
    ],
)
def test_bad_input_names_the_field(
    query: dict[str, str], field: str, words: str, api: APIClient
) -> None:
    answer = api.get(URL, query)
    assert answer.status_code == 400
    assert words in answer.json()["errors"][field][0]


def test_it_needs_a_login_unless_all_may_read(
    nas: SmartPlug, nobody: APIClient, settings: Any
) -> None:
    settings.PUBLIC_READ = False
    assert nobody.get(URL).status_code == 401
    settings.PUBLIC_READ = True
    assert nobody.get(URL).status_code == 200


def test_a_slash_at_the_end_is_the_same(nas: SmartPlug, api: APIClient) -> None:
    assert api.get(f"{URL}/").status_code == 200


def test_a_year_of_data_costs_few_queries(
    nas: SmartPlug, api: APIClient, django_assert_max_num_queries: Any
) -> None:
    hours(nas, after(-365 * 24), 365 * 24, energy_of)
    split_hours(NOW)
    measure(nas, MIDNIGHT, NOW + HOUR / 2, energy_of)  # the last hour and a half are split live
    tariff = Tariff.objects.create(name="HT/NT", price_per_kwh=Decimal("0.40"))
    TariffZone.objects.create(
        tariff=tariff, name="NT", start="22:00", end="06:00", price_per_kwh=Decimal("0.20")
    )
    for period, most in (("day", 9), ("month", 9), ("year", 11)):
        with (
            time_machine.travel(NOW + HOUR / 2, tick=False),
            django_assert_max_num_queries(most),
        ):
            ask(api, period=period)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's words")
@pytest.mark.parametrize("period", list(Period))
def test_every_query_is_answered_by_an_index(period: str, nas: SmartPlug, api: APIClient) -> None:
    fill(nas)
    measure(nas, NOW, NOW + HOUR / 2, AWAKE_W)
    EnergyHour.objects.filter(hour=after(12)).update(source=EnergySource.PLUG, energy_wh=1)
    with (
        time_machine.travel(NOW + HOUR / 2, tick=False),
        CaptureQueriesContext(connection) as asked,
    ):
        ask(api, period=period)
    big = ("energy_powersample", "energy_energyhour", "nasctl_nashour", "nasctl_statechange")
    questions = [it["sql"] for it in asked.captured_queries if any(t in it["sql"] for t in big)]
    assert len(questions) == 6
    for sql in questions:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        scans = [line for line in plan if line.startswith("SCAN")]
        assert not [line for line in scans if "stretch" not in line and "CONSTANT" not in line], (
            plan
        )
