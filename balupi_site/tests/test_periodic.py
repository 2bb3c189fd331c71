"""When periodic tasks run next, and the admin's list of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import translation
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from balupi_site.periodic import outlook, shown_name

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIST = "/admin/django_celery_beat/periodictask/"
HOUR, DAY_S = timedelta(hours=1), 86_400.0


def test_all_our_tasks_have_a_name_in_the_readers_language() -> None:
    with translation.override("de"):
        shown = {name: shown_name(name) for name in settings.CELERY_BEAT_SCHEDULE}
    assert [name for name, told in shown.items() if told == name] == []
    assert shown_name("somebody's own") == "somebody's own"


@pytest.mark.parametrize(
    ("ran_ago", "every", "uptime_s", "is_overdue"),
    [
        pytest.param(timedelta(minutes=20), HOUR, DAY_S, False, id="not due yet"),
        pytest.param(timedelta(minutes=104), HOUR, DAY_S, False, id="due, perhaps not noted yet"),
        pytest.param(timedelta(minutes=106), HOUR, DAY_S, True, id="noted or not, too late"),
        pytest.param(timedelta(days=9), HOUR, 600.0, False, id="the Pi was off"),
        pytest.param(
            timedelta(minutes=40), timedelta(seconds=30), DAY_S, False, id="often, noted late"
        ),
        pytest.param(
            timedelta(minutes=46), timedelta(seconds=30), DAY_S, True, id="often, and not noted"
        ),
        pytest.param(timedelta(days=3), timedelta(days=1), DAY_S, True, id="a day's task"),
        pytest.param(timedelta(days=3), None, DAY_S, False, id="at certain times"),
        pytest.param(None, HOUR, DAY_S, False, id="never"),
    ],
)
def test_a_task_is_overdue_when_its_run_should_have_been_noted(
    ran_ago: timedelta | None, every: timedelta | None, uptime_s: float, is_overdue: bool
) -> None:
    last = None if ran_ago is None else NOW - ran_ago
    assert outlook(last, every, NOW, uptime_s=uptime_s).is_overdue is is_overdue


def test_what_runs_often_runs_soon_and_what_runs_seldom_runs_at_a_time() -> None:
    often = outlook(NOW, timedelta(seconds=30), NOW, uptime_s=DAY_S)
    seldom = outlook(NOW, HOUR, NOW, uptime_s=DAY_S)
    assert (often.within, seldom.within) == (timedelta(seconds=30), None)
    assert seldom.next_at == NOW + HOUR


@pytest.fixture
def _uptime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balupi_site.periodic.uptime_s", lambda: DAY_S)


@pytest.mark.django_db
@pytest.mark.usefixtures("_uptime")
@time_machine.travel(NOW, tick=False)
def test_the_list_tells_what_runs(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    hourly = IntervalSchedule.objects.create(every=3600, period="seconds")
    often = IntervalSchedule.objects.create(every=30, period="seconds")
    at_four = CrontabSchedule.objects.create(minute="0", hour="4")
    for name, schedule, last, enabled in (
        ("runs", {"interval": hourly}, NOW - timedelta(minutes=20), True),
        ("late", {"interval": hourly}, NOW - timedelta(hours=5), True),
        ("often", {"interval": often}, NOW, True),
        ("off", {"interval": often}, None, False),
        ("nightly", {"crontab": at_four}, None, True),
    ):
        PeriodicTask.objects.create(
            name=name, task="x", last_run_at=last, enabled=enabled, **schedule
        )
    with django_assert_max_num_queries(8):
        page = admin_client.get(LIST).content.decode().replace("\xa0", " ")
    told = (
        "in 40 min",
        "20 min ago",
        "overdue",
        "about now",
        "within 30 s",
        "every 1 h",
        "not yet",
    )
    assert [text for text in told if text not in page] == []
    assert page.count("</svg>off</span>") == page.count("</svg>overdue</span>") == 1


@pytest.mark.django_db
def test_the_form_is_still_django_celery_beat_s_own(admin_client: Client) -> None:
    page = admin_client.get(f"{LIST}add/").content.decode()
    assert 'id="readable-crontabs"' in page
    assert 'name="regtask"' in page
