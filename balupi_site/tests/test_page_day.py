"""The day band on the page: what it shows of today, of a day before, and of a part of it."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from balupi_site.events.models import Event
from balupi_site.page import day as day_part
from balupi_site.page import parts
from balupi_site.page.choice import Choice
from balupi_site.page.strip import strip
from balupi_site.tests.page_parts import part
from energy.models import EnergyHour, PlugRole, PlugStatus, PowerSample, SmartPlug
from energy.periods import Period
from energy.services.rollup import roll_up
from energy.tests.factories import make_plug
from nasctl.models import StateChange, Wake
from nasctl.services import nas_energy, split_hours

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NBSP = "\N{NO-BREAK SPACE}"
#: 12:00 in Berlin, on a Tuesday.
NOW = dt.datetime(2026, 11, 24, 11, tzinfo=dt.UTC)
MIDNIGHT = NOW - dt.timedelta(hours=12)
YESTERDAY = dt.date(2026, 11, 23)


@pytest.fixture(autouse=True)
def _anew() -> None:
    day_part.curves.forget()
    parts.forget()


@pytest.fixture
def nas() -> SmartPlug:
    return plug(101, "NAS", role=PlugRole.NAS)


def plug(number: int, name: str, **fields: Any) -> SmartPlug:
    """Return a plug that has been read for two days."""
    made = make_plug(number, name=name, **fields)
    SmartPlug.objects.filter(pk=made.pk).update(created_at=NOW - dt.timedelta(days=2))
    return made


def measure(plug: SmartPlug, *stretches: tuple[float, float, float]) -> None:
    """Store samples every 30 s: from and to in hours since midnight, and W."""
    PowerSample.objects.bulk_create(
        PowerSample(plug=plug, at=MIDNIGHT + dt.timedelta(seconds=s), power_w=power_w)
        for start_h, end_h, power_w in stretches
        for s in range(round(start_h * 3600), round(end_h * 3600), 30)
    )


def move(hour: float, before: str, state: str, reason: str = "answers") -> StateChange:
    at = MIDNIGHT + dt.timedelta(hours=hour)
    return StateChange.objects.create(at=at, from_state=before, to_state=state, reason=reason)


def context(now: dt.datetime = NOW, **choice: Any) -> dict[str, Any]:
    return day_part.context(Choice(**choice), now)


def drawn(language: str = "en", now: dt.datetime = NOW, **choice: Any) -> str:
    with translation.override(language):
        return html.unescape(parts.drawn("day", Choice(**choice), now).html)


def area_kwh(path: str, found: dict[str, Any], hours: float) -> float:
    """Return the energy of the drawn rectangles."""
    boxes = re.findall(r"M(\d+) 0H(\d+)V(\d+)H\d+z", path)
    unit_h = hours / int(found["width_units"])
    return sum((int(b) - int(a)) * unit_h * int(top) / 10 for a, b, top in boxes) / 1000


def test_states_are_the_sky_and_power_the_hills(nas: SmartPlug) -> None:
    move(-3, "unknown", "offline")
    move(6, "offline", "booting", "wake")
    move(6.02, "booting", "online")
    measure(nas, (0, 6, 1.0), (6, 12, 40.0))
    found = context()
    assert [(zone["css"], zone["x"], zone["width"]) for zone in found["zones"]] == [
        ("asleep", "0", "25"),
        ("booting", "25", "0.083"),
        ("online", "25.083", "24.917"),
    ]
    assert [zone["is_sliver"] for zone in found["zones"]] == [False, True, False]
    assert found["hills"][0]["path"] == "M0 0L0 10 1795 10 1805 400 3600 400L3600 0z"
    assert found["top_units"] == "600"


def test_the_area_above_the_curve_is_what_sleeping_saved(nas: SmartPlug) -> None:
    move(-14, "unknown", "online")
    move(2, "online", "offline", "fell_asleep")
    measure(nas, (-14, 2, 34.0), (2, 7, 1.2), (8, 12, 1.2))
    roll_up(PowerSample.objects.values_list("plug", "at"), 30)
    split_hours(NOW)
    told = nas_energy(Period.DAY, NOW.date(), NOW)
    assert told is not None
    assert told.saved.energy_wh is not None
    found = context()
    slept_kwh = told.whole.asleep.energy_wh / 1000
    area = area_kwh(found["ghost"], found, 24)
    assert area - slept_kwh == pytest.approx(told.saved.energy_wh / 1000, abs=0.005)
    assert len(found["gaps"]) == 1


def test_of_many_plugs_the_small_ones_are_one_hill(nas: SmartPlug) -> None:
    for number, name, power_w in ((102, "Freezer", 60), (103, "Lamp", 3), (104, "Monitor", 20)):
        measure(plug(number, name), (11, 12, power_w))
    measure(nas, (11, 12, 30.0))
    names = [key["name"] for key in context()["read"]["keys"]]
    assert names == ["NAS", "Freezer", "Others"]


def test_others_have_no_dent_where_a_reading_fell_into_the_next_bucket(nas: SmartPlug) -> None:
    measure(nas, (6, 12, 30.0))
    measure(plug(102, "Freezer"), (6, 12, 60))
    measure(plug(103, "Lamp"), (6, 12, 3))
    monitor = plug(104, "Monitor")
    measure(monitor, (6, 12, 20))
    late = MIDNIGHT + dt.timedelta(hours=6, minutes=30)
    PowerSample.objects.filter(plug=monitor, at=late).update(at=late + dt.timedelta(seconds=31))
    path = context(part=(360, 420))["hills"][-1]["path"]
    assert path == "M0 0L0 1130 1200 1130L1200 0z"


def test_nothing_was_saved_where_the_plug_of_the_nas_was_not_measured(nas: SmartPlug) -> None:
    move(-36, "unknown", "online")
    move(-22, "online", "offline", "fell_asleep")
    measure(nas, (-36, -30, 34.0))
    measure(plug(102, "Freezer"), (-24, -12, 60.0))
    roll_up(PowerSample.objects.values_list("plug", "at"), 30)
    split_hours(NOW)
    found = context(day=YESTERDAY)
    assert [key["name"] for key in found["read"]["keys"]] == ["Freezer"]
    assert found["ghost"] == ""


def test_a_plug_that_is_not_polled_any_more_stays_in_the_days_before(nas: SmartPlug) -> None:
    measure(nas, (-24, -12, 30.0))
    measure(plug(102, "Heater"), (-24, -12, 500.0))
    SmartPlug.objects.filter(name="Heater").update(enabled=False)
    assert "530 W" in drawn(day=YESTERDAY)
    assert "Heater" not in drawn()


def test_ten_plugs_stay_small_and_ask_few_questions(
    nas: SmartPlug, django_assert_max_num_queries: Any
) -> None:
    for number in range(110, 119):
        each = plug(number, f"Plug {number}")
        noise = [
            PowerSample(
                plug=each,
                at=MIDNIGHT - dt.timedelta(days=1) + dt.timedelta(minutes=2 * n),
                power_w=20 + (n * number * 7919) % 50,
            )
            for n in range(720)
        ]
        PowerSample.objects.bulk_create(noise)
    with django_assert_max_num_queries(8):
        page = drawn(day=YESTERDAY)
    assert page.count("data-holes") == 3
    assert len(page) < 60_000


def test_the_reading_is_of_now_and_its_words_come_along(nas: SmartPlug) -> None:
    measure(nas, (11, 12, 34.5))
    page = drawn()
    assert 'aria-valuetext="now, 11:59, 34.5 W"' in page
    assert 'data-words-told="%(time)s, %(state)s, %(power)s W"' in page
    assert 'class="dot"' in page


def test_a_day_before_reads_its_highest_moment_and_is_never_stale(nas: SmartPlug) -> None:
    measure(nas, (-20, -10, 30.0), (-10, -9, 55.0))
    page = drawn(day=YESTERDAY)
    assert "Monday 23 November" in page
    assert "55.0 W" in page
    assert "highest at 14:0" in page
    assert "data-stale" not in page
    assert 'class="nowline"' not in page


def test_days_lead_to_each_other_as_far_as_something_is_known(nas: SmartPlug) -> None:
    assert context(day=YESTERDAY)["after"] == "?"
    assert context(day=YESTERDAY)["before"] == "?day=2026-11-22"
    first = context(day=dt.date(2026, 11, 22))
    assert (first["before"], first["after"], first["today"]) == ("", "?day=2026-11-23", "?")
    assert context()["after"] == ""


def test_a_part_of_the_day_is_finer(nas: SmartPlug) -> None:
    measure(nas, (6, 12, 30.0))
    morning, hour = context(part=(360, 720)), context(part=(420, 480))
    # Ten units for each bucket: of 30 s, as it was measured.
    assert (morning["width_units"], hour["width_units"]) == ("7200", "1200")
    assert [tick["label"] for tick in morning["ticks"]][:2] == ["06:00", "07:00"]
    assert morning["ticks"][1]["link"] == "?part=0700-0800"
    assert [each["name"] for each in hour["parts"] if each["is_chosen"]] == ["07:00 to 08:00"]


def test_a_part_that_is_still_to_come_says_so(nas: SmartPlug) -> None:
    found = context(part=(1080, 1440))
    assert found["zones"] == []
    assert found["notes"][-1] == {"text": "This part of the day is still to come."}


def test_hours_stand_in_for_samples_that_are_gone(nas: SmartPlug) -> None:
    for hour, energy_wh, mean_w, coverage in ((0, 30.0, 30.0, 1.0), (1, 8.0, 32.0, 0.25)):
        EnergyHour.objects.create(
            plug=nas,
            hour=MIDNIGHT - dt.timedelta(hours=24 - hour),
            energy_wh=energy_wh,
            power_avg_w=mean_w,
            coverage=coverage,
        )
    page = drawn(day=YESTERDAY)
    assert 'd="M0 0L0 300 10 300 10 320 20 320L20 0z"' in page
    assert "Only the mean of each hour is kept." in page


def test_where_the_older_part_of_a_day_is_gone_its_hours_stand_in(nas: SmartPlug) -> None:
    EnergyHour.objects.create(
        plug=nas, hour=MIDNIGHT, energy_wh=30.0, power_avg_w=30.0, coverage=1.0
    )
    measure(nas, (1, 12, 40.0))
    found = context()
    assert found["gaps"] == []
    assert found["notes"] == [{"text": "Until 01:00 only the mean of each hour is kept."}]
    assert found["hills"][0]["path"].startswith("M0 0L0 300 295 300 305 400")


def test_a_plug_that_is_silent_is_named_and_the_rest_is_hatched(nas: SmartPlug) -> None:
    measure(nas, (8, 11, 34.5))
    found = context()
    assert found["notes"][0]["bold"] == "The plug NAS does not answer."
    assert found["gaps"][-1] == {"x": "45.833", "width": "4.167"}
    assert "at 10:59" in drawn()
    assert "data-stale>" in drawn()


def test_plugs_that_nobody_reads_are_not_said_to_be_silent(nas: SmartPlug) -> None:
    SmartPlug.objects.update(status=PlugStatus.OK)
    measure(nas, (8, 11, 34.5))
    found = context()
    assert found["notes"][0]["bold"] == "BaluPi has not read its plugs since 10:59."
    assert (found["read"]["total"], found["read"]["when"]) == ("34.5", "at 10:59")


def test_a_plug_that_refuses_is_told_so(nas: SmartPlug) -> None:
    SmartPlug.objects.update(status=PlugStatus.LOGIN_REFUSED)
    assert context()["notes"][0]["bold"] == "The plug NAS refuses BaluPi."


def test_a_day_without_plugs_is_an_empty_sky() -> None:
    page = drawn()
    assert "The first day starts here." in page
    assert "Not known" in page


def test_an_absence_that_is_no_sleep_looks_like_trouble(nas: SmartPlug) -> None:
    move(-1, "unknown", "online")
    move(6, "online", "offline", "no_answer")
    zone = context()["zones"][-1]
    assert (zone["css"], zone["icon"], zone["word"]) == ("failed", "warn", "No answer")


def test_marks_lead_to_the_entries_of_the_list(client: Client) -> None:
    now = timezone.now()
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    wake = Wake.objects.create(
        requested_by="Anna",
        requested_at=now,
        previous_state="offline",
        deadline_at=now + dt.timedelta(seconds=90),
        packet_sent_at=now,
    )
    Event.objects.create(at=now, kind="names.switched", subject="n", facts={"target": "nas"})
    Event.objects.create(at=now, kind="inbox.moved", facts={"files": 12, "bytes": 9})
    page = part(client, "day")
    links = re.findall(r'class="ev" href="#([^"]+)"', page)
    assert f"ev-wake-{wake.pk}" in links
    assert len(links) == 3
    listed = part(client, "events")
    assert all(f'id="{link}"' in listed for link in links)
    assert "Anna woke it" in page
    assert "12 files" in page


def test_marks_show_the_whole_list_where_it_is_filtered() -> None:
    move(6, "offline", "booting", "woken_by_other")
    (mark,) = context(events="inbox")["marks"]
    assert mark["link"].startswith("?#ev-state-")


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        pytest.param(dt.date(2026, 3, 29), 23, id="spring"),
        pytest.param(dt.date(2026, 10, 25), 25, id="autumn"),
    ],
)
def test_days_of_23_and_25_hours_are_as_wide_as_they_are(day: dt.date, hours: int) -> None:
    found = context(day=day)
    assert found["plot"]["seconds"] == str(hours * 3600)
    noon = next(tick for tick in found["ticks"] if tick["label"] == "12:00")
    assert float(noon["x"]) == pytest.approx(100 * (hours - 12) / hours, abs=0.001)


def test_no_number_of_the_drawing_is_localized(nas: SmartPlug) -> None:
    move(-3, "unknown", "offline")
    move(6.1, "offline", "online")
    measure(nas, (0, 5.9, 1.25), (6.1, 12, 40.25))
    page = drawn("de")
    geometry = re.findall(r' (?:x|y|x1|x2|y1|y2|cx|cy|width|height|viewBox|d)="([^"]*)"', page)
    assert len(geometry) > 30
    assert [value for value in geometry if "," in value] == []
    assert "40,2" in page


def test_a_state_ends_where_nobody_looks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    move(-3, "unknown", "offline", "shut_down")
    ended = MIDNIGHT + dt.timedelta(hours=10)
    monkeypatch.setattr("balupi_site.page.day_data.watched_until", lambda _now: ended)
    assert [zone["css"] for zone in context()["zones"]] == ["asleep", "unknown"]
    assert [zone["css"] for zone in context(day=YESTERDAY)["zones"]][-1] == "asleep"


def test_the_strip_tells_of_sleep_only_and_a_crash_is_none() -> None:
    move(0, "online", "offline", "shut_down")
    move(4, "offline", "online")
    move(6, "online", "offline", "power_gone")
    told = strip(NOW)
    assert [zone["css"] for zone in told["zones"]] == ["asleep", "online", "failed"]
    assert told["told"].replace(NBSP, " ") == "Asleep for 4 h today"
