"""The admin's pages of tariffs: what they show, refuse, and ask back before the past changes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from energy.models import Tariff, TariffZone
from energy.tests.factories import make_plug
from energy.tests.test_change_tariffs import NOW, add, store_hours
from energy.tests.test_tariffs import NIGHT, tariff

pytestmark = pytest.mark.django_db

TARIFFS = "/admin/energy/tariff/"
ADD = f"{TARIFFS}add/"
NO_ZONES = {
    "zones-TOTAL_FORMS": "0",
    "zones-INITIAL_FORMS": "0",
    "zones-MIN_NUM_FORMS": "0",
    "zones-MAX_NUM_FORMS": "1000",
}
FORM = {
    "name": "Strom",
    "price_per_kwh": "0.30",
    "base_fee_per_month": "0",
    "currency": "EUR",
    "valid_from": "",
    "valid_to": "",
    "is_active": "on",
    **NO_ZONES,
}


@pytest.fixture(autouse=True)
def _now(settings: Any) -> Any:
    settings.TIME_ZONE = "Europe/Berlin"
    settings.ENERGY_DEFAULT_PRICE_CENTS = 40.0
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def owner() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("owner"))
    return client


@pytest.fixture
def _five_hours() -> None:
    store_hours(make_plug(), NOW.replace(hour=1, minute=0), 5)


def zone_form(number: int, **fields: Any) -> dict[str, Any]:
    values = {
        "name": "NT",
        "weekdays": ["0", "6"],
        "start": "22:00",
        "end": "06:00",
        "price_per_kwh": "0.2",
        **fields,
    }
    return {f"zones-{number}-{name}": value for name, value in values.items()}


def hidden(page: str) -> dict[str, list[str]]:
    """Return what the page passes on."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page):
        if name != "csrfmiddlewaretoken":
            found.setdefault(name, []).append(value)
    return found


def test_the_list_answers_the_first_questions(owner: Client) -> None:
    add(tariff(NIGHT, price="0.3195", fee="9.95"))
    page = owner.get(TARIFFS).content.decode()
    assert "0.3195 EUR/kWh" in page
    assert "NT 22:00-06:00 daily: 0.20" in page
    assert "9.95 EUR a month" in page
    assert "since ever until further notice" in page
    assert "in force now" in page


@pytest.mark.parametrize(
    ("valid", "is_active", "state"),
    [
        pytest.param((None, "2026-06-11"), True, "in force now", id="its last day"),
        pytest.param((None, "2026-06-10"), True, "over", id="the day after"),
        pytest.param(("2026-06-10", None), True, "in force now", id="its first day"),
        pytest.param(("2026-06-11", None), True, "later", id="tomorrow"),
        pytest.param((None, None), False, "not counted with", id="not counted with"),
    ],
)
def test_the_badge_tells_what_is_in_force_today(
    owner: Client, valid: tuple[str | None, str | None], is_active: bool, state: str
) -> None:
    add(tariff(valid=valid), is_active=is_active)
    page = owner.get(TARIFFS).content.decode()
    assert f"</svg>{state}</span>" in page


def test_more_tariffs_cost_no_more_queries(owner: Client, django_assert_num_queries: Any) -> None:
    add(tariff(NIGHT))
    with django_assert_num_queries(6) as captured:
        owner.get(TARIFFS)
    for number in range(5):
        add(tariff(NIGHT, number=number), is_active=False)
    with django_assert_num_queries(len(captured)):
        owner.get(TARIFFS)


def test_a_tariff_that_leaves_the_past_alone_is_saved_at_once(owner: Client) -> None:
    zone = zone_form(0)
    response = owner.post(ADD, {**FORM, **zone, "zones-TOTAL_FORMS": "1"})
    assert response.status_code == 302
    stored = TariffZone.objects.get()
    assert (stored.tariff.name, stored.weekdays) == ("Strom", "06")
    page = owner.get(f"{TARIFFS}{stored.tariff_id}/change/").content.decode()
    assert page.count("checked") == 3 + 7  # Monday, Sunday, is_active, and the empty row
    assert 'value="22:00"' in page


@pytest.mark.usefixtures("_five_hours")
def test_a_change_of_the_past_is_shown_first_and_saved_on_the_second_word(owner: Client) -> None:
    data = {**FORM, **zone_form(0), "zones-TOTAL_FORMS": "1", "_continue": "Save"}
    asked = owner.post(ADD, data)
    page = asked.content.decode()
    assert asked.status_code == 200
    assert (
        "It re-prices 5 hours from 2026-06-10 03:00 to 2026-06-10 08:00: 2.00 EUR → 1.50 EUR."
        in page
    )
    assert not Tariff.objects.exists()
    assert not LogEntry.objects.exists()
    saved = owner.post(ADD, {**hidden(page), "_confirmed": "yes"})
    assert saved.status_code == 302
    assert TariffZone.objects.get().weekdays == "06"
    assert LogEntry.objects.count() == 1


@pytest.mark.usefixtures("_five_hours")
def test_going_back_keeps_what_was_typed_and_saves_nothing(owner: Client) -> None:
    page = owner.post(ADD, {**FORM, "name": "Typed <b>"}).content.decode()
    back = owner.post(ADD, {**FORM, **hidden(page), "name": "Typed <b>", "_edit": "yes"})
    text = back.content.decode()
    assert "Nothing is saved yet" in text
    assert 'value="Typed &lt;b&gt;"' in text
    assert not Tariff.objects.exists()


