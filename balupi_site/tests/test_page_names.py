"""Pi-hole on the page: what it blocked, where each name leads, and what to do where it does not."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from balupi_site.page import names as names_part
from balupi_site.page.choice import Choice
from pihole.ftl import DomainCount, Statistics
from pihole.models import NameStatus
from pihole.problems import ProblemCode
from pihole.status import Complaint, Look, NameLook

pytestmark = pytest.mark.django_db

NBSP = "\N{NO-BREAK SPACE}"
NOW = dt.datetime(2026, 11, 21, 21, 41, tzinfo=dt.UTC)
NAS, PI = "192.0.2.53", "192.0.2.2"
ADMIN = Choice(is_admin=True)
FIGURES = Statistics(
    *(18_412, 3_127, 17.0, 8, "enabled", None, "v6.3"),
    top_blocked=(DomainCount("ads.example", 412), DomainCount("<b>.example", 2)),
    top_permitted=(DomainCount("private.example", 1204),),
)
LOOK = Look(
    at=NOW - dt.timedelta(seconds=22),
    names=(NameLook("nas.lan", "addresses", (PI,)),),
    statistics=FIGURES,
    statistics_at=NOW - dt.timedelta(seconds=22),
)


@pytest.fixture(autouse=True)
def home(settings: Any) -> None:
    settings.NAS_IP, settings.PI_IP, settings.DNS_NAMES = NAS, PI, ("nas.lan",)
    settings.PIHOLE_PASSWORD = "secret"


@pytest.fixture
def section(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draw the section of a look; ``wish`` is where the names should lead."""

    def draw(look: Look | None, choice: Choice = ADMIN, **wish: Any) -> str:
        monkeypatch.setattr("pihole.status.load", lambda: look)
        hour_ago = NOW - dt.timedelta(hours=1)
        values = {"wanted": "pi", "changed_at": hour_ago, **wish}
        NameStatus.objects.update_or_create(pk=1, defaults=values)
        with timezone.override("Europe/Berlin"):
            context = {"choice": choice, "now": NOW, **names_part.context(choice, NOW)}
            page = render_to_string("page/names.html", context)
        return re.sub(r"\s+", " ", page.replace(NBSP, " "))

    return draw


def test_figures_and_a_name_that_leads_where_it_should(section: Any) -> None:
    page = section(LOOK)
    assert "17.0<small>% blocked</small>" in page
    assert "3,127 of 18,412 queries in 24 h" in page
    assert 'class="bl" width="17.0%"' in page
    assert re.search(r'nas.lan</dt><dd class="ok"><svg.*?#check.*?on the Pi', page)
    assert "22 s ago" in page
    assert "data-stale>" not in page


def test_what_people_ask_for_is_for_admins(section: Any) -> None:
    for choice in (ADMIN, Choice()):
        page = section(LOOK, choice)
        assert 'title="ads.example"' in page
        assert "412" in page
        assert ("private.example" in page) is choice.is_admin
        assert "<b>" not in page


@pytest.mark.parametrize(
    ("name", "wish", "told"),
    [
        pytest.param(("addresses", (NAS,)), {}, "on the NAS, should be on the Pi", id="wrong"),
        pytest.param(("timeout", ()), {}, "no answer, should be on the Pi", id="silent"),
        pytest.param(("nxdomain", ()), {}, "no address, should be on the Pi", id="no such name"),
        pytest.param(("addresses", (NAS,)), {"changed_at": NOW}, "moving to the Pi", id="moving"),
        pytest.param(("addresses", ("192.0.2.7",)), {"wanted": ""}, "192.0.2.7", id="left alone"),
    ],
)
def test_where_a_name_leads_is_one_sentence(
    section: Any, name: tuple[str, Any], wish: dict[str, Any], told: str
) -> None:
    page = section(replace(LOOK, names=(NameLook("nas.lan", *name),)), **wish)
    assert f"<span>{told}</span>" in page
    assert "#check" not in page


def test_a_problem_says_its_cause_since_when_and_when_it_is_tried_again(section: Any) -> None:
    trouble = Complaint(ProblemCode.NO_APP_SUDO, {}, NOW - dt.timedelta(hours=3))
    page = section(replace(LOOK, problem=trouble, next_try_at=NOW + dt.timedelta(seconds=40)))
    assert "app_sudo" in page
    assert "Since 19:41. Next try in 40 s." in page
    page = section(replace(LOOK, problem=trouble, next_try_at=NOW - dt.timedelta(seconds=4)))
    assert "Next try" not in page


def test_figures_older_than_the_look_are_grey_with_their_own_age(section: Any) -> None:
    page = section(replace(LOOK, statistics_at=NOW - dt.timedelta(hours=2)))
    assert re.search(r"<div [^>]*data-stale><p class=.fig", page)
    assert "2 h ago" in page


def test_a_look_that_is_too_old_makes_all_of_it_grey(section: Any) -> None:
    page = section(replace(LOOK, at=NOW - dt.timedelta(minutes=4)))
    assert re.search(r"<section [^>]*data-stale>", page)


def test_what_a_person_holds_by_hand_is_said(section: Any) -> None:
    page = section(LOOK, override="nas", override_by="Anna", override_at=NOW)
    assert "Anna holds it on the NAS by hand, until the NAS's state changes." in page.replace(
        "&#x27;", "'"
    )


@pytest.mark.parametrize(
    ("timer_s", "told"),
    [(322.0, "Nothing is blocked for another 5 min."), (None, "Nothing is blocked at present.")],
)
def test_a_pihole_that_lets_everything_through_says_so(
    section: Any, timer_s: float | None, told: str
) -> None:
    paused = replace(FIGURES, blocking="disabled", blocking_timer_s=timer_s)
    assert told in section(replace(LOOK, statistics=paused))


@pytest.mark.parametrize(
    ("password", "told"),
    [("", "Not set up yet."), ("secret", "Pi-hole was not asked yet.")],
)
def test_before_the_first_look_there_is_one_sentence(
    section: Any, settings: Any, password: str, told: str
) -> None:
    settings.PIHOLE_PASSWORD = password
    page = section(None)
    assert told in page
    assert "<dl" not in page
    assert ("/admin/" in page) is (not password)
