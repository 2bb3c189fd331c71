"""The sentence on top: what the NAS does, how sure that is, and what one can do about it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from balupi_site.page import nas as nas_part
from balupi_site.page.choice import Choice
from nasctl.evidence import Stage
from nasctl.models import NasStatus, Wake
from nasctl.reasons import WAKE_FAILURES, WENT_DOWN_AGAIN
from nasctl.services import nas_overview
from nasctl.services.overview import Evidence, NasOverview, Refusal, Sighting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NBSP = "\N{NO-BREAK SPACE}"
#: 22:41 in Berlin.
NOW = dt.datetime(2026, 11, 21, 21, 41, tzinfo=dt.UTC)
HOME = Choice(may_wake=True)


def ago(**span: float) -> dt.datetime:
    return NOW - dt.timedelta(**span)


def be(state: str, reason: str, since: dt.datetime, wake: Wake | None = None) -> None:
    NasStatus.objects.create(
        pk=1, state=state, reason=reason, since=since, moved_at=since, version=1, wake=wake
    )


def woken(seconds: float, **fields: Any) -> Wake:
    at = ago(seconds=seconds)
    return Wake.objects.create(
        **{
            "requested_by": "Anna",
            "requested_from": "page",
            "requested_at": at,
            "packet_sent_at": at,
            "previous_state": "offline",
            "deadline_at": at + dt.timedelta(seconds=90),
            **fields,
        }
    )


def seen(seconds: float, *, is_watched: bool = True, result: str = "silent") -> Evidence:
    at = ago(seconds=seconds)
    look = Sighting(result, at, seconds)
    return Evidence(
        presence=look, watched_at=at, watched_age_s=seconds, is_watched=is_watched, probe=look
    )


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have more known of the NAS; call with the fields of the overview."""

    def know(**fields: Any) -> None:
        def overview(now: dt.datetime) -> NasOverview:
            return replace(nas_overview(now), **fields)

        monkeypatch.setattr(nas_part, "nas_overview", overview)

    return know


def section(choice: Choice = HOME) -> str:
    with timezone.override("Europe/Berlin"):
        context = {"choice": choice, "now": NOW, **nas_part.context(choice, NOW)}
        page = render_to_string("page/nas.html", context).replace(NBSP, " ")
    return re.sub(r"\s+", " ", page)


def test_asleep_with_everything_that_is_known(known: Any) -> None:
    be("offline", "shut_down", ago(minutes=27))
    woken(9000, result="succeeded", healthy_at=ago(seconds=8930))
    known(power_w=1.2, power_at=ago(seconds=6), evidence=seen(4))
    page = section()
    assert "The NAS has been asleep since 22:14." in page
    assert 'draws <b class="nb">1.2 W</b>' in page
    assert re.search(r"checked <time [^>]*>4 s ago</time>", page)
    assert 'class="age live"' in page
    assert '<button class="btn go" form="wake-form">' in page
    assert "Usually takes 70 s." in page
    assert "no answer" in page
    assert "data-busy" not in page


def test_nothing_personal_and_no_form_is_in_the_part() -> None:
    be("offline", "shut_down", ago(minutes=27))
    page = section()
    assert "csrf" not in page
    assert "<form" not in page


def test_where_nobody_looks_any_more_it_says_how_it_was(known: Any) -> None:
    be("offline", "shut_down", ago(minutes=27))
    known(power_w=1.2, power_at=ago(minutes=12), evidence=seen(720, is_watched=False))
    page = section()
    assert "At 22:29 the NAS was asleep." in page
    assert "has been asleep" not in page
    assert "As of 22:29" in page
    assert "#clock" in page
    assert "url(#greys)" in page
    assert "draws" not in page
    assert 'form="wake-form"' in page


def test_of_another_day_it_says_which(known: Any) -> None:
    be("online", "answers", ago(days=3))
    known(evidence=seen(2 * 86400, is_watched=False))
    page = section()
    assert "The NAS was awake when it was last seen, Thursday 22:41." in page
    assert "Open the NAS" not in page


def test_without_redis_it_says_that_the_last_look_is_not_known() -> None:
    be("online", "answers", ago(minutes=5))
    assert "not known when it was last checked" in section()


