"""The energy section in words: nothing made up, parts of the same length compared."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from balupi_site.page import energy as energy_view
from balupi_site.words import money, percent
from energy.models import Anomaly, PlugRole
from energy.tests.factories import make_plug
from energy.tests.history_helpers import HOUR, store_hours
from nasctl.models import NasHour

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]
#: A Wednesday, 15:00 in Berlin.
NOW = dt.datetime(2026, 3, 4, 14, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 3, 23, tzinfo=dt.UTC)


def rows() -> dict[str, dict[str, Any]]:
    """Return the section's rows by their labels."""
    return {row["label"]: row for row in energy_view.energy(NOW)["rows"]}


def page() -> str:
    """Return the section as it is shown, on one line."""
    context = {"energy": energy_view.energy(NOW)}
    html = "".join(render_to_string(f"page/{part}.html", context) for part in ("energy", "saved"))
    return " ".join(html.split())


@pytest.mark.parametrize(
    ("yesterday_wh", "words"),
    [
        pytest.param(80.0, "25% more than yesterday by this time", id="more"),
        pytest.param(200.0, "50% less than yesterday by this time", id="less"),
        pytest.param(100.2, "as much as yesterday by this time", id="the same"),
    ],
)
def test_today_is_compared_with_yesterday_up_to_the_same_time(
    yesterday_wh: float, words: str
) -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 24, 15, yesterday_wh)
    store_hours(plug, MIDNIGHT - HOUR * 9, 9, 5000.0)  # yesterday evening
    store_hours(plug, MIDNIGHT, 15, 100.0)
    today = rows()["Today"]
    assert (today["kwh"], today["money"], today["compared"]) == ("1.50", "€0.48", words)


def test_where_too_little_is_known_there_is_no_comparison() -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT - HOUR * 24, 3, 100.0)
    store_hours(plug, MIDNIGHT, 15, 100.0)
    assert rows()["Today"]["compared"] == ""


def test_gaps_and_what_filled_them_are_told() -> None:
    plug = make_plug()
    store_hours(plug, MIDNIGHT, 12, 100.0)
    assert rows()["Today"]["gaps"] == "20% of the time was not measured"
    store_hours(plug, MIDNIGHT + HOUR * 12, 3, 90.0, source="plug", coverage=0.0, power_avg_w=None)
    assert rows()["Today"]["gaps"] == (
        "20% of the time was not measured; 0.27 kWh are from the plugs' memory"
    )
    assert rows()["Today"]["kwh"] == "1.47"


def test_nothing_known_is_said_so_and_is_not_nothing_used() -> None:
    make_plug()
    text = page()
    assert "The first figure appears" in text
    assert "0.00" not in text


def test_what_sleeping_saved_comes_with_its_formula() -> None:
    plug = make_plug(role=PlugRole.NAS)
    store_hours(plug, MIDNIGHT - HOUR * 5, 5, 34.0)
    store_hours(plug, MIDNIGHT, 10, 1.0)
    for number in range(15):
        NasHour.objects.create(
            plug=plug,
            hour=MIDNIGHT + HOUR * (number - 5),
            state="online" if number < 5 else "offline",
            duration_s=3600,
            energy_wh=34.0 if number < 5 else 1.0,
            known_s=3600,
        )
    text = page()
    assert "<b>0.33 kWh</b>" in text
    formula = "10.0 h asleep × (34.0 W idle − 1.0 W asleep) = 0.33 kWh"
    assert formula in text.replace("\N{NO-BREAK SPACE}", " ")


def test_without_a_nas_plug_nothing_is_said_about_sleeping() -> None:
    store_hours(make_plug(), MIDNIGHT, 10)
    assert "asleep" not in page()


def test_what_lasts_and_is_unusual_is_shown() -> None:
    plug = make_plug(name="Freezer")
    Anomaly.objects.create(plug=plug, kind="plug_lost", began_at=NOW - HOUR)
    over = Anomaly.objects.create(plug=make_plug(102, name="TV"), kind="plug_lost", began_at=NOW)
    Anomaly.objects.filter(pk=over.pk).update(ended_at=NOW)
    assert "Freezer has not answered since" in page()
    assert "TV" not in page()


def test_the_section_is_a_live_part_of_the_page(client: Client) -> None:
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    assert 'id="energy"' in client.get("/").content.decode()
    assert 'data-part="energy"' in client.get("/live/").content.decode()


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.145", "EUR", "€0.15"),
        ("1234.5", "EUR", "€1,234.50"),
        ("3", "CHF", "CHF\N{NO-BREAK SPACE}3.00"),
        (None, "EUR", "–"),
    ],
)
def test_money_is_written_with_its_sign(amount: str | None, currency: str, text: str) -> None:
    assert money(None if amount is None else Decimal(amount), currency) == text


def test_percent_has_a_decimal_only_where_it_says_something() -> None:
    assert [percent(share) for share in (0.004, 0.07, 0.123, 1, 0)] == [
        "0.4%", "7%", "12%", "100%", "0%",
    ]  # fmt: skip
