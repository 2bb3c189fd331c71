"""The energy section: nothing made up, like beside like, gaps told, older periods within reach."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from balupi_site.lib.words import money, percent
from balupi_site.page.choice import Choice
from balupi_site.page.energy import energy
from balupi_site.tests.page_parts import part
from energy.models import Anomaly, EnergyHour, SmartPlug
from energy.periods import Period
from energy.services.anomalies import PLUG_LOST, UNUSUAL_POWER
from energy.tests.factories import make_plug
from energy.tests.history_helpers import HOUR, store_hours

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]
#: A Wednesday, 15:00 in Berlin.
NOW = dt.datetime(2026, 3, 4, 14, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 3, 23, tzinfo=dt.UTC)
MONDAY = MIDNIGHT - HOUR * 48


def section(period: Period, day: dt.date | None = None, now: dt.datetime = NOW) -> dict[str, Any]:
    """Return the section's context."""
    return energy(Choice(period=period, energy=day), now)


def html(period: Period, day: dt.date | None = None, now: dt.datetime = NOW) -> str:
    """Return the section as it is shown, on one line."""
    choice = Choice(period=period, energy=day)
    context = {"energy": energy(choice, now), "choice": choice, "now": now}
    return " ".join(render_to_string("page/energy.html", context).split())


def compared(context: dict[str, Any]) -> str:
    """Return the comparison as it is read, or why there is none."""
    found = context["compared"]
    return f"{found['before']}{found['how']}{found['after']}" if found else context["why"]


@pytest.fixture
def plug() -> SmartPlug:
    return make_plug(name="Freezer")


@pytest.mark.parametrize(
    ("yesterday_wh", "words"),
    [
        pytest.param(80.0, "25% more than yesterday by this time", id="more"),
        pytest.param(200.0, "50% less than yesterday by this time", id="less"),
        pytest.param(100.0, "0% more than yesterday by this time", id="the same"),
    ],
)
def test_today_is_compared_with_yesterday_up_to_the_same_time(
    plug: SmartPlug, yesterday_wh: float, words: str
) -> None:
    store_hours(plug, MIDNIGHT - HOUR * 24, 15, yesterday_wh)
    store_hours(plug, MIDNIGHT - HOUR * 9, 9, 5000.0)  # yesterday evening
    store_hours(plug, MIDNIGHT, 15, 100.0)
    found = section(Period.DAY)
    assert (found["kwh"], found["money"], compared(found)) == ("1.50", "€0.48", words)
    assert found["compared"]["kwh"] == f"{yesterday_wh * 15 / 1000:.2f} kWh"


def test_each_step_stands_beside_its_like_and_those_to_come_beside_what_was(
    plug: SmartPlug,
) -> None:
    store_hours(plug, MONDAY - HOUR * 24 * 7, 24 * 7, 10.0)
    store_hours(plug, MONDAY, 24 + 24 + 15, 20.0)
    chart = section(Period.WEEK)["chart"]
    told = [row["told"].replace("\N{NO-BREAK SPACE}", " ") for row in chart["rows"]]
    assert told[0] == "Mon: 0.48 kWh, the period before: 0.24 kWh"
    assert told[2] == "Wed: 0.30 kWh, the period before: 0.24 kWh"
    assert told[6] == "Sun, the period before: 0.24 kWh"
    assert chart["summary"] == "Energy per day in kWh: Mon 0.48, Tue 0.48, Wed 0.30."
    names = [name["text"] for name in chart["names"]]
    assert names == ["Mon", "Tue", "Today", "Thu", "Fri", "Sat", "Sun"]


@pytest.mark.parametrize(
    ("day", "title"),
    [
        pytest.param(None, "Today, Wednesday 4 March", id="today"),
        pytest.param(dt.date(2026, 3, 1), "Sunday 1 March", id="this year"),
        pytest.param(dt.date(2025, 12, 31), "31 December 2025", id="another year"),
    ],
)
def test_a_day_is_told_by_its_date(plug: SmartPlug, day: dt.date | None, title: str) -> None:
    assert section(Period.DAY, day)["title"] == title


def test_a_plug_added_meanwhile_is_no_increase(plug: SmartPlug) -> None:
    store_hours(plug, MONDAY - HOUR * 24 * 7, 24 * 7 + 63, 10.0)
    store_hours(make_plug(102), MONDAY, 63, 1000.0)
    found = section(Period.WEEK)
    assert compared(found) == "0% more than the same part of last week"
    assert found["compared"]["kwh"] == "plugs measured in both times"


