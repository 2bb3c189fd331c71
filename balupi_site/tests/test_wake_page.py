"""The wake page: what a browser finds where the NAS should be, and who may wake it there."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from balupi_site.events.models import Event
from balupi_site.lib.errors import TransientError
from balupi_site.page import events as events_part
from balupi_site.page.choice import Choice
from balupi_site.wake_page import views
from energy.models import PlugRole, PowerSample, SmartPlug
from nasctl.evidence import Stage
from nasctl.models import NasStatus, StateChange, Wake
from nasctl.reasons import WAKE_FAILURES
from nasctl.services import nas_overview
from pihole.overview import overview as names_overview

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NAS = "baluhost.local"
HTML = {"accept": "text/html,application/xhtml+xml", "host": NAS}
HOME, ABROAD = "192.168.178.20", "9.9.9.9"


@pytest.fixture(autouse=True)
def packets(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[None]:
    """Count the signals instead of sending them."""
    sent: list[None] = []
    monkeypatch.setattr(
        "nasctl.services.wakes.send_magic_packets", lambda *_a, **_kw: sent.append(None)
    )
    monkeypatch.setattr("balupi_site.wake_page.views.enqueue", lambda _task: True)
    settings.DNS_NAMES = (NAS,)
    settings.NAS_URL, settings.PI_IP = "http://192.168.178.53", "192.168.178.2"
    return sent


def be(state: str, reason: str, *, for_s: float = 3600, wake: Wake | None = None) -> None:
    since = timezone.now() - dt.timedelta(seconds=for_s)
    NasStatus.objects.create(
        pk=1, state=state, reason=reason, since=since, moved_at=since, version=1, wake=wake
    )


def running_wake(by: str = "Hidden Name") -> Wake:
    now = timezone.now()
    return Wake.objects.create(
        requested_by=by,
        requested_from="page",
        requested_at=now - dt.timedelta(seconds=9),
        previous_state="offline",
        deadline_at=now + dt.timedelta(seconds=81),
        packet_sent_at=now - dt.timedelta(seconds=9),
        power_seen_at=now - dt.timedelta(seconds=6),
    )


def press(client: Client, **given: Any) -> Any:
    """POST the button as a browser would, token and all; ``at`` is the client's address."""
    address, host = given.pop("at", HOME), given.pop("host", NAS)
    page = client.get("/wake", headers={**HTML, "host": host}, REMOTE_ADDR=address)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    body = {**given, "csrfmiddlewaretoken": token[1] if token else "none"}
    return client.post("/wake", body, headers={**HTML, "host": host}, REMOTE_ADDR=address)


@pytest.mark.parametrize(
    "path", ["/", "/login", "/system", "/admin/", "/admin/login", "/photos/a%20b?c=d", "/a%0ab"]
)
def test_under_the_nas_name_a_page_is_the_wake_page(client: Client, path: str) -> None:
    be("offline", "shut_down")
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert "The NAS has been asleep since" in page
    assert "Wake the NAS" in page
    assert 'http-equiv="refresh"' in page
    assert "http://192.168.178.2/dashboard/" in page


