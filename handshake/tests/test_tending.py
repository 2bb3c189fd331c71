"""When the inbox is looked into, who has it moved, and what is noted of it."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from kombu.exceptions import OperationalError

from handshake import services, tasks
from handshake.folder import ignore_lease_signals, marker_of
from handshake.models import AskedBy, FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import InboxError, Trouble, sentence
from handshake.rsync import Nas
from handshake.services import flushing, last_look, looking, runs
from handshake.tests.inbox_home import nas_is
from nasctl.services import arrivals
from nasctl.state import NasState

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOOKED = {"scanned_at": NOON - MINUTE, "disk_mark": "as before"}


@pytest.fixture(autouse=True)
def _quiet_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to the disk, whatever other programs do."""
    monkeypatch.setattr(looking, "disk_mark", lambda _folder: "as before")


@pytest.fixture
def awake() -> None:
    nas_is(NasState.ONLINE, probed=True)


def known(**values: Any) -> None:
    InboxStatus.objects.update_or_create(pk=1, defaults=LOOKED | values)


def file(status: FileStatus = FileStatus.WAITING, name: str = "a") -> InboxFile:
    return InboxFile.objects.create(
        key=name,
        name=name,
        size_bytes=1,
        mtime_ns=1,
        ctime_ns=1,
        inode=1,
        status=status,
        noticed_at=NOON,
        uptime_s=1.0,
    )