def test_a_time_before_that_is_not_known_whole_is_told(plug: SmartPlug) -> None:
    store_hours(plug, MONDAY - HOUR * 24 * 6, 24 * 6 + 63, 10.0)
    assert section(Period.WEEK)["compared"]["kwh"] == "0.39 kWh, 62% of that time measured"


def test_a_plug_that_is_not_polled_any_more_leaves_nothing_unmeasured(plug: SmartPlug) -> None:
    old = make_plug(102, enabled=False)
    SmartPlug.objects.filter(pk=old.pk).update(created_at=MONDAY - HOUR * 24 * 90)
    store_hours(old, MONDAY - HOUR * 24 * 90, 24, 10.0)
    store_hours(plug, MONDAY - HOUR * 24 * 7, 24 * 7 + 63, 10.0)
    assert section(Period.WEEK)["compared"]["kwh"] == "0.63 kWh"


def test_a_bar_of_the_period_before_is_not_made_of_less_than_half_its_plugs_hours(
    plug: SmartPlug,
) -> None:
    for each in (plug, make_plug(102)):
        store_hours(each, MIDNIGHT - HOUR * 24 * 7, 7, 100.0)
        store_hours(each, MIDNIGHT, 15, 100.0)
    row = section(Period.WEEK)["chart"]["rows"][2]
    assert (row["name"], row["before"]) == ("Wed", "–")


def test_where_too_little_is_known_there_is_no_comparison(plug: SmartPlug) -> None:
    store_hours(plug, MIDNIGHT - HOUR * 24, 24, 100.0)
    store_hours(plug, MIDNIGHT, 6, 100.0)
    assert compared(section(Period.DAY)) == (
        "Only 6 of 15 h measured, so not compared with the time before."
    )
    EnergyHour.objects.filter(hour__lt=MIDNIGHT).delete()
    store_hours(plug, MIDNIGHT + HOUR * 6, 9, 100.0)
    SmartPlug.objects.update(created_at=MIDNIGHT)
    assert compared(section(Period.DAY)) == "There is nothing to compare with yet."


def test_gaps_and_what_filled_them_are_drawn_and_told(plug: SmartPlug) -> None:
    store_hours(plug, MONDAY, 20)
    store_hours(plug, MONDAY + HOUR * 24, 21)
    store_hours(plug, MONDAY + HOUR * 45, 3, 90.0, source="plug", coverage=0.0, power_avg_w=None)
    store_hours(plug, MIDNIGHT, 15)
    chart = section(Period.WEEK)["chart"]
    told = [text.replace("\N{NO-BREAK SPACE}", " ") for text in chart["missing"] + chart["filled"]]
    assert told == [
        "Mon: 4 h not measured, not counted",
        "Tue: 3 h filled in from the plug's memory",
    ]
    assert (len(chart["bars"].missing), len(chart["bars"].filled)) == (1, 1)


def test_what_the_predecessor_counted_is_told_with_how_wrong_it_is(plug: SmartPlug) -> None:
    store_hours(plug, MONDAY, 24, 91.67, power_avg_w=100, coverage=0.9167, source="predecessor")
    store_hours(plug, MONDAY + HOUR * 24, 24, source="recounted")
    store_hours(plug, MIDNIGHT, 15)
    chart = section(Period.WEEK)["chart"]
    told = [
        text.replace("\N{NO-BREAK SPACE}", " ") for text in chart["missing"] + chart["predecessors"]
    ]
    assert told == [
        "Mon: 2 h not measured, not counted",
        "Mon: 22 h counted by the predecessor, about 8 % low",
    ]
    assert "about 8 % low" in html(Period.WEEK)


def test_many_gaps_are_told_as_one(plug: SmartPlug) -> None:
    store_hours(plug, MIDNIGHT, 2)
    for hour in (3, 6, 9):
        store_hours(plug, MIDNIGHT + HOUR * hour, 2)
    told = section(Period.DAY)["chart"]["missing"]
    assert told == ["7\N{NO-BREAK SPACE}h in all not measured, not counted"]


def test_nothing_known_is_said_so_and_is_not_nothing_used(plug: SmartPlug) -> None:
    text = html(Period.WEEK)
    assert "The first bar appears within two minutes" in text
    assert "0.00" not in text
    plug.delete()
    assert "No plug yet" in html(Period.WEEK)