@pytest.mark.parametrize("path", ["/", "/photos", "/api/files", "/static/gone.js", "/admin/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_what_is_no_page_is_503_and_wakes_nothing(
    packets: list[None], path: str, method: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(method, path, headers={"host": NAS, "accept": "*/*"})
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/json")
    assert answer["Retry-After"] == "60"
    assert answer.json()["errors"] == {}
    assert not packets


def test_an_unknown_api_path_is_never_404_there_for_a_program_would_believe_it(
    client: Client,
) -> None:
    assert client.get("/api/files/1", headers={"host": NAS}).status_code == 503
    assert client.get("/api/files/1").status_code == 404


@pytest.mark.parametrize("path", ["/api/health", "/dashboard/login", "/wake", "/favicon.ico"])
def test_ours_stays_reachable_under_the_nas_name(client: Client, path: str) -> None:
    answer = client.get(path, headers={**HTML, "accept": "*/*"})
    assert answer.status_code == (503 if path == "/wake" else 302 if "ico" in path else 200)
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["BaluHost.LOCAL", "baluhost.local:8000", "baluhost.local.", "BALUHOST.local.:80"]
)
def test_case_port_and_dot_make_no_other_name(client: Client, host: str) -> None:
    assert client.get("/", headers={**HTML, "host": host}).status_code == 503


@pytest.mark.parametrize(
    ("state", "reason", "told", "sky"),
    [
        ("unknown", "", "Looking for the NAS.", "grey"),
        ("offline", "shut_down", "The NAS has been asleep since", "night"),
        ("offline", "powered_not_answering", "is running but does not answer", "grey"),
        ("shutting_down", "called_going_offline", "The NAS is going to sleep.", "dusk"),
        ("online", "answers", "The NAS has been awake since", "day"),
    ],
)
def test_it_says_in_words_what_the_nas_does(
    client: Client, state: str, reason: str, told: str, sky: str
) -> None:
    if reason:
        be(state, reason)
    page = client.get("/", headers=HTML).content.decode()
    assert told in page
    assert f'data-sky="{sky}"' in page


def test_a_running_wake_shows_its_stages_and_no_button(client: Client) -> None:
    be("booting", "wake", for_s=9, wake=running_wake())
    answer = client.get("/photos", headers=HTML)
    page = answer.content.decode()
    assert len(re.findall(r"<li\b", page)) == 4
    assert "<title>51\N{NO-BREAK SPACE}s · The NAS is waking up – BaluPi</title>" in page
    assert "About 51\N{NO-BREAK SPACE}s left." in page
    assert 'aria-current="step"' in page
    assert "<form" not in page
    assert 'content="2;url=/photos"' in page
    assert 2 <= int(answer["Retry-After"]) <= 60


def test_a_wake_that_failed_says_why_and_offers_another(client: Client) -> None:
    wake = running_wake()
    wake.result, wake.failed_stage, wake.finished_at = "failed", "power_seen", timezone.now()
    wake.power_seen_at = None
    wake.message = WAKE_FAILURES[Stage.POWER_SEEN]
    wake.save()
    be("offline", "boot_failed", for_s=5)
    page = client.get("/", headers=HTML).content.decode()
    assert "The NAS did not wake up." in page
    assert "again and again for 90\N{NO-BREAK SPACE}s, but it drew no power." in page
    assert "It draws no power</span>" in page
    assert len(re.findall(r"<li\b", page)) == 4  # two stages that were seen, and two things to try
    assert "BALUPI_" not in page  # for the owner, on BaluPi's own page
    assert "Try again" in page


def test_it_shows_nothing_private(client: Client) -> None:
    plug = SmartPlug.objects.create(
        device_id="A" * 40,
        mac="02:00:00:00:00:01",
        name="Plug",
        role=PlugRole.NAS,
        host="127.0.0.9",
    )
    PowerSample.objects.create(plug=plug, at=timezone.now(), power_w=43.7)
    be("booting", "wake", for_s=9, wake=running_wake("Hidden Name"))
    for path in ("/", "/wake"):
        page = client.get(path, headers=HTML).content.decode()
        assert not re.search(r"Hidden Name|43\.7|\bW\b|kWh", page)


def test_it_has_nothing_inline_so_that_a_strict_policy_holds(client: Client) -> None:
    be("offline", "shut_down")
    page = client.get("/", headers=HTML).content.decode()
    assert not re.search(r"<style|style=|<script(?![^>]*\bsrc=)|\son\w+=|javascript:", page)


def test_a_path_is_shown_without_its_query_and_escaped(client: Client) -> None:
    be("offline", "shut_down")
    page = client.get("/<b>x?token=hidden", headers=HTML).content.decode()
    main = page[page.index("<main") :]
    assert "/&lt;b&gt;x" in main
    assert "<b>x" not in page
    assert "hidden" not in re.sub(r"<[^>]*>", "", main)


def test_an_awake_nas_that_the_browser_has_not_found_gets_a_detour_after_a_while(
    client: Client,
) -> None:
    be("online", "answers", for_s=3)
    assert "Go there directly" not in client.get("/photos", headers=HTML).content.decode()
    NasStatus.objects.update(since=timezone.now() - dt.timedelta(seconds=16))
    page = client.get("/photos", headers=HTML).content.decode()
    assert 'href="http://192.168.178.53/photos"' in page
    assert "still remembers the Pi by this name, for a minute at most" in page


def test_it_blames_no_device_while_the_name_itself_could_not_be_moved(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("online", "answers", for_s=16)
    stuck = dataclasses.replace(names_overview(timezone.now()), ok=False, is_switching=False)
    monkeypatch.setattr("balupi_site.wake_page.story.names_overview", lambda _now: stuck)
    page = client.get("/photos", headers=HTML).content.decode()
    assert "The name still leads to the Pi, for it could not be moved." in page
    assert "remembers" not in page


def poll(client: Client, have: str, **headers: str) -> Any:
    return client.get("/wake", {"next": "/photos", "have": have}, headers={**HTML, **headers})


def version_of(page: str) -> str:
    found = re.search(r'data-version="(\w+)"', page)
    assert found is not None
    return found[1]


def test_its_script_hears_nothing_while_only_time_passes_and_the_page_when_a_stage_is_reached(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    wake = running_wake()
    be("booting", "wake", for_s=9, wake=wake)
    version = version_of(client.get("/photos", headers=HTML).content.decode())
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=4)):
        with django_assert_max_num_queries(6):
            quiet = poll(client, version)
        assert (quiet.status_code, quiet.content, quiet["Cache-Control"]) == (204, b"", "no-store")
        Wake.objects.update(port_answered_at=timezone.now())
        answer = poll(client, version)
    assert answer.status_code == 200  # not 503, which a browser's console would complain of
    assert version_of(answer.content.decode()) != version
    assert poll(client, version, **{"accept-language": "de"}).status_code == 200


def test_its_script_gets_the_page_in_place_of_a_redirect(
    client: Client, packets: list[None]
) -> None:
    be("offline", "shut_down")
    answer = press(client, next="/photos", have="x")
    assert (answer.status_code, len(packets)) == (200, 1)
    assert "The NAS is waking up." in answer.content.decode()
    assert 'data-here="/photos"' in answer.content.decode()


def test_a_form_that_a_person_sent_to_the_nas_is_answered_and_never_repeated(
    client: Client, packets: list[None]
) -> None:
    be("offline", "shut_down")
    answer = client.post("/upload?a=b", {"text": "hidden"}, headers=HTML)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "What you have just sent did not reach the NAS." in page
    assert 'data-here="/"' in page  # where the script goes, by GET
    assert 'content="5;url=/"' in page
    assert "upload" not in page
    assert not packets
    too_long = client.post("/upload", "x" * 70_000, content_type="text/plain", headers=HTML)
    assert (too_long.status_code, too_long["Content-Type"]) == (503, "application/json")


def test_when_the_nas_slept_is_for_those_who_may_read(client: Client) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    StateChange.objects.create(
        at=midnight - dt.timedelta(hours=1), from_state="online", to_state="offline", reason="x"
    )
    be("offline", "shut_down")
    assert "Asleep for" not in client.get("/", headers=HTML).content.decode()
    client.force_login(User.objects.create_user("someone"))
    page = client.get("/", headers=HTML).content.decode()
    assert re.search(r"Asleep for \d+\s(s|min|h)", page)
    assert 'class="z-asleep" x="0.00%"' in page
    assert "Signed in as someone." in page


def test_a_nas_that_nobody_watches_any_more_is_told_in_the_past(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("online", "answers")
    seen = nas_overview(timezone.now())
    at = timezone.now() - dt.timedelta(seconds=200)
    evidence = dataclasses.replace(seen.evidence, is_watched=False, watched_at=at)
    old = dataclasses.replace(seen, evidence=evidence)
    monkeypatch.setattr(views, "nas_overview", lambda _now: old)
    page = client.get("/photos", headers=HTML).content.decode()
    assert 'data-sky="grey"' in page
    assert "the NAS was awake." in page or "The NAS was awake when it was last seen" in page
    assert 'href="http://192.168.178.53/photos"' in page  # it may be there


@pytest.mark.parametrize("path", ["/dashboard/login", "/photos", "/dashboard/nothing"])
def test_it_speaks_german_to_whoever_reads_it(client: Client, path: str) -> None:
    be("offline", "shut_down")
    for language in ("de", "en"):
        page = client.get(path, headers={**HTML, "accept-language": language}).content.decode()
        assert f'<html lang="{language}"' in page


def test_the_sign_in_shows_the_nas_s_sky_and_the_way_to_wake_it(client: Client) -> None:
    be("offline", "shut_down")
    page = client.get("/dashboard/login").content.decode()
    assert 'data-sky="night"' in page
    assert "The NAS has been asleep since" in page
    assert 'href="/wake"' in page
    NasStatus.objects.update(state="online", reason="answers")
    page = client.get("/dashboard/login").content.decode()
    assert 'data-sky="day"' in page
    assert 'href="/wake"' not in page


def test_a_visitor_without_an_account_wakes_it_and_lands_where_he_sees_how_it_goes() -> None:
    be("offline", "shut_down")
    client = Client(enforce_csrf_checks=True)
    answer = press(client, next="/photos?a=b")
    assert (answer.status_code, answer["Location"]) == (302, "/photos?a=b")
    assert Wake.objects.get().requested_by == ""  # everybody reads it; the log has the address
    assert Event.objects.get(kind="wake.requested").address == HOME
    rows = events_part.context(Choice(), timezone.now())["rows"]
    for told in (rows, nas_overview(timezone.now())):
        assert HOME not in repr(told)
    sentences = [row["sentence"] for row in rows]
    assert "Woken by a visitor" in sentences
    assert "Signal sent" in client.get("/photos?a=b", headers=HTML).content.decode()


def test_at_the_pi_s_own_address_he_stays_on_the_wake_page(client: Client) -> None:
    be("offline", "shut_down")
    assert client.get("/wake", headers={"accept": "text/html"}).status_code == 200
    assert press(client, next="/wake", host="testserver")["Location"] == "/wake"
    assert Wake.objects.exists()


@pytest.mark.parametrize(
    ("public_wake", "address"), [(False, HOME), (True, ABROAD), (False, ABROAD)]
)
def test_who_may_not_wake_sees_a_sign_in_instead_and_is_refused(
    settings: Any, packets: list[None], public_wake: bool, address: str
) -> None:
    settings.PUBLIC_WAKE = public_wake
    be("offline", "shut_down")
    client = Client(enforce_csrf_checks=True)
    page = client.get("/photos", headers=HTML, REMOTE_ADDR=address).content.decode()
    assert 'action="/wake"' not in page
    assert 'action="/dashboard/login"' in page
    assert '<input type="hidden" name="next" value="/photos">' in page
    client.get("/dashboard/login", headers=HTML)
    token = {"csrfmiddlewaretoken": client.cookies["balupi_csrf"].value}
    answer = client.post("/wake", token, headers=HTML, REMOTE_ADDR=address)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/dashboard/login")
    assert not packets


@pytest.mark.parametrize("public_wake", [True, False])
def test_whoever_is_signed_in_wakes_it(client: Client, settings: Any, public_wake: bool) -> None:
    settings.PUBLIC_WAKE = public_wake
    client.force_login(User.objects.create_user("someone"))
    be("offline", "shut_down")
    assert press(client, next="/", at=ABROAD).status_code == 302
    assert Wake.objects.get().requested_by == "someone"


def test_from_the_dashboard_it_leads_back_to_the_dashboard(client: Client) -> None:
    client.force_login(User.objects.create_user("someone"))
    be("offline", "shut_down")
    assert client.post("/wake")["Location"] == "/dashboard/"


def test_the_button_needs_its_token(packets: list[None]) -> None:
    be("offline", "shut_down")
    answer = Client(enforce_csrf_checks=True).post("/wake", headers=HTML, REMOTE_ADDR=HOME)
    assert answer.status_code == 403
    assert not packets


@pytest.mark.parametrize("given", ["//evil.example/", "http://evil.example", "javascript:1", "x"])
def test_it_sends_nobody_to_another_host(client: Client, given: str) -> None:
    be("offline", "shut_down")
    assert press(client, next=given)["Location"] == "/wake"
    page = client.get("/wake", {"next": given}, headers=HTML).content.decode()
    assert "evil" not in page
    assert "javascript" not in page


def test_one_device_that_presses_too_often_is_told_when_and_others_are_not_held_up(
    client: Client, packets: list[None]
) -> None:
    be("offline", "shut_down")
    for _press in range(6):
        assert press(client, next="/").status_code in {302, 409}
    answer = press(client, next="/")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "Too many tries from this device. Try again in" in answer.content.decode()
    assert press(client, next="/", at="192.168.178.21").status_code in {302, 409}
    assert len(packets) == 1


def test_a_wake_that_makes_no_sense_or_fails_says_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("online", "answers")
    refused = press(client, next="/")
    assert (refused.status_code, b"awake" in refused.content) == (409, True)

    def fail(**_given: Any) -> None:
        raise TransientError("No packet could be sent.")

    NasStatus.objects.update(state="offline", reason="shut_down")
    monkeypatch.setattr(views, "request_wake", fail)
    failed = press(client, next="/")
    assert (failed.status_code, b"No packet could be sent." in failed.content) == (503, True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_nothing_but_the_post_wakes(client: Client, packets: list[None], method: str) -> None:
    be("offline", "shut_down")
    answer = client.generic(method, "/wake", headers=HTML, REMOTE_ADDR=HOME)
    assert answer.status_code in {503, 405}
    assert not packets


@pytest.mark.parametrize("path", ["/photos/2024", "/wake", "/dashboard/"])
def test_a_database_that_fails_is_503_and_a_page(
    path: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError("disk I/O error")

    client.force_login(User.objects.create_user("kim"))
    client.raise_request_exception = False
    monkeypatch.setattr("balupi_site.wake_page.views.nas_overview", fail)
    monkeypatch.setattr("balupi_site.page.nas.nas_overview", fail)
    response = client.get(path, headers=HTML)
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    page = response.content.decode()
    assert "The Pi cannot tell how the NAS is." in page
    assert 'http-equiv="refresh"' in page
    assert "disk I/O" not in page

    assert f'href="http://192.168.178.53{path}"' in page


@pytest.mark.parametrize("path", ["/photos/2024", "/wake", "/dashboard/", "/live/"])
def test_a_database_that_fails_altogether_is_503_too(path: str, client: Client) -> None:
    client.force_login(User.objects.create_user("kim"))
    client.raise_request_exception = False

    def fail(*_args: object) -> None:
        raise OperationalError("disk I/O error")

    with connection.execute_wrapper(fail):
        response = client.get(path, headers=HTML)
    assert response.status_code == 503
