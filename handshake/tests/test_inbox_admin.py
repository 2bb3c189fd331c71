"""The admin's pages of the inbox, the calls and the snapshots: facts, and two things to set off."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from handshake.models import (
    AskedBy,
    CallKind,
    FileStatus,
    InboxFile,
    InboxRun,
    InboxStatus,
    NasCall,
    Snapshot,
)
from handshake.problems import Trouble
from handshake.services import progress
from handshake.services.progress import Phase, Progress
from handshake.tests.inbox_home import nas_is
from handshake.tests.vectors import SNAPSHOT
from nasctl.state import NasState

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAGES = ["inboxstatus", "inboxfile", "inboxrun", "nascall", "snapshot"]


@pytest.fixture
def admin_client(db: None) -> Client:
    """A superuser whose password nobody has to hash."""
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def url(page: str, rest: str = "") -> str:
    return f"/admin/handshake/{page}/{rest}"


def file(status: FileStatus, number: int = 0, **more: Any) -> InboxFile:
    return InboxFile.objects.create(
        key=f"{status}{number}",
        name=f"{status} <b>Ünïcödé</b> {number}",
        size_bytes=4_200_000 + number,
        mtime_ns=1,
        ctime_ns=number,
        inode=1,
        status=status,
        noticed_at=NOON,
        uptime_s=1.0,
        finished_at=NOON if status == FileStatus.DONE else None,
        **more,
    )


def fill(count: int = 1) -> None:
    """Write rows of every kind in every status."""
    InboxStatus.objects.create(
        pk=1, scanned_at=NOON, files=2, bytes=4_200_000, trouble=Trouble.NAS_FULL, left_lying=3
    )
    for number in range(count):
        for status in FileStatus:
            file(status, number, message="<i>why</i>", stored_as="other name", attempts=5)
        for asked_by in AskedBy:
            for finished_at, trouble in ((None, ""), (NOON, ""), (NOON, Trouble.BROKEN)):
                InboxRun.objects.create(
                    asked_by=asked_by,
                    started_at=NOON + timedelta(minutes=number),
                    finished_at=finished_at,
                    trouble=trouble,
                    trouble_detail="<u>the detail</u>",
                    files_moved=number,
                    bytes_moved=number * 1000,
                )
        for kind in CallKind:
            NasCall.objects.create(
                kind=kind,
                received_at=NOON,
                signed_at=NOON - timedelta(seconds=3),
                client="127.66.0.53",
                signature=f"{kind}{number}",
            )
        Snapshot.objects.create(received_at=NOON, content=json.dumps(json.loads(SNAPSHOT)))


def rows() -> list[Model]:
    tables = (InboxStatus, InboxFile, InboxRun, NasCall, Snapshot)
    return [row for table in tables for row in table.objects.all()]


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode().replace("\xa0", " ")


# Opening


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_also_when_it_is_empty(page: str, admin_client: Client) -> None:
    text_of(admin_client, url(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_with_rows_in_every_status(page: str, admin_client: Client) -> None:
    fill()
    text = text_of(admin_client, url(page))
    for markup in ("<b>Ünï", "<i>why", "<u>the"):
        assert markup not in text  # as they came, they would be markup


def test_every_row_has_a_page_on_which_nothing_can_be_changed(admin_client: Client) -> None:
    fill()
    found = rows()
    assert len(found) == 1 + 4 + 12 + 2 + 1
    for row in found:
        page = url(row._meta.model_name or "", f"{row.pk}/change/")
        text = text_of(admin_client, page)
        assert 'name="_save"' not in text
        assert "deletelink" not in text
        assert admin_client.post(page, {"name": "other", "status": "done"}).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_nothing_can_be_added(page: str, admin_client: Client) -> None:
    fill()
    assert admin_client.get(url(page, "add/")).status_code == 403
    assert admin_client.post(url(page, "add/"), {}).status_code == 403
    assert url(page, "add/") not in text_of(admin_client, url(page))


def test_nothing_can_be_deleted(admin_client: Client) -> None:
    fill()
    before = rows()
    for row in before:
        page = row._meta.model_name or ""
        assert admin_client.post(url(page, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        admin_client.post(url(page), chosen)
    assert rows() == before


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("inboxfile/?status__exact=failed", id="those set aside"),
        pytest.param("inboxfile/?q=other", id="by the name on the NAS"),
        pytest.param("inboxrun/?asked_by__exact=arrival", id="by who asked"),
        pytest.param("inboxrun/?trouble=broken", id="by trouble"),
        pytest.param("inboxrun/?started_at__year=2026&started_at__month=11", id="by month"),
        pytest.param("nascall/?kind__exact=nas-going-offline", id="by call"),
        pytest.param("snapshot/?received_at__day=25", id="by day"),
        *(
            pytest.param(f"inboxfile/?o={column}", id=f"sorted by {column}")
            for column in range(1, 8)
        ),
        *(pytest.param(f"inboxrun/?o={column}", id=f"runs by {column}") for column in range(1, 8)),
    ],
)
def test_lists_can_be_searched_filtered_and_sorted(path: str, admin_client: Client) -> None:
    fill()
    text_of(admin_client, f"/admin/handshake/{path}")


def test_only_those_set_aside_are_listed_where_that_is_asked(admin_client: Client) -> None:
    fill()
    text = text_of(admin_client, url("inboxfile", "?status__exact=failed"))
    assert "</svg>set aside</span>" in text
    assert "</svg>on the NAS</span>" not in text


@pytest.mark.parametrize("page", PAGES)
def test_lists_cost_few_queries(
    page: str, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    fill(30)
    with django_assert_max_num_queries(25 if page == "inboxstatus" else 10):
        text_of(admin_client, url(page))


# What is told


def test_the_inbox_is_told_at_a_glance(admin_client: Client) -> None:
    nas_is(NasState.ONLINE, probed=True)
    fill()
    text = text_of(admin_client, url("inboxstatus"))
    for words in ("2 files, 4.2 MB", "ago", "disk is full. Make room on it"):
        assert words in text


def test_before_the_first_look_that_is_said(admin_client: Client) -> None:
    text = text_of(admin_client, url("inboxstatus"))
    assert "not yet" in text
    assert "0 files, 0 B" in text


def test_a_run_that_goes_on_is_shown(admin_client: Client, redis_server: Any) -> None:
    progress.save(Progress(Phase.SENDING, 10, 2, 4_000_000, 1_500_000, None, None, timezone.now()))
    assert "2 of 10 files, 1.5 MB of 4.0 MB" in text_of(admin_client, url("inboxstatus"))


def test_a_run_is_told_with_what_it_moved_and_how_it_ended(admin_client: Client) -> None:
    InboxRun.objects.create(
        asked_by=AskedBy.ARRIVAL,
        started_at=NOON,
        finished_at=NOON + timedelta(minutes=5),
        files_moved=1,
        bytes_moved=999,
    )
    text = text_of(admin_client, url("inboxrun"))
    for words in ("the NAS came up", "5 min", "1 file, 999 B", "all moved"):
        assert words in text
    InboxRun.objects.update(finished_at=None)
    assert "running, or cut off" in text_of(admin_client, url("inboxrun"))


def test_a_call_tells_how_far_the_nas_s_clock_is_off(admin_client: Client) -> None:
    fill()
    assert "-3 s" in text_of(admin_client, url("nascall"))


def test_a_signature_is_not_shown(admin_client: Client) -> None:
    call = NasCall.objects.create(
        kind=CallKind.COMING_ONLINE, received_at=NOON, signed_at=NOON, signature="5ec2e7" * 10
    )
    for path in (url("nascall"), url("nascall", f"{call.pk}/change/")):
        assert "5ec2e7" not in text_of(admin_client, path)


def test_a_snapshot_is_told_whole_and_harmless(admin_client: Client) -> None:
    content = json.loads(SNAPSHOT)
    content["system"] = {"hostname": "<script>alert(1)</script>"}
    content["storage"] |= {"used_bytes": 1_200_000_000_000, "total_bytes": 4_000_000_000_000}
    kept = Snapshot.objects.create(received_at=NOON, content=json.dumps(content))
    text = text_of(admin_client, url("snapshot", f"{kept.pk}/change/"))
    assert "1.2 TB of 4.0 TB" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert(1)" not in text


# What can be set off


def do(client: Client, page: str, action: str, *chosen: int) -> str:
    data = {"action": action, "_selected_action": list(chosen), "confirmed": "yes"}
    response = client.post(url(page), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_files_set_aside_are_tried_again_at_once(admin_client: Client, enqueued: Any) -> None:
    one, two = file(FileStatus.FAILED, 1, attempts=5), file(FileStatus.FAILED, 2, attempts=5)
    waiting, left = file(FileStatus.WAITING, attempts=2), file(FileStatus.FAILED, 3, attempts=5)
    text = do(admin_client, "inboxfile", "try_again", one.pk, two.pk, waiting.pk)
    assert "2 files are tried again." in text
    assert enqueued == [("handshake.tasks.flush_inbox", "admin")]
    found = InboxFile.objects.in_bulk()
    assert [(found[row.pk].status, found[row.pk].attempts) for row in (one, two)] == [
        (FileStatus.WAITING, 0)
    ] * 2
    assert found[waiting.pk].attempts == 2
    assert found[left.pk].status == FileStatus.FAILED


def test_before_files_are_tried_again_it_is_asked(admin_client: Client, enqueued: Any) -> None:
    row = file(FileStatus.FAILED, 1, attempts=5)
    data = {"action": "try_again", "_selected_action": [row.pk]}
    page = admin_client.post(url("inboxfile"), data).content.decode()
    assert "Try these files again?" in page
    assert "4.2\xa0MB" in page
    assert enqueued == []
    assert InboxFile.objects.get().status == FileStatus.FAILED


def test_where_none_was_set_aside_nothing_is_set_off(admin_client: Client, enqueued: Any) -> None:
    row = file(FileStatus.DONE)
    assert "None of these is set aside." in do(admin_client, "inboxfile", "try_again", row.pk)
    assert enqueued == []
    assert InboxFile.objects.get().status == FileStatus.DONE


def test_the_inbox_is_moved_now_also_before_the_first_look(
    admin_client: Client, enqueued: Any
) -> None:
    admin_client.get(url("inboxstatus"))  # as one comes to the button
    text = do(admin_client, "inboxstatus", "move_now", 1)
    assert "The worker is looking into the inbox." in text
    assert enqueued == [("handshake.tasks.flush_inbox", "admin")]


def test_without_redis_it_is_said_that_it_takes_longer(admin_client: Client, enqueued: Any) -> None:
    enqueued.is_away = True
    admin_client.get(url("inboxstatus"))
    text = do(admin_client, "inboxstatus", "move_now", 1)
    assert "Redis does not answer" in text
    row = file(FileStatus.FAILED, attempts=5)
    assert "Redis does not answer" in do(admin_client, "inboxfile", "try_again", row.pk)
    assert InboxFile.objects.get().status == FileStatus.WAITING


# Who may


@pytest.fixture
def kim(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("kim"))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_only_staff_may_look(page: str, kim: Client) -> None:
    fill()
    for path in (url(page), url(page, "1/change/")):
        assert kim.get(path).status_code == 403
        response = Client().get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/admin/login/")


def test_staff_without_rights_may_not_look(kim: Client) -> None:
    User.objects.update(is_staff=True)
    for page in PAGES:
        assert kim.get(url(page)).status_code == 403


def test_nobody_else_sets_anything_off(kim: Client, enqueued: Any) -> None:
    row = file(FileStatus.FAILED, attempts=5)
    InboxStatus.objects.create(pk=1)
    for page, action, pk in (("inboxfile", "try_again", row.pk), ("inboxstatus", "move_now", 1)):
        kim.post(url(page), {"action": action, "_selected_action": [pk], "confirmed": "yes"})
    assert enqueued == []
    assert InboxFile.objects.get().status == FileStatus.FAILED