@pytest.mark.parametrize(
    ("period", "before", "title", "after"),
    [
        (Period.DAY, "?period=day&energy=2026-02-22", "Monday 23 February", "2026-02-24"),
        (Period.WEEK, "?energy=2026-02-22", "23 February to 1 March", ""),
        (Period.MONTH, "?period=month&energy=2026-01-31", "February 2026", ""),
        (Period.YEAR, "?period=year&energy=2025-12-31", "2026", None),
    ],
)
def test_older_periods_are_one_tap_away(
    plug: SmartPlug, period: Period, before: str, title: str, after: str | None
) -> None:
    store_hours(plug, dt.datetime(2025, 12, 1, tzinfo=dt.UTC), 24 * 90)
    found = section(period, dt.date(2026, 2, 23))
    assert (found["before"], found["title"]) == (before, title)
    present = Choice(period=period).link()
    link = f"?period=day&energy={after}" if after else present
    assert found["after"] == ("" if after is None else link)
    assert section(Period.YEAR, dt.date(2025, 12, 5))["before"] == ""  # nobody measured then


def test_nonsense_and_the_future_are_the_present_period() -> None:
    for query in ("2026-13-01", "tomorrow", "2026-03-04", "2030-01-01", "0001-01-01"):
        given = {"energy": query, "period": "week"}
        choice = Choice.of(given, NOW.date(), is_admin=False, may_wake=False)
        assert choice.energy is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param(dt.date(2025, 3, 30), 23, id="a day of 23 hours"),
        pytest.param(dt.date(2025, 10, 26), 25, id="a day of 25 hours"),
    ],
)
def test_a_day_has_all_its_hours_and_each_its_own_neighbour(
    plug: SmartPlug, day: dt.date, hours: int
) -> None:
    store_hours(plug, dt.datetime(day.year, day.month, day.day - 2, tzinfo=dt.UTC), 96, 50.0)
    chart = section(Period.DAY, day)["chart"]
    assert len(chart["rows"]) == len(chart["bars"].measured) == hours
    assert len(chart["bars"].before) == min(hours, 24)


def test_the_drawing_survives_numbers_written_the_german_way(plug: SmartPlug) -> None:
    store_hours(plug, MONDAY - HOUR * 24 * 7, 24 * 7 + 63, 10.3)
    with translation.override("de"):
        text = html(Period.WEEK)
    for attribute in ("x", "y", "width", "height", "x2", "y1"):
        assert not re.search(rf' {attribute}="[^"]*,', text)
    assert "0,65" in text  # but a value for people


def test_old_figures_are_told_to_be_old(plug: SmartPlug) -> None:
    plug.samples.create(at=NOW - HOUR / 4, power_w=30.0)
    store_hours(plug, MIDNIGHT, 15)
    text = html(Period.DAY)
    assert re.search(r"<section[^>]* data-stale>", text)
    assert "Counted until 14:45." in text
    assert "data-stale" not in html(Period.DAY, dt.date(2026, 3, 3))  # what is over cannot be stale


def test_what_lasts_and_is_unusual_is_shown_but_not_twice(plug: SmartPlug) -> None:
    facts = {"mean_w": 200.0, "usual_max_w": 90.0}
    unusual = Anomaly.objects.create(plug=plug, kind=UNUSUAL_POWER, began_at=NOW, facts=facts)
    Anomaly.objects.create(plug=plug, kind=PLUG_LOST, began_at=NOW - HOUR)  # the plugs tell it
    assert [text[:7] for text in section(Period.DAY)["unusual"]] == ["Freezer"]
    Anomaly.objects.filter(pk=unusual.pk).update(ended_at=NOW)
    assert section(Period.DAY)["unusual"] == []


def test_a_year_of_many_plugs_needs_few_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        store_hours(make_plug(101 + number), MIDNIGHT - HOUR * 24 * 40, 24 * 40)
    with django_assert_max_num_queries(9):
        section(Period.YEAR)


def test_the_section_is_a_part_of_the_page_that_its_links_change(
    client: Client, plug: SmartPlug
) -> None:
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    store_hours(plug, MIDNIGHT - HOUR * 24 * 30, 24 * 30)
    assert 'id="energy"' in client.get("/").content.decode()
    shown = part(client, "energy", "period=year&energy=2020-05-05")
    assert 'href="?period=month&amp;energy=2020-05-05#energy" data-view' in shown
    assert ">2020<" in shown


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
