"""What happened, on the page: a day of it, newest first, and to admins what is theirs to know."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.events.models import Event
from balupi_site.page import events as events_part
from balupi_site.page.choice import Choice
from balupi_site.tests.page_parts import part
from nasctl.models import StateChange, Wake

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NBSP = "\N{NO-BREAK SPACE}"
#: 21:00 in Berlin, on a Tuesday.
NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
TODAY = NOW.date()


def happened(minutes: float, kind: str, now: datetime = NOW, **fields: Any) -> None:
    Event.objects.create(at=now - timedelta(minutes=minutes), kind=kind, **fields)


def moved(minutes: float, before: str, state: str, reason: str) -> None:
    at = NOW - timedelta(minutes=minutes)
    StateChange.objects.create(at=at, from_state=before, to_state=state, reason=reason)


def woken(minutes: float, by: str, **fields: Any) -> Wake:
    at = NOW - timedelta(minutes=minutes)
    until = at + timedelta(seconds=90)
    values = {"packet_sent_at": at, "previous_state": "offline", "deadline_at": until}
    return Wake.objects.create(requested_at=at, requested_by=by, **{**values, **fields})


def context(choice: Choice | None = None) -> dict[str, Any]:
    return events_part.context(choice or Choice(), NOW)


def sentences(choice: Choice | None = None) -> list[str]:
    rows: list[dict[str, Any]] = context(choice)["rows"]
    return [f"{row['clock']} {row['sentence']}".replace(NBSP, " ") for row in rows]


def a_night_and_a_day() -> None:
    """Asleep at 21:00 the day before; woken by Anna at 18:00, asleep again at 20:00."""
    moved(26 * 60, "offline", "online", "answers")
    moved(24 * 60, "online", "offline", "fell_asleep")
    woken(180, "Anna")
    moved(180, "offline", "booting", "wake")
    moved(180 - 71 / 60, "booting", "online", "answers")
    happened(178, "names.switched", subject="nas.lan", facts={"target": "nas"})
    happened(177, "inbox.moved", duration_s=9, facts={"files": 12, "bytes": 214_000_000})
    moved(61, "online", "shutting_down", "called_going_offline")
    happened(61, "names.switched", subject="nas.lan", facts={"target": "pi"})
    moved(60, "shutting_down", "offline", "shut_down")


def test_a_day_of_another_year_says_which_year() -> None:
    moved(400 * 24 * 60, "offline", "online", "answers")
    found = context()["earlier"]
    assert found["day"] == "20 October 2025"
    day = date.fromisoformat(found["link"].removeprefix("?day="))
    assert context(Choice(day=day))["title"] == "What happened on 20 October 2025"


def test_a_day_reads_like_a_diary() -> None:
    a_night_and_a_day()
    assert sentences() == [
        "20:00 Fell asleep after 1 h 57 min",
        "19:59 Said good night. Snapshot kept, name on the Pi",
        "18:03 12 files delivered, 214 MB in 9 s",
        "18:01 Awake after 71 s, name on the NAS",
        "18:00 Woken by Anna",
        "00:00 Asleep since Monday 21:00",
    ]


def test_causes_are_smaller_than_results_and_strips_show_the_state() -> None:
    a_night_and_a_day()
    told = [(row["css"], row["icon"], row["is_small"]) for row in context()["rows"]]
    assert told == [
        ("asleep", "moon", False),
        ("dusk", "box", True),
        ("online", "tray", False),
        ("online", "sun", False),
        ("dawn", "who", True),
        ("asleep", "moon", True),
    ]


def test_what_became_part_of_a_line_is_still_found_by_its_mark() -> None:
    a_night_and_a_day()
    rows = context()["rows"]
    ids = [row["id"] for row in rows] + [name for row in rows for name in row["also"]]
    assert len(ids) == len(set(ids)) == 9


def test_a_name_that_moves_by_itself_is_news() -> None:
    a_night_and_a_day()
    happened(100, "names.switched", subject="nas.lan", facts={"target": "nas"})
    foreign = {"target": "pi", "is_foreign": True}
    happened(60.9, "names.switched", subject="nas.lan", is_trouble=True, facts=foreign)
    told = sentences()
    assert "19:20 nas.lan leads to the NAS" in told
    assert any("Somebody else had changed nas.lan" in text for text in told)


def test_a_wake_that_failed_says_why() -> None:
    woken(10, "", result="failed", message="The NAS said good-bye before it was up. Wake it again.")
    moved(10, "offline", "booting", "wake")
    moved(8.5, "booting", "offline", "boot_failed")
    failed, asked = context()["rows"]
    assert (failed["css"], failed["icon"], failed["is_bad"]) == ("failed", "warn", True)
    assert failed["sentence"] == "The NAS did not wake up"
    assert failed["note"].startswith("The NAS said good-bye")
    assert asked["sentence"] == "Woken by a visitor"


@pytest.mark.parametrize(
    ("before", "state", "reason", "sentence"),
    [
        ("offline", "booting", "woken_by_other", "Woken by something else, not through BaluPi"),
        ("online", "offline", "power_gone", "It draws no power any more and went without"),
        ("unknown", "online", "answers", "Awake"),
        ("online", "unknown", "", "BaluPi lost sight of the NAS"),
    ],
)
def test_each_state_has_its_words(before: str, state: str, reason: str, sentence: str) -> None:
    moved(5, before, state, reason)
    assert sentences()[0].startswith(f"20:55 {sentence}")


def test_a_restart_is_one_line() -> None:
    moved(60, "offline", "online", "answers")
    moved(20, "online", "shutting_down", "called_going_offline")
    moved(19, "shutting_down", "online", "called_coming_online")
    assert sentences()[0] == "20:40 BaluHost restarted, away for 60 s"


@pytest.mark.parametrize(
    ("group", "told"),
    [
        pytest.param("inbox", ["18:03 12 files delivered, 214 MB in 9 s"], id="inbox"),
        pytest.param(
            "names", ["19:59 nas.lan leads to the Pi", "18:02 nas.lan leads to the NAS"], id="names"
        ),
        pytest.param("plug", [], id="plugs"),
    ],
)
def test_a_filter_leaves_the_rest_out(group: str, told: list[str]) -> None:
    a_night_and_a_day()
    assert sentences(Choice(events=group)) == told


def test_the_nas_alone_tells_of_its_states_and_its_name() -> None:
    a_night_and_a_day()
    happened(10, "plug.anomaly", subject="Lamp", facts={"anomaly": "plug_lost"})
    happened(100, "names.switched", subject="nas.lan", facts={"target": "nas"})
    told = sentences(Choice(events="nas"))
    assert len(told) == 5
    assert "18:01 Awake after 71 s, name on the NAS" in told


def test_another_day_is_told_alone_with_the_ways_on() -> None:
    a_night_and_a_day()
    yesterday = TODAY - timedelta(days=1)
    told = context(Choice(day=yesterday, events="nas"))
    assert told["rows"][0]["sentence"].startswith("Fell asleep after 2")
    assert told["today_link"] == "?events=nas"
    assert told["earlier"] is None
    assert context()["earlier"]["link"] == f"?day={yesterday}"


def test_a_filter_finds_its_earlier_day() -> None:
    happened(10 * 24 * 60, "inbox.moved", facts={"files": 1, "bytes": 1})
    told = context(Choice(events="inbox"))
    assert (told["is_empty"], told["void"]) == (True, "Nothing in the inbox yet today.")
    assert told["earlier"]["link"] == "?day=2026-11-14&events=inbox"


def test_refused_logins_and_calls_are_for_admins() -> None:
    happened(3, "login.refused", subject="hunter2", address="10.0.0.7", is_trouble=True)
    happened(2, "nas.call_refused", address="10.0.0.7", is_trouble=True)
    assert sentences() == []
    told = sentences(Choice(is_admin=True))
    assert "10.0.0.7" in told[0]
    assert "hunter2" in told[1]


def test_a_wild_day_is_cut_and_says_so() -> None:
    for number in range(70):
        happened(number, "plug.switched", subject="Lamp", facts={"outcome": "switched"})
    told = context()
    assert len(told["rows"]) == 60
    assert told["is_cut"] is True


def test_what_a_wrong_clock_called_the_future_is_not_told() -> None:
    happened(-0.5, "inbox.moved", facts={"files": 1, "bytes": 1})  # clocks differ a little
    happened(-60, "plug.anomaly", subject="Lamp")
    moved(-60, "online", "offline", "shut_down")
    assert sentences() == ["21:00 1 file delivered, 1 B"]


@pytest.mark.parametrize("is_admin", [True, False])
def test_the_page_shows_each_reader_what_is_his(client: Client, is_admin: bool) -> None:
    now = timezone.now()
    happened(0, "login.refused", now, subject="<b>hunter2</b>", is_trouble=True)
    client.force_login(User.objects.create_user("kim", is_staff=is_admin))
    page = part(client, "events")
    assert ("&lt;b&gt;hunter2" in page) is is_admin
    assert "<b>hunter2" not in page


def test_tabs_are_links_that_keep_the_day(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    page = part(client, "events", "day=2026-11-20&events=names")
    tabs = re.findall(r'<a href="([^"]+)" data-view( aria-current="true")?>', page)
    assert ("?day=2026-11-20#events", "") in tabs
    assert ("?day=2026-11-20&amp;events=names#events", ' aria-current="true"') in tabs
    assert "Nothing about the names on this day." in page
    assert "Show all" in page


def test_a_long_history_costs_no_more_questions(django_assert_max_num_queries: Any) -> None:
    for number in range(40):
        woken(number * 20, "Anna", result="succeeded")
        moved(number * 20 - 1, "offline", "online", "answers")
        moved(number * 20 - 9, "online", "offline", "shut_down")
    with django_assert_max_num_queries(6):
        context()
