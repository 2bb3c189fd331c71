"""What the NAS told of itself, on the page: all of it, never live, the bad line in words."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from balupi_site.page import snapshot as snapshot_part
from balupi_site.page.choice import Choice
from handshake.models import Snapshot

pytestmark = pytest.mark.django_db

NBSP = "\N{NO-BREAK SPACE}"
#: 22:41 in Berlin.
NOW = dt.datetime(2026, 11, 21, 21, 41, tzinfo=dt.UTC)


def told(*states: str, age: dt.timedelta = dt.timedelta(minutes=28), **fields: Any) -> None:
    arrays = [
        {"name": f"md{number}", "level": "raid1", "state": state, "devices": ["sda1"]}
        for number, state in enumerate(states)
    ]
    storage = {"arrays": arrays, "total_bytes": 8_000_000_000_000, "used_bytes": 5_100_000_000_000}
    content = {"storage": storage, **fields}
    Snapshot.objects.create(received_at=NOW - age, content=json.dumps(content))


def section() -> str:
    with timezone.override("Europe/Berlin"):
        context = {"choice": Choice(), "now": NOW, **snapshot_part.context(Choice(), NOW)}
        return render_to_string("page/snapshot.html", context).replace(NBSP, " ")


def disk(status: str = "PASSED", celsius: object = 31, hours: object = None) -> dict[str, Any]:
    return {"status": status, "temperature_c": celsius, "power_on_hours": hours}


def test_without_a_snapshot_it_says_when_one_comes() -> None:
    assert "sends a snapshot of itself when it goes to sleep" in section()


def test_it_has_its_time_in_the_title_and_never_looks_live() -> None:
    told("optimal")
    page = section()
    assert "NAS at 22:13" in page
    assert "28 min ago" in page
    assert "live" not in page
    assert "#clock" in page


def test_one_of_another_day_says_which() -> None:
    told("optimal", age=dt.timedelta(hours=30))
    assert "NAS, Friday 16:41" in section()


def test_a_healthy_nas_is_short() -> None:
    told(
        "optimal",
        smart_health={"/dev/sda": disk(), "/dev/sdb": disk(celsius=33.0)},
        services={"backups": {"last_backup": "2026-11-20T02:10:00", "status": "completed"}},
    )
    page = section().partition("<details")[0]
    assert "5.1<small>of 8.0 TB used</small>" in page
    assert 'width="63.8%"' in page
    assert "RAID 1, md0" in page
    assert "<dt>2 disks</dt><dd>31 °C, 33 °C</dd>" in page
    assert "<dt>Last backup</dt><dd>Friday 03:10</dd>" in page
    assert "failed" not in page


def test_what_is_bad_comes_first_and_in_words() -> None:
    told(
        *("optimal", "checking", "degraded"),
        smart_health={"sda": disk(), "sdb": disk(celsius=52), "sdc": disk("FAILED", None)},
        services={"backups": {"last_backup": "2026-11-20T02:10:00+00:00", "status": "failed"}},
    )
    page = section()
    assert page.index("a disk is missing") < page.index("in order")
    for words in (
        '<b class="failed">a disk is missing</b>',
        "being checked",
        '<span class="booting">52 °C, warm</span>',
        '<b class="failed">test says FAILED</b>',
        "<dt>1 other disk</dt>",
        '<b class="failed">failed</b>, Friday 03:10',
    ):
        assert words in page


def test_the_rest_is_folded_away() -> None:
    told(
        "optimal",
        baluhost_version="1.38.0",
        system={"hostname": "baluhost", "uptime_seconds": 7200, "ram_total_gb": 15.5},
        smart_health={"/dev/sda": disk(hours=48)},
        services={"vpn": {"active_clients": 2}, "shares": {"active_shares": 5}},
        users={"total": 3, "list": [{"username": "hidden name"}]},
        files_summary={"total_files": 48211, "total_size_bytes": 5_000_000},
    )
    page = section().partition("<details")[2]
    for words in (
        "1.38.0",
        "baluhost",
        "2 h",
        "16.6 GB",
        "48,211",
        "5.0 MB",
        "31 °C, 2 days in use",
    ):
        assert words in page
    assert "hidden name" not in page


def test_what_is_of_another_kind_than_expected_is_left_out() -> None:
    told(
        *["optimal"] * 40,
        system="none",
        services=[],
        users={"total": "many"},
        files_summary={"total_files": True},
        smart_health={"<b>": {"status": "<i>"}},
    )
    page = section()
    assert "and 34 more arrays" in page
    assert "<i>" not in page
    assert "many" not in page
    assert "True" not in page


def test_more_than_full_fills_the_bar_and_no_size_shows_none() -> None:
    storage = {"arrays": [], "total_bytes": 4_000, "used_bytes": 20_000}
    Snapshot.objects.create(received_at=NOW, content=json.dumps({"storage": storage}))
    assert 'class="m" width="100.0%"' in section()
    storage["total_bytes"] = 0
    Snapshot.objects.create(received_at=NOW, content=json.dumps({"storage": storage}))
    assert "meter" not in section()


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "soon", ""])
def test_a_backup_at_no_time_of_the_calendar_is_left_out(at: str) -> None:
    told("optimal", services={"backups": {"last_backup": at, "status": "completed"}})
    assert "Last backup" not in section()