def test_a_wake_shows_its_stages_and_what_is_left_instead_of_the_button() -> None:
    wake = woken(26, power_seen_at=ago(seconds=23), watches_power=True)
    be("booting", "wake", ago(seconds=26), wake)
    page = section()
    assert "The NAS is waking up." in page
    assert "Anna woke it." in page
    assert re.search(r'class="done">.*?Signal sent.*?22:40:34', page)
    assert "after 3 s" in page
    assert re.search(r'<li class="now" aria-current="step">.*?Waiting for an answer.*?26 s', page)
    assert "About 34 s left." in page
    assert "wake-form" not in page
    assert "data-busy" in page


def test_a_wake_that_takes_longer_says_how_long_it_is_waited_for() -> None:
    be("booting", "wake", ago(seconds=70), woken(70))
    assert "Longer than usual; BaluPi waits another 20 s." in section()


def test_a_wake_that_failed_says_why_and_offers_another() -> None:
    woken(95, result="failed", failed_stage="healthy", message=WENT_DOWN_AGAIN)
    be("offline", "boot_failed", ago(seconds=5))
    page = section()
    assert "The NAS did not wake up." in page
    assert WENT_DOWN_AGAIN in page
    assert re.search(r'class="bad">.*?BaluHost does not answer.*?failed', page)
    assert "Try again" in page


def test_settings_are_named_to_the_owner_only() -> None:
    message = WAKE_FAILURES[Stage.PORT_ANSWERED]
    woken(95, result="failed", failed_stage="port_answered", message=message)
    be("offline", "boot_failed", ago(seconds=5))
    assert "It draws power, but in 90 s it did not answer on the network." in section()
    assert "BALUPI_" not in section()
    assert "BALUPI_NAS_IP" in section(Choice(is_admin=True, may_wake=True))


def test_awake_says_who_woke_it_and_leads_there(known: Any, settings: Any) -> None:
    settings.NAS_URL = "http://192.0.2.9"
    woken(100, result="succeeded", finished_at=ago(seconds=30), healthy_at=ago(seconds=30))
    be("online", "answers", ago(seconds=30))
    known(evidence=seen(2, result="ok"))
    page = section()
    assert "The NAS has been awake since 22:40." in page
    assert "Anna woke it." in page
    assert 'href="http://192.0.2.9"' in page
    assert "wake-form" not in page


def test_an_old_wake_is_not_why_it_is_awake_now() -> None:
    woken(9000, result="succeeded", finished_at=ago(seconds=8930))
    be("online", "answers", ago(seconds=30))
    assert "Anna" not in section()


def test_without_power_it_offers_the_way_to_the_plug_to_admins_only(known: Any) -> None:
    be("offline", "power_gone", ago(minutes=9))
    known(can_wake=False, why_not_wake=Refusal("no_power", "Switch the plug on first."))
    for is_admin in (True, False):
        page = section(Choice(may_wake=True, is_admin=is_admin))
        assert "The plug of the NAS is switched off." in page
        assert "Switch the plug on first." in page
        assert "wake-form" not in page
        assert ("To the plugs" in page) is is_admin


def test_who_may_not_wake_is_told_how_to() -> None:
    be("offline", "shut_down", ago(minutes=27))
    page = section(Choice())
    assert "wake-form" not in page
    assert "Sign in to wake it" in page


def test_before_the_first_look_it_is_looked_for() -> None:
    page = section()
    assert "Looking for the NAS." in page
    assert "Not known yet" in page
    assert "not known when" not in page


def test_seconds_are_not_read_out(known: Any) -> None:
    """The part's wrapper is a live region: what counts inside must be silent."""
    wake = woken(26)
    be("booting", "wake", ago(seconds=26), wake)
    known(power_w=20.0, power_at=NOW, evidence=seen(4))
    page = section()
    counting = re.findall(r"[^<>]*\b(?:26 s|34 s left|4 s ago)", page)
    assert len(counting) == 4
    silent = re.sub(r'<(\w+)[^>]* aria-live="off"[^>]*>.*?</\1>', "", page)
    assert not re.search(r"\b(26 s|34 s left|4 s ago)", silent)
