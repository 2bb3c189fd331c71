"""The page's list of what happened: calm, newest first, and to admins what is theirs to know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.events.models import Event
from balupi_site.page import events as nas_view
from balupi_site.tests.page_parts import part
from nasctl.models import StateChange

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def happened(minutes: float, kind: str, now: datetime = NOW, **fields: Any) -> None:
    Event.objects.create(at=now - timedelta(minutes=minutes), kind=kind, **fields)


def sentences(*, for_admin: bool = False) -> list[str]:
    return [row["sentence"] for row in nas_view.events(NOW, for_admin=for_admin)]


def test_what_people_care_about_stands_between_the_states() -> None:
    StateChange.objects.create(
        at=NOW - timedelta(minutes=30), from_state="online", to_state="offline", reason="shut_down"
    )
    happened(40, "inbox.moved", facts={"files": 2, "bytes": 10})
    happened(20, "names.overridden", subject="nas.lan", who="kim", facts={"target": "pi"})
    happened(15, "nas.call")  # the state tells it
    happened(14, "change.edited", subject="Day")
    happened(10, "plug.anomaly", subject="Lamp", is_trouble=True, facts={"anomaly": "plug_lost"})
    rows = nas_view.events(NOW)
    assert [row["sentence"].split()[0] for row in rows] == ["Lamp", "kim", "Asleep", "2"]
    assert [row["icon"] for row in rows] == ["warn", "sign", "moon", "nas"]
    assert rows[0]["css"] == "failed"


def test_refused_logins_and_calls_are_for_admins() -> None:
    happened(3, "login.refused", subject="hunter2", address="10.0.0.7", is_trouble=True)
    happened(2, "nas.call_refused", address="10.0.0.7", is_trouble=True)
    assert sentences() == []
    assert [text for text in sentences(for_admin=True) if "10.0.0.7" in text or "hunter2" in text]


def test_news_do_not_push_out_what_is_newer_and_end_after_a_month() -> None:
    happened(60 * 24 * 40, "inbox.moved", facts={"files": 9})
    for number in range(20):
        happened(number, "inbox.moved", facts={"files": number + 1, "bytes": 1})
    assert len(sentences()) == 12
    assert sentences()[0].startswith("1 file ")


def test_what_a_wrong_clock_called_the_future_does_not_stay_on_top() -> None:
    happened(-0.5, "inbox.moved", facts={"files": 1, "bytes": 1})  # clocks differ a little
    for number in range(13):
        happened(-60 * 24 * 365 - number, "plug.anomaly", subject="Lamp")
        StateChange.objects.create(
            at=NOW + timedelta(days=365 + number), from_state="online", to_state="offline"
        )
    assert [text.split()[0] for text in sentences()] == ["1"]


@pytest.mark.parametrize("is_admin", [True, False])
def test_the_page_shows_each_reader_what_is_his(client: Client, is_admin: bool) -> None:
    happened(1, "login.refused", timezone.now(), subject="<b>hunter2</b>", is_trouble=True)
    client.force_login(User.objects.create_user("kim", is_staff=is_admin))
    page = part(client, "events")
    assert ("&lt;b&gt;hunter2" in page) is is_admin
    assert "<b>hunter2" not in page
