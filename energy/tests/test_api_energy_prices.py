"""/api/energy/prices: the predecessor's call, who may, what bad input gets, what is re-priced."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from balupi_site.tests.examples import share_of_examples
from energy.models import Tariff, TariffZone
from energy.tests.factories import make_plug
from energy.tests.test_change_tariffs import NOW, store_hours

pytestmark = pytest.mark.django_db

PRICES = "/api/energy/prices"
#: As the NAS's page sends it.
OLD_BODY = {
    "name": "Strom 2026",
    "price_per_kwh_cents": 31.95,
    "valid_from": None,
    "valid_to": None,
    "is_active": True,
}
NIGHT = {
    "name": "NT",
    "weekdays": [0, 1, 2, 3, 4],
    "start": "22:00",
    "end": "06:00",
    "price_per_kwh_cents": 25,
}


@pytest.fixture(autouse=True)
def _now(settings: Any) -> Any:
    settings.TIME_ZONE = "Europe/Berlin"
    settings.ENERGY_DEFAULT_PRICE_CENTS = 40.0
    with time_machine.travel(NOW, tick=False):
        yield


def client(*, is_admin: bool) -> APIClient:
    api = APIClient(raise_request_exception=False)
    api.force_authenticate(User.objects.create_user(f"admin {is_admin}", is_staff=is_admin))
    return api


@pytest.fixture
def api() -> APIClient:
    return client(is_admin=True)


def post(api: APIClient, *, query: str = "", **fields: Any) -> Any:
    return send(api.post, PRICES + query, {"name": "T", "price_per_kwh_cents": 30, **fields})


def send(how: Any, url: str, body: Any) -> Any:
    """Send JSON that may hold what DRF's own client cannot write: half characters, NaN."""
    return how(url, json.dumps(body), content_type="application/json")


def test_the_predecessors_call_goes_on_working(api: APIClient) -> None:
    response = api.post(PRICES, OLD_BODY, format="json")
    assert response.status_code == 201
    body = response.json()
    assert {name: body[name] for name in OLD_BODY} == OLD_BODY
    assert datetime.fromisoformat(body["created_at"]) == NOW
    stored = Tariff.objects.get()
    assert (body["id"], str(stored.price_per_kwh)) == (stored.pk, "0.319500")
    assert (body["ended"], body["repriced_hours"]) == (None, 0)
    [listed] = api.get(PRICES).json()
    assert {**listed, "ended": None, "repriced_hours": 0} == body
    assert api.get(f"{PRICES}/{stored.pk}").json() == listed


def test_what_is_new_is_told_too(api: APIClient) -> None:
    body = post(api, base_fee_per_month="9.95", currency="CHF", zones=[NIGHT]).json()
    assert body["price_per_kwh"] == "0.300000"
    assert (body["base_fee_per_month"], body["currency"]) == ("9.95", "CHF")
    assert body["zones"] == [{**NIGHT, "price_per_kwh": "0.250000"}]


def test_a_second_price_begins_today_and_tells_which_one_it_ends(api: APIClient) -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    first = api.post(PRICES, OLD_BODY, format="json").json()
    second = api.post(PRICES, {**OLD_BODY, "price_per_kwh_cents": 29}, format="json")
    assert second.status_code == 201
    body = second.json()
    assert body["valid_from"] == "2026-06-10"
    assert body["ended"] == {
        "id": first["id"],
        "name": "Strom 2026",
        "valid_from": None,
        "valid_to": "2026-06-10",
        "is_active": True,
    }
    assert (first["repriced_hours"], body["repriced_hours"]) == (5, 5)


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        pytest.param("2026-01-01", "2026-01-01", id="a day"),
        pytest.param("2025-12-31T23:00:00Z", "2026-01-01", id="a moment: the household's day"),
        pytest.param("2026-01-01T00:00:00", "2026-01-01", id="the household's clock"),
    ],
)
def test_days_may_be_date_times(api: APIClient, sent: str, day: str) -> None:
    assert post(api, valid_from=sent).json()["valid_from"] == day


