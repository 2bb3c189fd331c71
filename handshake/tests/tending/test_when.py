"""When the inbox is looked into, and who has it moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from kombu.exceptions import OperationalError

from handshake import services, tasks
from handshake.models import AskedBy, FileStatus, InboxFile
from handshake.problems import Trouble
from handshake.tests.inbox_home import nas_is
from handshake.tests.tending.helpers import MINUTE, NOON, known
from nasctl.services import arrivals
from nasctl.state import NasState

pytestmark = pytest.mark.django_db


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
