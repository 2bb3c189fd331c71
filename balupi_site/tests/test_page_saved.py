"""Saved by sleeping: the same figures as the API's, a formula that holds on paper, no nonsense."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.template.loader import render_to_string

from balupi_site.page import saved
from balupi_site.page.choice import Choice
from energy.models import PlugRole, SmartPlug
from energy.tests.factories import make_plug
from energy.tests.history_helpers import HOUR, store_hours
from nasctl.models import NasHour
from nasctl.services.energy import Saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]
#: 15:00 in Berlin.
NOW = dt.datetime(2026, 3, 4, 14, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 3, 23, tzinfo=dt.UTC)


def html(*, is_admin: bool = False) -> str:
    """Return the section as it is shown, on one line."""
    choice = Choice(is_admin=is_admin)
    context = {"choice": choice, "now": NOW, **saved.context(choice, NOW)}
    shown = " ".join(render_to_string("page/saved.html", context).split())
    return shown.replace("\N{NO-BREAK SPACE}", " ")


def be(plug: SmartPlug, state: str, first: dt.datetime, hours: int, energy_wh: float) -> None:
    """Store whole hours of the NAS in a state."""
    store_hours(plug, first, hours, energy_wh)
    NasHour.objects.bulk_create(
        NasHour(
            plug=plug,
            hour=first + HOUR * number,
            state=state,
            duration_s=3600,
            energy_wh=energy_wh,
            known_s=3600,
        )
        for number in range(hours)
    )


@pytest.fixture
def plug() -> SmartPlug:
    return make_plug(role=PlugRole.NAS)


def test_what_sleeping_saved_comes_with_its_formula_and_its_parts_add_up(plug: SmartPlug) -> None:
    be(plug, "online", MIDNIGHT - HOUR * 5, 5, 34.0)
    be(plug, "offline", MIDNIGHT, 10, 1.2)
    be(plug, "online", MIDNIGHT + HOUR * 10, 5, 40.0)
    text = html()
    assert '<p class="fig">0.33<small>kWh today</small></p><p class="fig">€0.10</p>' in text
    assert "10 h asleep × (34.0 W awake and idle − 1.2 W asleep)" in text
    for words in ("0.21 used", "0.33 saved", "0.54 always on"):
        assert words in text
    assert "<dt>March 2026</dt><dd>0.33 kWh</dd><dd>€0.10</dd>" in text


def test_it_is_summed_up_since_the_nas_is_watched(plug: SmartPlug) -> None:
    be(plug, "offline", MIDNIGHT - HOUR * 24 * 40, 24, 1.0)
    be(plug, "online", MIDNIGHT, 10, 41.0)
    text = html()
    assert "The NAS did not sleep in this time." in text
    assert "<dt>March 2026</dt><dd>0.00 kWh</dd>" in text
    assert "<dt>Since 23 January</dt><dd>0.96 kWh</dd><dd>€0.31</dd>" in text


def test_why_it_cannot_be_known_is_told(plug: SmartPlug) -> None:
    be(plug, "offline", MIDNIGHT, 10, 1.2)
    text = html()
    assert "that takes three whole hours awake" in text
    assert "fig" not in text
    plug.role = PlugRole.GENERIC
    plug.save()
    assert "no plug measures the NAS" in html()
    assert "Say which plug" not in html()
    assert "Say which plug" in html(is_admin=True)


def test_sleep_that_drew_more_than_idling_saved_nothing(plug: SmartPlug) -> None:
    be(plug, "online", MIDNIGHT - HOUR * 5, 5, 34.0)
    be(plug, "offline", MIDNIGHT, 10, 50.0)
    text = html()
    assert "nothing was saved" in text
    assert "-" not in "".join(row["kwh"] for row in saved.saving(plug, NOW)["rows"])
    assert "fig" not in text


def _saved(asleep_h: float, idle_w: float, asleep_w: float, **fields: Any) -> Saved:
    values = {
        "energy_wh": asleep_h * (idle_w - asleep_w),
        "cost": None,
        "asleep_h": asleep_h,
        "idle_power_w": idle_w,
        "asleep_power_w": asleep_w,
        "formula": "the long one",
        "reason": "",
    }
    return Saved(**{**values, **fields})


@pytest.mark.parametrize(
    ("it", "words"),
    [
        pytest.param(
            _saved(14.5, 34.0, 1.2),
            "14 h 30 min asleep × (34.0 W awake and idle − 1.2 W asleep)",
            id="one decimal is enough",
        ),
        pytest.param(
            _saved(24.0, 34.14, 1.01),
            "24 h asleep × (34.14 W awake and idle − 1.01 W asleep)",
            id="two, for the same kWh on paper",
        ),
        pytest.param(
            _saved(24.0, 34.1349, 1.0098), "the long one", id="nasctl's own, where neither does"
        ),
        pytest.param(_saved(700.0, 34.0, 1.0), "the long one", id="nasctl's own of many days"),
        pytest.param(_saved(0.0, 34.0, 1.2, asleep_power_w=None), "", id="nothing to work out"),
    ],
)
def test_the_formula_gives_the_shown_figure_on_paper(it: Saved, words: str) -> None:
    assert saved.formula(it).replace("\N{NO-BREAK SPACE}", " ") == words
