"""What a look into the inbox finds, and what is written of it."""

from __future__ import annotations

import logging
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from handshake import services
from handshake.folder import ignore_lease_signals, marker_of
from handshake.models import AskedBy, FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble
from handshake.rsync import Nas
from handshake.services import flushing, last_look, looking
from handshake.tests.tending.helpers import MINUTE, NOON, known

pytestmark = pytest.mark.django_db

# A flush that does not come to move anything


@pytest.fixture
def box(tmp_path: Path, settings: Any) -> Path:
    settings.NAS_SSH_KEY = tmp_path / "ssh" / "id"
    settings.NAS_SSH_KNOWN_HOSTS = tmp_path / "ssh" / "known_hosts"
    settings.INBOX_QUIET_TIME = timedelta()
    found: Path = settings.INBOX_DIR
    found.mkdir(parents=True)
    marker_of(found).touch()
    return found


def test_an_inbox_that_nobody_set_up_is_no_trouble(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NAS_SSH_KEY = tmp_path / "nothing"
    run = services.flush(AskedBy.SCHEDULE)
    assert run
    assert run.trouble == Trouble.NOT_SET_UP
    assert InboxStatus.current().trouble == ""
    assert (InboxRun.objects.count(), caplog.text) == (0, "")


def test_a_disk_that_is_gone_is_told_and_forgotten_when_it_is_back_though_the_nas_sleeps(
    box: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (box / "a").touch()
    marker_of(box).unlink()
    services.flush(AskedBy.SCHEDULE)
    assert InboxStatus.current().trouble == Trouble.NO_DISK
    marker_of(box).touch()
    run = services.flush(AskedBy.SCHEDULE)
    assert run
    assert run.trouble == Trouble.ASLEEP
    status = InboxStatus.current()
    assert (status.trouble, status.trouble_since, status.next_try_at) == ("", None, None)
    assert status.files == 1
    assert not services.is_look_due(status.scanned_at or NOON)  # or its disk would never sleep
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_nas_that_sleeps_does_not_end_a_trouble_of_the_nas(box: Path) -> None:
    known(trouble=Trouble.NAS_FULL, trouble_since=NOON, failures=3)
    (box / "a").touch()
    services.flush(AskedBy.SCHEDULE)
    status = InboxStatus.current()
    assert (status.trouble, status.failures) == (Trouble.NAS_FULL, 3)


@pytest.mark.parametrize(
    ("left", "is_over"),
    [
        pytest.param((), True, id="nothing is left"),
        pytest.param(("aside",), True, id="only what was set aside"),
        pytest.param(("waits",), False, id="something still waits"),
    ],
)
def test_a_trouble_is_over_where_nothing_waits_any_more(
    box: Path, awake: None, settings: Any, left: tuple[str, ...], *, is_over: bool
) -> None:
    settings.INBOX_QUIET_TIME = timedelta(hours=1)  # so it is not ready
    for name in left:
        (box / name).touch()
    services.flush(AskedBy.SCHEDULE)
    InboxFile.objects.filter(name="aside").update(status=FileStatus.FAILED)
    known(trouble=Trouble.NAS_FULL, trouble_since=NOON, failures=3, next_try_at=NOON)
    assert services.flush(AskedBy.SCHEDULE) is None
    assert (InboxStatus.current().trouble == "") is is_over


def test_a_look_writes_down_what_is_there(box: Path) -> None:
    for name, size in (("a", 5), ("sub/b", 7), (".DS_Store", 100), ("c.part", 1)):
        (box / name).parent.mkdir(exist_ok=True)
        (box / name).write_bytes(b"x" * size)
    before = datetime.now(UTC)
    services.flush(AskedBy.SCHEDULE)
    status = InboxStatus.current()
    assert (status.files, status.bytes, status.left_lying) == (2, 12, 2)
    assert status.scanned_at
    assert before <= status.scanned_at <= datetime.now(UTC)
    assert status.disk_mark == "as before"


def test_a_file_that_was_set_aside_is_not_ready(box: Path, awake: None) -> None:
    (box / "a").touch()
    assert [one.entry.path for one in looking.look(box).ready] == [b"a"]
    InboxFile.objects.update(status=FileStatus.FAILED)
    found = looking.look(box)
    assert ([one.entry.path for one in found.files], found.ready) == ([b"a"], [])


def test_a_file_becomes_ready_by_the_time_that_passes_not_by_the_clock_that_is_set(
    box: Path, settings: Any
) -> None:
    settings.INBOX_QUIET_TIME = timedelta(seconds=30)
    (box / "a").touch()
    written = datetime.fromtimestamp((box / "a").stat().st_ctime, UTC)
    with time_machine.travel(written - timedelta(days=9), tick=False):  # the clock is wrong
        assert not looking.look(box).ready
        InboxFile.objects.update(uptime_s=InboxFile.objects.get().uptime_s - 29)
        assert not looking.look(box).ready
        InboxFile.objects.update(uptime_s=InboxFile.objects.get().uptime_s - 1)
        assert looking.look(box).ready


def test_a_flush_that_is_refused_by_a_lock_looks_at_nothing(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner: list[InboxRun | None] = []

    def look_and_ask_again(_folder: Path) -> looking.Found:
        inner.append(services.flush(AskedBy.ADMIN))
        return looking.Found([], [])

    monkeypatch.setattr(looking, "look", look_and_ask_again)
    services.flush(AskedBy.SCHEDULE)
    assert [(run.trouble, run.asked_by) for run in inner if run] == [(Trouble.BUSY, "admin")]


def test_a_flush_whose_nas_has_no_key_yet_says_so_and_keeps_the_file(
    box: Path, awake: None
) -> None:
    before = signal.getsignal(signal.SIGIO)
    ignore_lease_signals()
    (box / "a").write_bytes(b"x")
    run = services.flush(AskedBy.SCHEDULE)
    signal.signal(signal.SIGIO, before)
    assert run
    assert (run.trouble, run.files_failed) == (Trouble.NO_KEY, 0)
    assert InboxFile.objects.get().status == FileStatus.WAITING
    assert (box / "a").exists()


def test_the_nas_is_asked_by_its_address_never_by_a_name_that_is_switched(settings: Any) -> None:
    settings.NAS_SSH_PORT, settings.NAS_SSH_USER = 2222, "balu"
    assert flushing.nas() == Nas(
        host="127.66.0.53",
        port=2222,
        user="balu",
        key=settings.NAS_SSH_KEY,
        known_hosts=settings.NAS_SSH_KNOWN_HOSTS,
    )


def test_a_look_that_finds_nothing_new_spares_the_card(box: Path, awake: None) -> None:
    (box / "a").write_bytes(b"x")
    looking.look(box)
    before = InboxStatus.current()
    InboxStatus.objects.update(disk_mark="another")  # something else was written to the same disk
    looking.look(box)
    assert InboxStatus.current().scanned_at == before.scanned_at
    assert InboxStatus.current().disk_mark == "another"
    (box / "b").write_bytes(b"y")
    looking.look(box)
    assert InboxStatus.current().files == 2


def looked_at(box: Path, at: datetime) -> InboxStatus:
    with time_machine.travel(at, tick=False):
        looking.look(box)
    return last_look.current_status()


def test_a_regular_look_that_finds_nothing_new_is_kept_in_redis_alone(
    box: Path, awake: None, redis_server: Any
) -> None:
    first = looked_at(box, NOON)
    row = InboxStatus.current()
    InboxStatus.objects.update(disk_mark="another")
    again = looked_at(box, NOON + 11 * MINUTE)
    assert InboxStatus.current().scanned_at == row.scanned_at == first.scanned_at == NOON
    assert again.scanned_at == NOON + 11 * MINUTE
    assert again.disk_mark == "as before"
    assert not services.is_look_due(NOON + 12 * MINUTE)
    assert services.inbox_overview(NOON + 12 * MINUTE).age_s == 60
    (box / "a").touch()
    assert looked_at(box, NOON + 13 * MINUTE).files == 1
    assert InboxStatus.current().scanned_at == NOON + 13 * MINUTE
    assert last_look.current_status().scanned_at == NOON + 13 * MINUTE  # not what Redis still has


def test_without_redis_a_regular_look_is_written_to_the_database(box: Path, awake: None) -> None:
    looked_at(box, NOON)
    looked_at(box, NOON + 11 * MINUTE)
    assert InboxStatus.current().scanned_at == NOON + 11 * MINUTE
