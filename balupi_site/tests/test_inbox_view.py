"""The inbox on the page: what waits, how it goes, what holds it up, what arrived."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from balupi_site.page import inbox as inbox_view
from balupi_site.page.choice import Choice
from balupi_site.page.long_names import name_of
from balupi_site.tests import page_parts
from handshake.models import FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble
from handshake.services.progress import Progress
from nasctl.models import NasStatus

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_redis")]

NBSP = "\N{NO-BREAK SPACE}"
REFRESHES_ITSELF = "data-busy"


@pytest.fixture
def now() -> dt.datetime:
    return timezone.now()


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("owner", password="secret"))
    return client


@pytest.fixture
def visitor(settings: Any) -> Client:
    settings.PUBLIC_READ = True
    return Client()


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch, now: dt.datetime) -> Any:
    """Have a transfer run; call with what is different."""

    def run(**fields: Any) -> None:
        going = Progress(
            **{
                "phase": "sending",
                "files_total": 12,
                "files_done": 7,
                "bytes_total": 214_000_000,
                "bytes_sent": 131_000_000,
                "rate_bytes_s": 24_000_000.0,
                "left_s": 4.0,
                "at": now,
                **fields,
            }
        )
        monkeypatch.setattr("handshake.services.overview.progress.load", lambda: going)

    return run


def looked(at: dt.datetime, **fields: Any) -> None:
    InboxStatus.objects.create(pk=1, scanned_at=at, **fields)


def nas_is(state: str, now: dt.datetime) -> None:
    NasStatus.objects.create(pk=1, state=state, probed=True, since=now, moved_at=now)


def file(name: str, now: dt.datetime, **fields: Any) -> InboxFile:
    values = {"size_bytes": 1_900_000, "mtime_ns": 0, "ctime_ns": 0, "inode": 1, "uptime_s": 0.0}
    return InboxFile.objects.create(
        key=f"{InboxFile.objects.count():064}", name=name, noticed_at=now, **{**values, **fields}
    )


def page_of(client: Client, part: str = "inbox") -> str:
    return page_parts.part(client, part).replace(NBSP, " ")


# Nothing to move


def test_an_empty_inbox_says_what_it_is_for(owner: Client, now: dt.datetime) -> None:
    looked(now - dt.timedelta(minutes=6))
    page = page_of(owner)
    assert "Nothing is waiting. What you leave in this inbox while the NAS sleeps" in page
    assert "6 min ago" in page
    assert "connect_inbox" not in page
    assert 'class="fig"' not in page


def test_staff_are_told_how_to_set_it_up_and_others_are_not_bothered(
    owner: Client, visitor: Client
) -> None:
    for client, is_told in ((owner, True), (visitor, False)):
        page = page_of(client)
        assert "Not set up yet." in page
        assert ("sudo balupi connect_inbox" in page) is is_told
        assert "#warn" not in page


def test_what_is_set_up_but_not_looked_into_yet_needs_no_command(
    owner: Client, settings: Any
) -> None:
    settings.INBOX_DIR = settings.DATA_DIR / "inbox"
    settings.INBOX_DIR.mkdir()
    page = page_of(owner)
    assert "looks into it within a minute" in page
    assert "connect_inbox" not in page


# Waiting


@pytest.mark.parametrize(
    ("state", "files", "sentence"),
    [
        pytest.param("offline", 3, "52.0 MB, go to the NAS when it is awake.", id="asleep"),
        pytest.param("offline", 1, "52.0 MB, goes to the NAS when it is awake.", id="one file"),
        pytest.param("unknown", 3, "52.0 MB, go to the NAS when it is awake.", id="not known"),
        pytest.param(
            "online", 3, "52.0 MB, go to the NAS as soon as they are complete.", id="awake"
        ),
    ],
)
def test_what_waits_and_what_happens_next(
    owner: Client, now: dt.datetime, state: str, files: int, sentence: str
) -> None:
    looked(now, files=files, bytes=52_000_000)
    nas_is(state, now)
    page = page_of(owner)
    assert sentence in page
    assert f">{files}<small>{'file' if files == 1 else 'files'} waiting</small>" in page
    assert REFRESHES_ITSELF not in page


def test_the_largest_files_are_named(owner: Client, now: dt.datetime) -> None:
    looked(now, files=3, bytes=3)
    for name, size in (("small.txt", 1), ("IMG_4471.mov", 36_100_000), ("middle.pdf", 1_900_000)):
        file(name, now, size_bytes=size)
    page = page_of(owner)
    assert page.index('title="IMG_4471.mov"') < page.index('title="middle.pdf"')
    assert "36.1 MB" in page
    assert "small.txt" not in page


def test_files_on_their_way_are_told_also_where_redis_does_not_know(
    owner: Client, now: dt.datetime
) -> None:
    looked(now, files=1, bytes=10)
    nas_is("online", now)
    file("film.mkv", now, status=FileStatus.SENDING)
    assert "10 B, on the way to the NAS." in page_of(owner)


def test_a_look_of_days_ago_is_no_news_while_the_nas_sleeps(
    owner: Client, now: dt.datetime
) -> None:
    looked(now - dt.timedelta(days=3), files=1, bytes=10)
    nas_is("offline", now)
    page = page_of(owner)
    assert "3 days ago" in page
    assert "data-stale" not in page
    assert "#clock" in page
    assert 'class="age live"' not in page


def test_a_look_that_is_overdue_is_stale(owner: Client, now: dt.datetime) -> None:
    looked(now - dt.timedelta(hours=1), files=1, bytes=10)
    nas_is("online", now)
    page = page_of(owner)
    assert re.search(r'<section [^>]*id="inbox"[^>]* data-stale[ >]', page)
    assert "file waited at " in page


def test_a_look_that_gets_old_while_the_page_is_open_will_be_stale(
    owner: Client, now: dt.datetime
) -> None:
    looked(now, files=1, bytes=10)
    nas_is("online", now)
    stale_at = round(now.timestamp()) + 1800
    page = page_of(owner)
    assert re.search(rf'<section [^>]*data-stale-at="{stale_at}"[^>]*>', page)
    assert "data-stale>" not in page


def test_an_empty_inbox_tells_of_the_last_delivery(owner: Client, now: dt.datetime) -> None:
    looked(now)
    at = now - dt.timedelta(seconds=40)
    InboxRun.objects.create(asked_by="beat", started_at=at, finished_at=now)
    InboxRun.objects.create(asked_by="beat", started_at=at, finished_at=at, files_moved=12)
    assert "Nothing is waiting. Last: 12 files, " in page_of(owner)


def test_unfinished_files_are_counted(owner: Client, now: dt.datetime) -> None:
    looked(now, left_lying=2)
    assert "2 unfinished or system files stay here." in page_of(owner)


# Moving


def test_a_transfer_shows_how_it_goes_and_refreshes_itself(
    owner: Client, now: dt.datetime, moving: Any
) -> None:
    looked(now, files=5, bytes=83_000_000)
    moving()
    page = page_of(owner)
    assert ">7<small>of 12 files</small>" in page
    assert "131 MB of 214 MB, 24.0 MB/s, 4 s left" in page
    assert 'role="progressbar"' in page
    assert 'aria-valuenow="61"' in page
    assert 'aria-valuetext="131 MB of 214 MB, 24.0 MB/s, 4 s left"' in page
    assert REFRESHES_ITSELF in page


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [
        ("comparing", "Comparing what arrived"),
        ("confirming", "Giving the NAS time"),
        ("of another release", "131 MB of 214 MB"),
    ],
)
def test_each_phase_has_its_words(
    owner: Client, now: dt.datetime, moving: Any, phase: str, sentence: str
) -> None:
    looked(now, files=5)
    moving(phase=phase)
    page = page_of(owner)
    assert sentence in page
    assert " left" not in page


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        pytest.param({"rate_bytes_s": None, "left_s": None, "bytes_sent": 0}, 0, id="just begun"),
        pytest.param({"bytes_total": 0, "bytes_sent": 0, "files_done": 6}, 50, id="empty files"),
        pytest.param({"bytes_total": 0, "bytes_sent": 0, "files_total": 0}, 100, id="no files"),
        pytest.param({"bytes_sent": 300_000_000}, 100, id="more than was there"),
    ],
)
def test_the_bar_stays_within_its_bounds(
    owner: Client, now: dt.datetime, moving: Any, fields: dict[str, Any], percent: int
) -> None:
    looked(now)
    moving(**fields)
    page = page_of(owner)
    assert f'aria-valuenow="{percent}"' in page
    assert "None" not in page


# Trouble


def test_what_holds_it_up_is_told_with_the_next_try(owner: Client, now: dt.datetime) -> None:
    since, next_try = now - dt.timedelta(hours=1), now + dt.timedelta(seconds=65)
    trouble = {"trouble": Trouble.NAS_FULL, "trouble_since": since, "next_try_at": next_try}
    looked(now, files=1, bytes=10, **trouble)
    nas_is("online", now)
    page = page_of(owner)
    assert "disk is full. Make room on it; nothing is lost here." in page
    assert "Since " in page
    assert "Next try in 6" in page
    assert "10 B in all." in page


def test_a_sleeping_nas_is_not_tried(owner: Client, now: dt.datetime) -> None:
    next_try = now + dt.timedelta(seconds=65)
    looked(now, files=1, bytes=10, trouble=Trouble.NAS_FULL, next_try_at=next_try)
    page = page_of(owner)
    assert "disk is full" in page
    assert "Next try" not in page
    assert "goes to the NAS when it is awake" in page


def test_a_trouble_of_before_is_not_told_of_a_transfer_that_runs(
    owner: Client, now: dt.datetime, moving: Any
) -> None:
    looked(now, files=1, trouble=Trouble.NAS_FULL)
    moving()
    assert "disk is full" not in page_of(owner)


def test_a_missing_disk_is_told_before_the_first_look(owner: Client) -> None:
    InboxStatus.objects.create(pk=1, trouble=Trouble.NO_DISK, trouble_detail="/srv/.balupi-disk")
    page = page_of(owner)
    assert "/srv/.balupi-disk is missing" in page
    assert "set up" not in page


def test_files_set_aside_do_not_wait_and_staff_get_the_way_to_them(
    owner: Client, visitor: Client, now: dt.datetime
) -> None:
    looked(now, files=3, bytes=30)
    nas_is("offline", now)
    reason = "rsync says no"
    for number in range(2):
        file(f"bad {number}", now, status=FileStatus.FAILED, size_bytes=10, message=reason)
    for client, has_link in ((owner, True), (visitor, False)):
        page = page_of(client)
        assert "2 files were set aside." in page
        assert reason in page
        assert "10 B, goes to the NAS when it is awake." in page
        assert ("/admin/handshake/inboxfile/?status__exact=failed" in page) is has_link
    assert owner.get("/admin/handshake/inboxfile/?status__exact=failed").status_code == 200


def test_where_only_files_set_aside_are_left_nothing_else_waits(
    owner: Client, now: dt.datetime
) -> None:
    looked(now, files=1, bytes=10)
    file("bad", now, status=FileStatus.FAILED)
    assert "Nothing else is waiting." in page_of(owner)


# Arrived


def test_what_arrived_last_is_named_with_its_other_name(owner: Client, now: dt.datetime) -> None:
    looked(now)
    stored_as = "Fotos/Scan (BaluPi 2026-11-21 1412).pdf"
    file("Fotos/Scan.pdf", now, status=FileStatus.DONE, finished_at=now, stored_as=stored_as)
    page = page_of(owner)
    assert "Arrived last" in page
    assert f'<time datetime="{now.isoformat()}">' in page
    assert f'title="{stored_as}"' in page
    assert "Its name was taken." in page


def test_only_the_newest_three_arrivals_are_shown(owner: Client, now: dt.datetime) -> None:
    looked(now)
    for number in range(5):
        at = now - dt.timedelta(hours=number)
        file(f"film {number}", now, status=FileStatus.DONE, finished_at=at)
    page = page_of(owner)
    assert [f"film {number}" in page for number in range(5)] == [True, True, True, False, False]


# Names come from outside


def test_names_and_reasons_are_escaped(owner: Client, now: dt.datetime) -> None:
    evil = "\"><script>alert('x')</script>"
    looked(now, files=3, trouble=Trouble.BROKEN, trouble_detail=evil)
    file(evil, now)
    file(evil, now, status=FileStatus.FAILED, message=evil)
    file(evil, now, status=FileStatus.DONE, finished_at=now, stored_as=evil)
    page = page_of(owner, "snapshot")
    assert "<script>" not in page
    assert 'title="">' not in page


@pytest.mark.parametrize(
    ("path", "head", "tail"),
    [
        pytest.param("IMG.mov", "", "IMG.mov", id="short"),
        pytest.param(
            "a/b/Urlaub in Schweden 0042.heic", "Urlaub in Schwed", "en 0042.heic", id="long"
        ),
        pytest.param("a\nb\tc\x1b[31m", "", "a�b�c�[31m", id="characters that steer"),
        pytest.param("my photo\u202egpj.exe", "my p", "hoto�gpj.exe", id="turned direction"),
        pytest.param("", "", "", id="none"),
    ],
)
def test_a_name_keeps_its_end_and_shows_nothing_that_steers(
    path: str, head: str, tail: str
) -> None:
    name = name_of(path)
    assert (name["head"], name["tail"]) == (head, tail)


# The page


def test_the_page_asks_as_often_for_many_files_as_for_none(
    owner: Client, now: dt.datetime, django_assert_num_queries: Any
) -> None:
    looked(now, files=150, bytes=150)
    for status in (FileStatus.WAITING, FileStatus.FAILED, FileStatus.DONE):
        for number in range(50):
            file(f"{status} {number}", now, status=status)
    with django_assert_num_queries(6):
        inbox_view.context(Choice(), now)