BAD = [
    pytest.param({"price_per_kwh_cents": -5}, "price_per_kwh_cents", id="-5 ct (PREDECESSOR 11)"),
    pytest.param({"price_per_kwh_cents": "NaN"}, "price_per_kwh_cents", id="NaN"),
    pytest.param({"price_per_kwh_cents": "-Infinity"}, "price_per_kwh_cents", id="infinite"),
    pytest.param({"price_per_kwh_cents": "sNaN"}, "price_per_kwh_cents", id="signalling NaN"),
    pytest.param({"price_per_kwh_cents": 1e8}, "price_per_kwh_cents", id="over the limit"),
    pytest.param({"price_per_kwh_cents": 10**400}, "price_per_kwh_cents", id="400 digits"),
    pytest.param({"price_per_kwh_cents": "1e999999999"}, "price_per_kwh_cents", id="exponent"),
    pytest.param({"price_per_kwh_cents": "banana"}, "price_per_kwh_cents", id="banana"),
    pytest.param({"price_per_kwh_cents": True}, "price_per_kwh_cents", id="true"),
    pytest.param({"price_per_kwh_cents": [30]}, "price_per_kwh_cents", id="a list"),
    pytest.param({"price_per_kwh_cents": None}, "price_per_kwh_cents", id="null"),
    pytest.param({"price_per_kwh": "0.31"}, "price_per_kwh", id="contradicting prices"),
    pytest.param({"base_fee_per_month": -1}, "base_fee_per_month", id="negative fee"),
    pytest.param({"base_fee_per_month": 1e9}, "base_fee_per_month", id="huge fee"),
    pytest.param({"name": ""}, "name", id="no name"),
    pytest.param({"name": "x" * 65}, "name", id="long name"),
    pytest.param({"name": "a\x00b"}, "name", id="NUL"),
    pytest.param({"name": "a\ud800b"}, "name", id="half a character"),
    pytest.param({"currency": "euro"}, "currency", id="currency"),
    pytest.param({"valid_from": "banana"}, "valid_from", id="no day"),
    pytest.param({"valid_from": 5}, "valid_from", id="a number as a day"),
    pytest.param({"valid_from": "0001-01-01T00:00:00+05:00"}, "valid_from", id="before time"),
    pytest.param({"valid_from": "9999-12-31"}, "valid_from", id="the last day of all"),
    pytest.param(
        {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "valid_to", id="ends before it begins"
    ),
    pytest.param({"is_active": "banana"}, "is_active", id="is_active"),
    pytest.param({"zones": {}}, "zones", id="zones no list"),
    pytest.param({"zones": [5]}, "zones", id="zone no object"),
    pytest.param({"zones": [{}]}, "zones", id="empty zone"),
    pytest.param({"zones": [{**NIGHT, "weekdays": [7]}]}, "zones", id="weekday 7"),
    pytest.param({"zones": [{**NIGHT, "weekdays": []}]}, "zones", id="no weekday"),
    pytest.param({"zones": [{**NIGHT, "start": "25:00"}]}, "zones", id="25:00"),
    pytest.param({"zones": [{**NIGHT, "start": "22:00:30"}]}, "zones", id="seconds"),
    pytest.param({"zones": [{**NIGHT, "price_per_kwh_cents": -1}]}, "zones", id="zone's price"),
    pytest.param({"zones": [NIGHT, NIGHT]}, "zones", id="zones overlap"),
    pytest.param({"price": 30}, "price", id="unknown field"),
    pytest.param({"\ud800": 30}, "?", id="half a character as a field"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field"), BAD)
def test_bad_input_is_a_400_that_names_the_field(
    api: APIClient, fields: dict[str, Any], field: str
) -> None:
    stored = post(api, name="first").json()
    change = {"price_per_kwh_cents": 30, **fields}
    for response in (post(api, **fields), send(api.put, f"{PRICES}/{stored['id']}", change)):
        assert response.status_code == 400, response.content
        assert field in response.json()["errors"]
    assert [each["name"] for each in api.get(PRICES).json()] == ["first"]
    assert Tariff.objects.get().valid_to is None
    assert not TariffZone.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", "5", '"x"', "{", "NaN", '{"price_per_kwh": NaN}'])
def test_what_is_no_object_is_a_400(api: APIClient, body: str) -> None:
    stored = post(api).json()
    for how, url in ((api.post, PRICES), (api.put, f"{PRICES}/{stored['id']}")):
        assert how(url, body, content_type="application/json").status_code == 400


def test_a_price_is_needed(api: APIClient) -> None:
    response = api.post(PRICES, {"name": "x"}, format="json")
    assert "price_per_kwh_cents" in response.json()["errors"]


def test_either_price_is_enough_and_both_may_agree(api: APIClient) -> None:
    assert post(api, price_per_kwh="0.3").status_code == 201
    body = {"name": "x", "price_per_kwh": 0.2512345}
    assert api.post(PRICES, body, format="json").json()["price_per_kwh_cents"] == 25.1234


def test_an_overlap_is_refused_with_the_other_ones_name_and_days(api: APIClient) -> None:
    post(api, name="Winter", valid_from="2026-01-01")
    response = post(api, valid_from="2026-05-01")
    assert response.status_code == 400
    [text] = response.json()["errors"]["valid_from"]
    assert "Winter" in text
    assert "2026-01-01" in text


def test_a_change_keeps_what_is_left_out_and_tells_what_it_re_prices(api: APIClient) -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    url = f"{PRICES}/{post(api, zones=[NIGHT], base_fee_per_month=5).json()['id']}"
    body = api.put(url, {"price_per_kwh_cents": 33}, format="json").json()
    assert (body["name"], body["base_fee_per_month"], body["repriced_hours"]) == ("T", "5.00", 2)
    assert len(body["zones"]) == 1
    body = api.patch(url, {"zones": []}, format="json").json()
    assert (body["zones"], body["price_per_kwh_cents"], body["repriced_hours"]) == ([], 33.0, 3)


def test_what_was_read_can_be_sent_back(api: APIClient) -> None:
    url = f"{PRICES}/{post(api, zones=[NIGHT], price_per_kwh_cents=31.2345).json()['id']}"
    before = api.get(url).json()
    response = api.put(url, before, format="json")
    assert response.status_code == 200
    assert api.get(url).json() == before


def test_deleting_tells_how_many_hours_it_re_prices(api: APIClient) -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    url = f"{PRICES}/{post(api).json()['id']}"
    response = api.delete(url)
    assert (response.status_code, response.json()["repriced_hours"]) == (200, 5)
    assert api.get(url).status_code == api.delete(url).status_code == 404


def test_a_dry_run_tells_and_changes_nothing(api: APIClient) -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)
    url = f"{PRICES}/{post(api).json()['id']}"
    before = api.get(PRICES).json()
    added = post(api, query="?dry_run=true", name="new", price_per_kwh_cents=20)
    assert added.status_code == 200
    assert added.json()["ended"]["name"] == "T"
    assert added.json()["preview"] == {
        "hours": 5,
        "first_hour": "2026-06-10T01:00:00+00:00",
        "last_hour": "2026-06-10T05:00:00+00:00",
        "energy_kwh": 5.0,
        "cost_before": "1.50",
        "cost_after": "1.00",
        "base_fees_before": "0.00",
        "base_fees_after": "0.00",
        "currency_before": "EUR",
        "currency_after": "EUR",
        "by_tariff": [
            {"id": before[0]["id"], "name": "T", "cost_before": "1.50", "cost_after": "0.00"},
            {"id": None, "name": "new", "cost_before": "0.00", "cost_after": "1.00"},
        ],
    }
    changed = api.put(f"{url}?dry_run=true", {"is_active": False}, format="json").json()
    deleted = api.delete(f"{url}?dry_run=true").json()
    assert changed["preview"] == deleted["preview"]
    assert deleted["preview"]["cost_after"] == "2.00"
    assert api.get(PRICES).json() == before


def test_a_dry_run_is_true_or_false(api: APIClient) -> None:
    response = post(api, query="?dry_run=banana")
    assert (response.status_code, [*response.json()["errors"]]) == (400, ["dry_run"])
    assert not Tariff.objects.exists()


@pytest.mark.parametrize("price_id", ["0", "banana", "9" * 30, "-1", "²", "%00", "1.0"])
def test_an_unknown_price_is_a_404(api: APIClient, price_id: str) -> None:
    for how in (api.get, api.put, api.patch, api.delete):
        assert how(f"{PRICES}/{price_id}").status_code == 404


def test_only_admins_change_and_only_those_logged_in_read(api: APIClient) -> None:
    url = f"{PRICES}/{post(api).json()['id']}"
    user, nobody = client(is_admin=False), APIClient()
    assert user.get(PRICES).status_code == user.get(url).status_code == 200
    for someone, code in ((user, 403), (nobody, 401)):
        assert someone.post(PRICES, OLD_BODY, format="json").status_code == code
        assert someone.put(url, {}, format="json").status_code == code
        assert someone.patch(url, {}, format="json").status_code == code
        assert someone.delete(url).status_code == code
    assert nobody.get(PRICES).status_code == nobody.get(url).status_code == 401
    assert Tariff.objects.count() == 1


def test_more_tariffs_cost_no_more_queries(api: APIClient, django_assert_num_queries: Any) -> None:
    for number in range(5):
        post(
            api,
            zones=[NIGHT],
            valid_from=f"20{number + 10}-01-01",
            valid_to=f"20{number + 11}-01-01",
        )
    with django_assert_num_queries(2):
        assert len(api.get(PRICES).json()) == 5


def test_postgresql_locks_the_table_before_it_reads(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(30) as captured:
        post(api)
    statements = [query["sql"] for query in captured if "energy_tariff" in query["sql"]]
    locks = [index for index, sql in enumerate(statements) if sql.startswith("LOCK TABLE")]
    reads = [index for index, sql in enumerate(statements) if '"energy_tariff"."valid_from"' in sql]
    if connection.vendor == "postgresql":
        assert locks[0] < reads[0]
    else:
        assert not locks


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=80)
    | st.dates().map(str)
    | st.datetimes(timezones=st.just(UTC)).map(str)
    | st.times().map(str)
    | st.sampled_from(["EUR", "22:00", "24:00", "0", "31.95", "NaN", "\x00", "9" * 200]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=()), max_size=5), inner, max_size=4
        )
    ),
    max_leaves=8,
)
zone_bodies = st.dictionaries(st.sampled_from([*NIGHT, "price_per_kwh"]), values)
bodies = st.dictionaries(
    st.sampled_from([*OLD_BODY, "price_per_kwh", "base_fee_per_month", "currency"]), values
)


@share_of_examples(0.5)
@given(
    body=values | bodies,
    zones=st.lists(zone_bodies.map(lambda odd: {**NIGHT, **odd}), max_size=2),
    keep=st.booleans(),
)
def test_no_body_is_an_error_of_ours(
    api: APIClient, body: Any, zones: list[Any], keep: bool
) -> None:
    if keep and isinstance(body, dict):
        body = {"name": "T", "price_per_kwh_cents": 30, "zones": zones, **body}
    Tariff.objects.all().delete()
    stored = post(api, name="kept", valid_from="1980-01-01", valid_to="1981-01-01").json()
    for how, url, good in (
        (api.post, PRICES, (200, 201)),
        (api.put, f"{PRICES}/{stored['id']}", (200,)),
    ):
        response = send(how, url, body)
        assert response.status_code in (400, *good), response.content
        if response.status_code == 400:
            assert response.json()["errors"] or "JSON" in response.json()["detail"]
    assert api.get(PRICES).status_code == 200
    assert api.get(f"{PRICES}/{stored['id']}").status_code == 200
