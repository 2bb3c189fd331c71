"""The plugs: what is old is never shown as now, and the parts add up as they are shown."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from balupi_site.lib.kept import kept
from balupi_site.page import adding, plugs
from balupi_site.page.choice import Choice
from energy.models import PlugRole, PlugStatus, SmartPlug, Tariff
from energy.services.figures import PriceBook
from energy.tests.factories import make_plug
from energy.tests.history_helpers import store_hours

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]
#: 15:00 in Berlin.
NOW = dt.datetime(2026, 3, 4, 14, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 3, 23, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def used(number: int, name: str, power_w: float, age_s: float = 6.0, **fields: Any) -> SmartPlug:
    """Store a plug that was read so long ago, and used as much in each of today's 15 hours."""
    plug = make_plug(number, name=name, **fields)
    plug.samples.create(at=NOW - SECOND * age_s, power_w=power_w)
    store_hours(plug, MIDNIGHT, 15, power_w)
    return plug


def html(*, is_admin: bool = False) -> str:
    """Return the section as it is shown, on one line."""
    choice = Choice(is_admin=is_admin)
    context = {"choice": choice, "now": NOW, **plugs.context(choice, NOW)}
    shown = " ".join(render_to_string("page/plugs.html", context).split())
    return shown.replace("\N{NO-BREAK SPACE}", " ")


def row(name: str) -> str:
    """Return a plug's line as it is read."""
    [line] = [line for line in re.findall("<li.*?</li>", html()) if f">{name}<" in line]
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", line)).split())


def test_each_plug_tells_its_power_and_what_it_used_and_cost_today() -> None:
    used(101, "Freezer", 42.0)
    used(102, "NAS", 1.2, role=PlugRole.NAS)
    assert row("Freezer").startswith("Freezer 42.0 W 0.63 kWh today €0.20")
    assert row("NAS").startswith("NAS 1.2 W 0.02 kWh today €0.01")
    assert row("Together") == "Together 43.2 W 0.65 kWh today €0.21 32 ct/kWh"
    assert 'href="#server"' in html()
    assert 'href="#flake"' in html()


def test_a_plug_that_does_not_answer_is_grey_with_its_age_and_not_in_the_sum() -> None:
    used(101, "Freezer", 42.0, age_s=720, status="unreachable", status_message="No answer.")
    used(102, "TV", 18.0)
    assert row("Freezer").endswith("12 min ago, does not answer")
    assert row("Freezer").startswith("Freezer 42.0 W 0.63 kWh today")
    [freezer] = re.findall(r"<li[^>]*>(?=[^/]*#flake)", html())
    assert "data-stale>" in freezer
    assert row("Together") == "Together 18.0 W 0.90 kWh today €0.29 32 ct/kWh without Freezer"


def test_a_plug_that_nobody_asks_is_not_blamed() -> None:
    used(101, "Freezer", 42.0, age_s=720)
    assert row("Freezer").endswith("read 12 min ago")


def test_a_plug_that_was_never_read_has_no_power() -> None:
    make_plug(101, name="Freezer")
    assert row("Freezer") == "Freezer – W never read"
    assert row("Together") == "Together – W 32 ct/kWh"


def test_a_plug_that_refuses_is_named_with_what_to_do() -> None:
    used(101, "Monitor", 18.0, age_s=7200)
    SmartPlug.objects.update(
        status=PlugStatus.NEEDS_SETTING,
        status_since=NOW - dt.timedelta(hours=2),
        status_message=kept("The plug's answer makes no sense (%(what)s).", what="<b>"),
    )
    assert (
        "<b>Monitor:</b> The plug&#x27;s answer makes no sense (&lt;b&gt;). "
        '<span class="sub">Since 13:00.</span>'
    ) in html()


def test_only_admins_are_led_to_the_plug() -> None:
    plug = used(101, "Freezer", 42.0)
    link = reverse("admin:energy_smartplug_change", args=[plug.pk])
    assert link in html(is_admin=True)
    assert link not in html()
    SmartPlug.objects.all().delete()
    assert "Search for plugs" in html(is_admin=True)
    assert "No plug yet" in html()
    assert "Search for plugs" not in html()


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [
        ("0.3245", "EUR", "32.45 ct/kWh"),
        ("0.30", "EUR", "30 ct/kWh"),
        ("0.27", "CHF", "CHF\N{NO-BREAK SPACE}0.27 per kWh"),
    ],
)
def test_the_price_is_told_in_the_words_of_its_currency(
    price: str, currency: str, text: str
) -> None:
    Tariff.objects.create(name="House", price_per_kwh=Decimal(price), currency=currency)
    assert plugs.price(PriceBook.read(), NOW) == text


def test_parts_add_up_as_they_are_shown() -> None:
    assert adding.kilowatt_hours([374, 324, 104]) == (["0.38", "0.32", "0.10"], "0.80")
    assert adding.powers([1.04, 42.04, 99.94]) == (["1.0", "42.0", "100"], "143")
    assert adding.moneys([Decimal("0.014")] * 3, "EUR") == (["€0.02", "€0.01", "€0.01"], "€0.04")
    assert adding.kilowatt_hours([]) == ([], "0.00")
