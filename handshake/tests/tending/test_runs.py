"""What is noted of the runs that move the inbox, and of their troubles."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from handshake.models import AskedBy, InboxRun, InboxStatus
from handshake.problems import InboxError, Trouble, sentence
from handshake.services import runs
from handshake.tests.tending.helpers import MINUTE, NOON, known

pytestmark = pytest.mark.django_db

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
