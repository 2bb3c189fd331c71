"""The page: what is known, with its age; nothing that looks live and is not."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.lib.clock import household_zone
from balupi_site.page import day as day_part
from balupi_site.page import parts
from balupi_site.page.choice import Choice
from balupi_site.tests.page_parts import part, versions
from energy.models import EnergyHour, PlugRole, PowerSample, SmartPlug
from energy.periods import Period, Span, day_span, local_day
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import make_reading
from nasctl.models import NasStatus, StateChange, Wake

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]


@pytest.fixture
def now() -> dt.datetime:
    day_part.curves.forget()
    return timezone.now()


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    return client


@pytest.fixture
def nas_plug() -> SmartPlug:
    return SmartPlug.objects.create(
        device_id="A" * 40, mac="02:00:00:00:00:01", name="NAS", role=PlugRole.NAS, host="127.0.0.9"
    )


def today(now: dt.datetime) -> Span:
    """Return the household's day."""
    zone = household_zone()
    return day_span(local_day(now, zone), zone)


def be(state: str, reason: str, since: dt.datetime, **fields: Any) -> None:
    NasStatus.objects.create(
        pk=1, state=state, reason=reason, since=since, moved_at=since, version=1, **fields
    )


def test_a_visitor_is_asked_to_sign_in(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 302
    assert answer["Location"] == "/dashboard/login?next=/"
    assert b"password" in client.get(answer["Location"]).content


def test_what_changed_is_401_without_a_login_so_that_the_page_reloads(client: Client) -> None:
    assert client.get("/live/").status_code == 401


def test_a_page_that_has_everything_gets_nothing(owner: Client) -> None:
    page = owner.get("/dashboard/").content.decode()
    answer = owner.get("/live/", {"have": versions(page)})
    assert (answer.status_code, answer.content) == (204, b"")


def test_only_what_changed_is_sent(owner: Client, now: dt.datetime) -> None:
    have = versions(owner.get("/dashboard/").content.decode())
    be("online", "answers", now - dt.timedelta(minutes=5))
    parts.forget()
    changed = owner.get("/live/", {"have": have}).content.decode()
    assert "The NAS has been awake since" in changed
    assert 'data-part="energy"' not in changed


def test_an_age_alone_is_no_change(owner: Client, now: dt.datetime, nas_plug: SmartPlug) -> None:
    PowerSample.objects.create(plug=nas_plug, at=now, power_w=34.5)
    choice = Choice()
    before = parts.drawn("plugs", choice, now)
    parts.forget()
    after = parts.drawn("plugs", choice, now + dt.timedelta(seconds=20))
    assert (before.version, before.html) != (after.version, after.html)
    assert before.version == after.version


def test_a_part_that_cannot_be_drawn_does_not_take_the_others_with_it(
    owner: Client, now: dt.datetime, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_given: Any) -> Any:
        raise OverflowError("a date of the year 9999")

    be("offline", "shut_down", now - dt.timedelta(hours=1))
    broken = dataclasses.replace(parts.PARTS["snapshot"], context=fail)
    monkeypatch.setitem(parts.PARTS, "snapshot", broken)
    page = owner.get("/dashboard/").content.decode()
    assert page.count("This part cannot be shown.") == 1
    assert "Wake the NAS" in page
    assert "year 9999" in caplog.text


def test_a_drawing_is_shared_until_it_is_too_old(now: dt.datetime) -> None:
    first = parts.drawn("energy", Choice(), now)
    assert parts.drawn("energy", Choice(), now) is first
    assert parts.drawn("energy", Choice(period=Period.YEAR), now) is not first


@pytest.mark.parametrize(
    ("query", "link"),
    [
        pytest.param({}, "?", id="nothing chosen"),
        pytest.param({"day": "2026-11-20"}, "?day=2026-11-20", id="a day"),
        pytest.param({"day": "2026-11-26"}, "?", id="today is no day of the past"),
        pytest.param({"day": "2999-01-01"}, "?", id="the future"),
        pytest.param({"day": "0001-01-01"}, "?", id="before everything"),
        pytest.param({"day": "banana", "period": "x", "events": "y"}, "?", id="nonsense"),
        pytest.param({"period": "year", "events": "nas"}, "?period=year&events=nas", id="both"),
    ],
)
def test_the_query_says_what_to_show(query: dict[str, str], link: str) -> None:
    choice = Choice.of(query, dt.date(2026, 11, 26), is_admin=False, may_wake=False)
    assert choice.link() == link


@pytest.mark.parametrize(
    ("given", "goes_to"),
    [
        pytest.param("/dashboard/?period=year", "/dashboard/?period=year", id="back to the page"),
        pytest.param("//evil.example/", "/dashboard/", id="never to another host"),
        pytest.param("", "/dashboard/", id="nowhere said"),
    ],
)
def test_language_and_light_are_kept_in_cookies(client: Client, given: str, goes_to: str) -> None:
    answer = client.post("/dashboard/prefer", {"language": "de", "theme": "dark", "next": given})
    assert (answer.status_code, answer["Location"]) == (302, goes_to)
    page = client.get("/dashboard/login").content.decode()
    assert '<html lang="de" data-theme="dark">' in page


def test_language_and_light_can_be_chosen_under_the_name_of_the_nas_too(
    owner: Client, settings: Any
) -> None:
    host = {"host": settings.DNS_NAMES[0]}
    page = owner.get("/dashboard/", headers=host).content.decode()
    found = re.search(r'action="(/[^"]*prefer)"', page)
    assert found is not None
    answer = owner.post(found[1], {"language": "de", "next": "/dashboard/"}, headers=host)
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/")


def test_an_unknown_language_or_light_changes_nothing(client: Client) -> None:
    answer = client.post("/dashboard/prefer", {"language": "xx", "theme": "'><script>"})
    assert "balupi_theme" not in answer.cookies
    assert "balupi_language" not in answer.cookies


def test_everybody_reads_where_the_owner_says_so(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    assert client.get("/").status_code == 200


def test_the_icon_is_found_where_browsers_guess_it(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].endswith("icon.svg")


def test_the_first_page_of_an_empty_home_says_what_is_missing(owner: Client) -> None:
    page = owner.get("/").content.decode()
    assert "Looking for the NAS." in page
    assert "No plug yet." in page
    assert "Nothing yet today." in page


@pytest.mark.parametrize(
    ("state", "reason", "sentence"),
    [
        ("online", "answers", "The NAS has been awake since"),
        ("offline", "shut_down", "The NAS has been asleep since"),
        ("offline", "fell_asleep", "The NAS has been asleep since"),
        ("offline", "power_gone", "The NAS has been gone since"),
        ("offline", "powered_not_answering", "The NAS is running but does not answer."),
        ("offline", "boot_failed", "The NAS did not wake up."),
        ("booting", "wake", "The NAS is waking up."),
        ("shutting_down", "called_going_offline", "The NAS is going to sleep."),
    ],
)
def test_the_headline_says_what_the_nas_does(
    owner: Client, now: dt.datetime, state: str, reason: str, sentence: str
) -> None:
    be(state, reason, now - dt.timedelta(minutes=5))
    assert sentence in part(owner, "nas")


def test_a_running_wake_shows_its_stages_instead_of_the_button(
    owner: Client, now: dt.datetime
) -> None:
    wake = Wake.objects.create(
        requested_by="owner",
        requested_from="page",
        requested_at=now - dt.timedelta(seconds=9),
        previous_state="offline",
        deadline_at=now + dt.timedelta(seconds=81),
        packet_sent_at=now - dt.timedelta(seconds=9),
        power_seen_at=now - dt.timedelta(seconds=6),
    )
    be("booting", "wake", now - dt.timedelta(seconds=9), wake=wake)
    page = part(owner, "nas")
    assert page.count("<li") == 4
    assert "after 3\N{NO-BREAK SPACE}s" in page
    assert "Wake the NAS" not in page


def test_an_old_reading_is_grey_with_its_age_and_counts_in_no_sum(
    owner: Client, now: dt.datetime, nas_plug: SmartPlug
) -> None:
    PowerSample.objects.create(plug=nas_plug, at=now - dt.timedelta(minutes=12), power_w=34.5)
    page = part(owner, "plugs")
    assert re.search(r"<li[^>]* data-stale>", page)
    assert "34.5" in page
    assert "12\N{NO-BREAK SPACE}min ago" in page
    assert '<span class="w">–<small>' in page


def test_today_is_what_our_own_hours_say(
    owner: Client, now: dt.datetime, nas_plug: SmartPlug
) -> None:
    start = today(now).start
    for hour, energy_wh in ((start, 100.0), (start - dt.timedelta(hours=1), 9999.0)):
        EnergyHour.objects.create(plug=nas_plug, hour=hour, energy_wh=energy_wh, coverage=1.0)
    assert "0.10 kWh today" in part(owner, "plugs")


def test_names_and_messages_are_escaped(owner: Client, nas_plug: SmartPlug) -> None:
    SmartPlug.objects.update(name="<script>alert(1)</script>", status_message="<b>no</b>")
    page = owner.get("/").content.decode()
    assert "<script>alert" not in page
    assert "<b>no</b>" not in page


def test_the_button_wakes(owner: Client, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    be("offline", "shut_down", now - dt.timedelta(hours=1))
    monkeypatch.setattr("nasctl.services.wakes.send_magic_packets", lambda *_a, **_kw: None)
    monkeypatch.setattr("balupi_site.wake_page.views.enqueue", lambda _task: True)
    assert owner.post("/wake").status_code == 302
    assert Wake.objects.get().requested_by == "owner"
    assert NasStatus.objects.get().state == "booting"


def test_a_wake_that_makes_no_sense_is_told_on_the_page(owner: Client, now: dt.datetime) -> None:
    be("online", "answers", now - dt.timedelta(hours=1))
    assert "awake already" in owner.post("/wake", follow=True).content.decode()
    assert not Wake.objects.exists()


@pytest.mark.parametrize(
    ("public_wake", "address", "woken"),
    [
        pytest.param(True, "192.168.178.20", True, id="somebody in the house"),
        pytest.param(True, "8.8.8.8", False, id="somebody outside"),
        pytest.param(False, "192.168.178.20", False, id="the owner does not want it"),
    ],
)
def test_who_may_wake_without_a_login(
    client: Client,
    settings: Any,
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
    public_wake: bool,
    address: str,
    woken: bool,
) -> None:
    be("offline", "shut_down", now - dt.timedelta(hours=1))
    settings.PUBLIC_WAKE = public_wake
    monkeypatch.setattr("nasctl.services.wakes.send_magic_packets", lambda *_a, **_kw: None)
    monkeypatch.setattr("balupi_site.wake_page.views.enqueue", lambda _task: True)
    client.post("/wake", REMOTE_ADDR=address)
    assert Wake.objects.exists() is woken


def test_waking_needs_the_csrf_token() -> None:
    assert Client(enforce_csrf_checks=True).post("/wake").status_code == 403


def test_the_page_asks_the_database_a_bounded_number_of_times(
    owner: Client, now: dt.datetime, nas_plug: SmartPlug, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        SmartPlug.objects.create(
            device_id=f"{number:040}",
            mac=f"02:00:00:00:01:{number:02x}",
            name=f"P{number}",
            host="127.0.0.9",
        )
        StateChange.objects.create(
            from_state="online",
            to_state="offline",
            reason="shut_down",
            at=now - dt.timedelta(hours=number),
        )
    parts.forget()
    with django_assert_max_num_queries(48):
        owner.get("/")


def test_the_curve_goes_on_while_samples_wait_for_the_database(
    owner: Client, redis_server: Any, nas_plug: SmartPlug
) -> None:
    day_part.curves.forget()
    # In the middle of a point of the curve: one that has just begun is too narrow to be drawn.
    at = timezone.now().replace(hour=12, minute=1, second=0)
    with time_machine.travel(at, tick=False):
        reading = make_reading(at=at, device_id=nas_plug.device_id, power_w=40.0)
        SampleBuffer().put(reading, is_sample=True)
        assert 'id="hill-1" d="M' in part(owner, "day")