@pytest.mark.usefixtures("_five_hours")
def test_changing_and_deleting_show_what_they_re_price(owner: Client) -> None:
    stored = add(tariff(price="0.30", fee="0")).tariff
    assert stored is not None
    change, delete = (f"{TARIFFS}{stored.pk}/{what}/" for what in ("change", "delete"))
    page = owner.post(change, {**FORM, "price_per_kwh": "0.20"}).content.decode()
    assert "1.50 EUR → 1.00 EUR." in page
    page = owner.post(change, {**FORM, "base_fee_per_month": "30"}).content.decode()
    assert "Base fees until now: 0.00 EUR → " in page
    assert owner.post(change, {**FORM, "name": "Other"}).status_code == 302
    page = owner.get(delete).content.decode()
    assert "It re-prices 5 hours" in page
    assert "1.50 EUR → 2.00 EUR." in page
    assert Tariff.objects.get().name == "Other"
    assert owner.post(delete, {"post": "yes"}).status_code == 302
    assert not Tariff.objects.exists()


@pytest.mark.usefixtures("_five_hours")
def test_a_new_tariff_may_end_the_one_before(owner: Client) -> None:
    add(tariff(price="0.30"))
    page = owner.get(ADD).content.decode()
    assert 'name="valid_from" value="2026-06-10"' in page
    data = {**FORM, "valid_from": "2026-06-10", "price_per_kwh": "0.2"}
    assert "overlaps with" in owner.post(ADD, data).content.decode()
    page = owner.post(ADD, {**data, "ends_other": "on"}).content.decode()
    assert "1.50 EUR → 1.00 EUR." in page
    assert Tariff.objects.get().valid_to is None
    assert owner.post(ADD, {**hidden(page), "_confirmed": "yes"}).status_code == 302
    assert [(each.name, str(each.valid_to)) for each in Tariff.objects.order_by("pk")] == [
        ("T1", "2026-06-10"),
        ("Strom", "None"),
    ]


@pytest.mark.usefixtures("_five_hours")
def test_a_zone_alone_is_shown_too(owner: Client) -> None:
    stored = add(tariff(NIGHT)).tariff
    assert stored is not None
    zone = TariffZone.objects.get()
    more = {
        **zone_form(0, weekdays=list("0123456"), id=zone.pk, tariff=stored.pk, price_per_kwh="0.1"),
        "zones-TOTAL_FORMS": "1",
        "zones-INITIAL_FORMS": "1",
    }
    change = f"{TARIFFS}{stored.pk}/change/"
    page = owner.post(change, {**FORM, **more}).content.decode()
    assert "It re-prices 3 hours" in page  # until 06:00, 04:00 UTC
    assert owner.post(change, {**hidden(page), "_confirmed": "yes"}).status_code == 302
    zone.refresh_from_db()
    assert str(zone.price_per_kwh) == "0.100000"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"valid_from": "2026-05-01"}, "overlaps with &quot;T1&quot;", id="overlap"),
        pytest.param({"is_active": "on", "currency": "CHF"}, "is EUR", id="currency"),
        pytest.param({"price_per_kwh": "-5"}, "greater than or equal to 0", id="-5"),
        pytest.param({"price_per_kwh": "NaN"}, "Enter a number.", id="NaN"),
        pytest.param({"price_per_kwh": "banana"}, "Enter a number.", id="banana"),
        pytest.param({"price_per_kwh": "100001"}, "less than or equal to 100000", id="much"),
        pytest.param({"valid_from": "0001-01-01"}, "The day must be between", id="long ago"),
        pytest.param({"name": "a\x00b"}, "Null characters are not allowed.", id="NUL"),
        pytest.param(
            {**zone_form(0), **zone_form(1, name="WE", weekdays="6"), "zones-TOTAL_FORMS": "2"},
            "&quot;NT&quot; and &quot;WE&quot; overlap",
            id="zones",
        ),
        pytest.param(
            {**zone_form(0, weekdays=[]), "zones-TOTAL_FORMS": "1"}, "is required", id="no weekday"
        ),
        pytest.param(
            {**zone_form(0, weekdays="7"), "zones-TOTAL_FORMS": "1"}, "7 is not one", id="weekday 7"
        ),
    ],
)
def test_what_must_not_be_is_told_in_the_form(
    owner: Client, change: dict[str, Any], text: str
) -> None:
    add(tariff(valid=("2026-01-01", "2027-01-01")))
    response = owner.post(ADD, {**FORM, "valid_from": "2027-01-01", **change})
    assert response.status_code == 200
    assert text in response.content.decode()
    assert Tariff.objects.count() == 1


def test_tariffs_are_deleted_one_at_a_time(owner: Client) -> None:
    stored = add(tariff()).tariff
    assert stored is not None
    owner.post(TARIFFS, {"action": "delete_selected", "_selected_action": [stored.pk]})
    assert Tariff.objects.exists()


@pytest.mark.usefixtures("_five_hours")
def test_who_may_only_look_changes_nothing() -> None:
    stored = add(tariff()).tariff
    assert stored is not None
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_tariff"))
    client = Client()
    client.force_login(reader)
    change, delete = (f"{TARIFFS}{stored.pk}/{what}/" for what in ("change", "delete"))
    assert client.get(TARIFFS).status_code == client.get(change).status_code == 200
    for url in (ADD, change, delete):
        assert client.post(url, {**FORM, "price_per_kwh": "1", "post": "yes"}).status_code == 403
    assert client.get(delete).status_code == 403
    assert str(Tariff.objects.get().price_per_kwh) == "0.300000"