# When a look is due


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known before a look: of the inbox, its files, and the NAS."""

    nas: NasState = NasState.ONLINE
    probed: bool = True
    status: dict[str, Any] | None = None
    files: tuple[FileStatus, ...] = ()


def asleep(**more: Any) -> Case:
    return Case(nas=NasState.OFFLINE, probed=False, **more)


NO_LOOK, OTHER_MARK = {"scanned_at": None}, {"disk_mark": "before something was written"}
FULL = {"trouble": Trouble.NAS_FULL, "next_try_at": NOON - MINUTE}


@pytest.mark.parametrize(
    ("case", "is_due"),
    [
        pytest.param(Case(status=NO_LOOK), True, id="never looked"),
        pytest.param(asleep(status=NO_LOOK), True, id="never looked, asleep"),
        pytest.param(Case(status={}), False, id="looked a minute ago, nothing written"),
        pytest.param(asleep(status={}), False, id="nothing written, asleep"),
        pytest.param(Case(status=OTHER_MARK), True, id="something written"),
        pytest.param(asleep(status=OTHER_MARK), True, id="something written, asleep"),
        pytest.param(Case(status={"scanned_at": NOON - 10 * MINUTE}), True, id="ten minutes ago"),
        pytest.param(
            Case(status={"scanned_at": NOON - 10 * MINUTE + timedelta(seconds=1)}),
            False,
            id="a second less than ten minutes ago",
        ),
        pytest.param(
            asleep(status={"scanned_at": NOON - timedelta(days=9)}), False, id="days ago, asleep"
        ),
        pytest.param(
            Case(status={"scanned_at": NOON + MINUTE}), True, id="looked in the future: set back"
        ),
        pytest.param(
            asleep(status={"scanned_at": NOON + MINUTE}), False, id="set back, but asleep"
        ),
        pytest.param(Case(status={}, files=(FileStatus.WAITING,)), True, id="a file waits"),
        pytest.param(Case(status={}, files=(FileStatus.SENDING,)), True, id="a run was cut off"),
        pytest.param(
            Case(status={}, files=(FileStatus.FAILED, FileStatus.DONE)), False, id="none waits"
        ),
        pytest.param(
            asleep(status={}, files=(FileStatus.WAITING,)), False, id="a file waits, asleep"
        ),
        pytest.param(
            Case(probed=False, status={}, files=(FileStatus.WAITING,)),
            False,
            id="a file waits, but BaluHost does not answer yet",
        ),
        pytest.param(
            Case(nas=NasState.SHUTTING_DOWN, status={}, files=(FileStatus.WAITING,)),
            False,
            id="a file waits, going down",
        ),
        pytest.param(Case(status=FULL), True, id="a trouble, and the pause is over"),
        pytest.param(
            Case(status=FULL | {"next_try_at": NOON}), True, id="the pause ends at this moment"
        ),
        pytest.param(
            Case(status=FULL | {"next_try_at": NOON + MINUTE}, files=(FileStatus.WAITING,)),
            False,
            id="in the pause",
        ),
        pytest.param(
            Case(status=FULL | OTHER_MARK | {"next_try_at": NOON + MINUTE}),
            False,
            id="in the pause, although something was written",
        ),
        pytest.param(
            Case(status=FULL | {"next_try_at": NOON + 10 * MINUTE}), False, id="in a long pause"
        ),
        pytest.param(
            Case(status=FULL | {"next_try_at": NOON + 11 * MINUTE}),
            True,
            id="a pause that is longer than any: the clock was set back",
        ),
        pytest.param(asleep(status=FULL), False, id="a trouble of a NAS that sleeps by now"),
        pytest.param(
            asleep(status={"trouble": Trouble.NO_DISK}), True, id="no disk, and it may be back"
        ),
    ],
)
def test_a_look_is_due_where_it_makes_sense(case: Case, *, is_due: bool) -> None:
    nas_is(case.nas, probed=case.probed)
    if case.status is not None:
        known(**case.status)
    for number, status in enumerate(case.files):
        file(status, str(number))
    assert services.is_look_due(NOON) is is_due


def test_before_anything_is_known_a_look_is_due() -> None:
    assert services.is_look_due(NOON)


def test_to_tell_whether_a_look_is_due_costs_little_and_wakes_no_disk(
    awake: None, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    known()
    services.is_look_due(NOON)  # the first time the library of Redis looks for its own version

    def wake(*_arguments: object) -> None:
        raise AssertionError("the disk was woken")

    for name in ("os.scandir", "os.stat", "os.lstat", "os.open", "handshake.folder.scan"):
        monkeypatch.setattr(name, wake)
    with django_assert_max_num_queries(4):
        assert not services.is_look_due(NOON)


# The worker's minute


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(services, "flush", asked.append)
    return asked


@pytest.mark.parametrize(("is_due", "expected"), [(True, [AskedBy.SCHEDULE]), (False, [])])
def test_the_regular_look_flushes_where_it_is_due(
    flushes: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch, *, is_due: bool
) -> None:
    asked_at: list[datetime] = []

    def answer(now: datetime) -> bool:
        asked_at.append(now)
        return is_due

    monkeypatch.setattr(services, "is_look_due", answer)
    with time_machine.travel(NOON, tick=False):
        tasks.tend_inbox()
    assert (flushes, asked_at) == (expected, [NOON])


def test_a_flush_knows_who_asked(flushes: list[str]) -> None:
    tasks.flush_inbox("admin")
    assert flushes == ["admin"]


def test_a_nas_that_arrives_has_the_inbox_moved(enqueued: Any) -> None:
    tasks.nas_has_arrived()
    assert enqueued == [("handshake.tasks.flush_inbox", "arrival")]


def test_the_app_itself_asks_to_be_told_of_the_arrival() -> None:
    assert tasks.nas_has_arrived in arrivals._listeners


def test_an_arrival_without_redis_harms_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_arguments: object) -> None:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.flush_inbox, "apply_async", fail)
    tasks.nas_has_arrived()
    assert "handshake.tasks.flush_inbox" in caplog.text
    nas_is(NasState.ONLINE, probed=True)
    known()
    file()
    assert services.is_look_due(NOON)  # so the regular look does it


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


# The log of the runs


def ended(
    trouble: Trouble | None, *, moved: int = 0, failed: int = 0, detail: str = ""
) -> InboxRun:
    run = runs.begin(AskedBy.SCHEDULE)
    if moved:
        runs.add_moved(run, files=moved, size_bytes=10 * moved, renamed=1)
    for _ in range(failed):
        runs.add_failed(run)
    return runs.end(run, InboxError(trouble, detail) if trouble else None)


def test_a_run_that_moved_something_is_kept_with_its_figures() -> None:
    known(files=5, bytes=90)
    ended(None, moved=3, failed=2)
    run = InboxRun.objects.get()
    assert (run.files_moved, run.bytes_moved, run.files_renamed, run.files_failed) == (3, 30, 1, 2)
    assert run.finished_at
    assert run.message == ""
    status = InboxStatus.current()
    assert (status.files, status.bytes) == (2, 60)


def test_what_waits_never_falls_below_nothing() -> None:
    known(files=1, bytes=5)
    ended(None, moved=3)
    status = InboxStatus.current()
    assert (status.files, status.bytes) == (1, 5)


def test_a_run_that_is_cut_off_has_no_end() -> None:
    runs.begin(AskedBy.ARRIVAL)
    assert InboxRun.objects.get().finished_at is None


def test_the_same_failure_again_only_counts() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first = ended(Trouble.UNREACHABLE)
        for _ in range(4):
            clock.shift(MINUTE)
            assert ended(Trouble.UNREACHABLE).pk == first.pk
    run = InboxRun.objects.get()
    assert (run.tries, run.started_at, run.finished_at) == (5, NOON, NOON + 4 * MINUTE)
    assert run.message == sentence(Trouble.UNREACHABLE, "")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"trouble": Trouble.NAS_FULL}, {"trouble": Trouble.NO_ANSWER}, id="another"),
        pytest.param({"trouble": None}, {"trouble": None}, id="both went well"),
        pytest.param({"trouble": None, "moved": 1}, {"trouble": Trouble.NAS_FULL}, id="first well"),
        pytest.param({"trouble": Trouble.NAS_FULL}, {"trouble": None, "moved": 1}, id="then well"),
        pytest.param(
            {"trouble": Trouble.NAS_FULL},
            {"trouble": Trouble.NAS_FULL, "moved": 1},
            id="the second moved something",
        ),
        pytest.param(
            {"trouble": Trouble.NAS_FULL, "moved": 1},
            {"trouble": Trouble.NAS_FULL},
            id="the first moved something",
        ),
        pytest.param(
            {"trouble": Trouble.NAS_FULL, "failed": 1},
            {"trouble": Trouble.NAS_FULL, "failed": 1},
            id="files failed",
        ),
    ],
)
def test_runs_that_differ_are_kept_apart(first: dict[str, Any], second: dict[str, Any]) -> None:
    ended(**first)
    ended(**second)
    assert [run.tries for run in InboxRun.objects.all()] == [1, 1]


def test_a_long_detail_fits_and_is_told() -> None:
    ended(Trouble.BROKEN, detail="ä" * 999)
    run, status = InboxRun.objects.get(), InboxStatus.current()
    assert run.trouble_detail == status.trouble_detail == "ä" * 200
    assert run.message == "rsync failed: " + "ä" * 200


@pytest.mark.parametrize(
    ("before", "are_wanted"),
    [
        pytest.param([], False, id="none"),
        pytest.param([None], False, id="it went well"),
        pytest.param([None, Trouble.STOPPED], True, id="it was stopped"),
        pytest.param([Trouble.NO_ANSWER, None], False, id="only the last one counts"),
        pytest.param(["cut off"], True, id="it was cut off"),
        pytest.param([Trouble.NAS_FULL], False, id="they may be what fills the NAS"),
        pytest.param([Trouble.NAS_IO], False, id="the same, where the NAS does not say so"),
    ],
)
def test_half_files_are_wanted_where_the_run_before_was_not_whole(
    before: list[Any], *, are_wanted: bool
) -> None:
    for end in before:
        if end == "cut off":
            runs.begin(AskedBy.SCHEDULE)
        else:
            ended(end, moved=1)
    runs.begin(AskedBy.SCHEDULE)
    assert runs.left_something_half_sent() is are_wanted


# What holds the inbox up


def test_each_failure_in_a_row_makes_the_pause_longer_up_to_ten_minutes() -> None:
    pauses = []
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(70):
            ended(Trouble.NO_ANSWER)
            status = InboxStatus.current()
            assert status.next_try_at
            pauses.append((status.next_try_at - datetime.now(UTC)) / MINUTE)
            clock.shift(timedelta(hours=1))
    assert pauses == [1, 2, 4, 8] + [10] * 66
    status = InboxStatus.current()
    assert (status.failures, status.trouble_since) == (70, NOON)


def test_another_trouble_goes_on_with_the_pauses_but_begins_anew() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        ended(Trouble.NO_ANSWER)
        clock.shift(MINUTE)
        ended(Trouble.NAS_FULL)
    status = InboxStatus.current()
    assert (status.trouble, status.trouble_since) == (Trouble.NAS_FULL, NOON + MINUTE)
    assert (status.failures, status.next_try_at) == (2, NOON + 3 * MINUTE)


def test_a_run_that_goes_well_ends_the_trouble() -> None:
    ended(Trouble.NO_ANSWER, detail="why")
    ended(None, moved=1)
    status = InboxStatus.current()
    assert (status.trouble, status.trouble_detail, status.failures) == ("", "", 0)
    assert (status.trouble_since, status.next_try_at) == (None, None)


def test_a_stop_says_nothing_of_the_trouble_before() -> None:
    ended(Trouble.NAS_FULL)
    before = InboxStatus.objects.values().get()
    ended(Trouble.STOPPED, moved=1)
    assert InboxStatus.objects.values().get() == before
    assert InboxRun.objects.first() is not None
    assert InboxRun.objects.order_by("-pk")[0].trouble == Trouble.STOPPED


def test_a_trouble_is_told_when_it_comes_and_when_it_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="handshake.services.runs")
    for trouble in (Trouble.NAS_FULL, Trouble.NAS_FULL, Trouble.NO_ANSWER, Trouble.NO_ANSWER):
        ended(trouble)
    ended(None)
    ended(None)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    done = ("INFO", "inbox: 0 files, 0 bytes moved")
    assert told == [
        ("WARNING", f"inbox: {sentence(Trouble.NAS_FULL, '')}"),
        ("WARNING", f"inbox: {sentence(Trouble.NO_ANSWER, '')}"),
        done,
        ("INFO", "inbox: all right again (it was: no_answer)"),
        done,
    ]


@pytest.mark.parametrize("code", [Trouble.BUSY, Trouble.ASLEEP, Trouble.NOT_SET_UP])
def test_what_passes_by_itself_is_neither_told_nor_kept(
    code: Trouble, caplog: pytest.LogCaptureFixture
) -> None:
    run = runs.note_trouble(AskedBy.ADMIN, InboxError(code))
    assert run._state.adding  # it is in no log
    assert (run.trouble, run.asked_by) == (code, AskedBy.ADMIN)
    assert run.message == sentence(code, "")
    assert not InboxStatus.objects.exists()
    assert not InboxRun.objects.exists()
    assert caplog.text == ""


def test_where_nothing_is_wrong_nothing_is_written(django_assert_num_queries: Any) -> None:
    known()
    with django_assert_num_queries(1):
        runs.note_nothing_to_do()


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
