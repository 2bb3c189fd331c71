"""The ledger: a row for each file of the inbox, which agrees with what lies there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from handshake.inbox import Entry
from handshake.models import AskedBy, FileStatus, InboxFile, InboxRun
from handshake.services import ledger
from nasctl.moments import Moment

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(minutes: int) -> Moment:
    return Moment(NOON + timedelta(minutes=minutes), 1000.0 + 60 * minutes, "boot")


def entry(path: bytes = b"a.txt", size_bytes: int = 1) -> Entry:
    return Entry(path, size_bytes, mtime_ns=10**18, ctime_ns=2 * 10**18, inode=7)


def entries(count: int, size_bytes: int = 1) -> list[Entry]:
    return [entry(b"%d" % number, size_bytes) for number in range(count)]


def only() -> InboxFile:
    return InboxFile.objects.get()


# What lies there


def test_a_new_file_waits_and_is_noticed_by_both_clocks() -> None:
    [known] = ledger.sync([entry("Ünïcödé/\udcff".encode(errors="surrogateescape"))], at(0))
    row = only()
    assert (known.row, row.status, row.attempts) == (row, FileStatus.WAITING, 0)
    assert row.name == r"Ünïcödé/\xff"
    assert row.noticed == at(0)
    assert row.version == known.entry.version
    assert (row.is_copied, row.finished_at) == (False, None)


def test_each_file_comes_back_with_its_row_in_the_order_of_the_look() -> None:
    files = [entry(b"b"), entry(b"a"), entry(b"\xff")]
    known = ledger.sync(files, at(0))
    assert [one.entry for one in known] == files
    assert [one.row.key for one in known] == [one.key for one in files]
    assert [one.row.pk for one in ledger.sync(files, at(1))] == [one.row.pk for one in known]


def test_a_file_that_stays_as_it_is_keeps_its_row_as_it_is() -> None:
    ledger.sync([entry()], at(0))
    InboxFile.objects.update(attempts=3, message="why", status=FileStatus.FAILED)
    before = InboxFile.objects.values().get()
    ledger.sync([entry()], at(5))
    assert InboxFile.objects.values().get() == before


@pytest.mark.parametrize("field", ["size_bytes", "mtime_ns", "ctime_ns", "inode"])
@pytest.mark.parametrize("status", [FileStatus.WAITING, FileStatus.SENDING, FileStatus.FAILED])
def test_a_file_that_changed_begins_anew(field: str, status: FileStatus) -> None:
    ledger.sync([entry()], at(0))
    InboxFile.objects.update(attempts=4, message="why", status=status)
    change: dict[str, Any] = {field: 99}
    other = replace(entry(), **change)
    [known] = ledger.sync([other], at(5))
    row = only()
    assert row == known.row
    assert (row.status, row.attempts, row.message) == (FileStatus.WAITING, 0, "")
    assert row.noticed == at(5)
    assert row.version == known.row.version == other.version


def test_of_a_file_that_changed_it_is_kept_what_is_on_the_nas() -> None:
    known = ledger.sync([entry()], at(0))
    ledger.mark_copied(known, "other name")
    [changed] = ledger.sync([entry(size_bytes=2)], at(1))
    for row in (only(), changed.row):
        assert (row.is_copied, row.stored_as) == (False, "")  # that was the old version


@pytest.mark.parametrize("status", [FileStatus.WAITING, FileStatus.SENDING, FileStatus.FAILED])
def test_a_file_that_somebody_took_away_leaves_no_trace(status: FileStatus) -> None:
    ledger.sync([entry(), entry(b"stays")], at(0))
    InboxFile.objects.update(status=status)
    ledger.sync([entry(b"stays")], at(1))
    assert only().name == "stays"


@pytest.mark.parametrize("status", [FileStatus.WAITING, FileStatus.SENDING])
def test_a_file_that_was_copied_and_is_gone_has_arrived(status: FileStatus) -> None:
    """As after a power cut between its removal and the note of it."""
    ledger.mark_copied(ledger.sync([entry()], at(0)), "a (BaluPi).txt")
    InboxFile.objects.update(status=status)
    assert ledger.sync([], at(1)) == []
    row = only()
    assert (row.status, row.finished_at) == (FileStatus.DONE, at(1).at)
    assert row.stored_as == "a (BaluPi).txt"


def test_what_has_arrived_stays_in_the_ledger_and_its_path_is_free_again() -> None:
    ledger.mark_done(ledger.sync([entry()], at(0)), NOON)
    ledger.sync([], at(1))
    [again] = ledger.sync([entry(size_bytes=5)], at(2))
    ledger.mark_done([again], at(3).at)
    rows = InboxFile.objects.order_by("pk")
    assert [(row.size_bytes, row.finished_at) for row in rows] == [(1, NOON), (5, at(3).at)]


def test_a_path_has_one_open_row() -> None:
    ledger.sync([entry()], at(0))
    values = InboxFile.objects.values().get() | {"id": None}
    for status in (FileStatus.WAITING, FileStatus.SENDING, FileStatus.FAILED):
        with pytest.raises(IntegrityError), transaction.atomic():
            InboxFile.objects.create(**values | {"status": status})
    InboxFile.objects.create(**values | {"status": FileStatus.DONE})
    InboxFile.objects.create(**values | {"status": FileStatus.DONE})
    assert InboxFile.objects.count() == 3


def test_names_that_differ_in_case_or_spaces_are_different_files() -> None:
    paths = [b"a", b"A", b"a ", b" a", "ä".encode(), "a\u0308".encode(), b"\xe4"]
    assert (
        len(ledger.sync([entry(path) for path in paths], at(0))) == InboxFile.objects.count() == 7
    )


# What becomes of it


def test_a_file_goes_its_way() -> None:
    known = ledger.sync(entries(3), at(0))
    for mark, status in (
        (ledger.mark_sending, FileStatus.SENDING),
        (ledger.mark_waiting, FileStatus.WAITING),
    ):
        mark(known[:2])
        found = InboxFile.objects.order_by("pk").values_list("status", flat=True)
        assert list(found) == [status, status, FileStatus.WAITING]
        assert [one.row.status for one in known[:2]] == [status, status]
    InboxFile.objects.update(message="an earlier failure")
    ledger.mark_done(known[:1], NOON)
    row = InboxFile.objects.get(pk=known[0].row.pk)
    assert (row.status, row.finished_at, row.message) == (FileStatus.DONE, NOON, "")


def test_five_failures_of_its_own_set_a_file_aside() -> None:
    [known] = ledger.sync([entry()], at(0))
    seen = []
    for number in range(5):
        ledger.mark_failure(known, f"failure {number}")
        seen.append((only().attempts, only().status, only().message))
    waiting, failed = FileStatus.WAITING, FileStatus.FAILED
    assert seen == [
        (1, waiting, "failure 0"),
        (2, waiting, "failure 1"),
        (3, waiting, "failure 2"),
        (4, waiting, "failure 3"),
        (5, failed, "failure 4"),
    ]


def test_a_long_complaint_fits() -> None:
    [known] = ledger.sync([entry()], at(0))
    ledger.mark_failure(known, "ä" * 999)
    assert only().message == "ä" * 600


def test_a_retry_is_for_files_that_were_set_aside() -> None:
    known = ledger.sync(entries(3), at(0))
    for one, status in zip(
        known, (FileStatus.FAILED, FileStatus.SENDING, FileStatus.DONE), strict=True
    ):
        InboxFile.objects.filter(pk=one.row.pk).update(status=status, attempts=5, message="why")
    assert ledger.retry(InboxFile.objects.all()) == 1
    rows = InboxFile.objects.order_by("pk").values_list("status", "attempts", "message")
    assert list(rows) == [
        (FileStatus.WAITING, 0, ""),
        (FileStatus.SENDING, 5, "why"),
        (FileStatus.DONE, 5, "why"),
    ]
    assert ledger.retry(InboxFile.objects.all()) == 0


# What is forgotten


def test_what_arrived_is_forgotten_after_thirty_days() -> None:
    known = ledger.sync(entries(4), at(0))
    month = timedelta(days=30)
    ledger.mark_done(known[:1], NOON - month)
    ledger.mark_done(known[1:2], NOON - month - timedelta(seconds=1))
    InboxFile.objects.filter(pk=known[2].row.pk).update(
        status=FileStatus.FAILED, noticed_at=NOON - 3 * month
    )
    ledger.prune(NOON)
    left = set(InboxFile.objects.values_list("pk", flat=True))
    assert left == {known[0].row.pk, known[2].row.pk, known[3].row.pk}


def run(number: int, started_at: datetime) -> InboxRun:
    return InboxRun(asked_by=AskedBy.SCHEDULE, started_at=started_at, files_moved=number)


def test_the_newest_five_hundred_runs_are_kept() -> None:
    InboxRun.objects.bulk_create(
        run(number, NOON + number * timedelta(hours=1)) for number in range(503)
    )
    ledger.prune(NOON)
    kept = InboxRun.objects.order_by("pk").values_list("files_moved", flat=True)
    assert list(kept) == list(range(3, 503))


def test_five_hundred_runs_are_all_kept() -> None:
    InboxRun.objects.bulk_create(run(number, NOON) for number in range(500))
    ledger.prune(NOON)
    assert InboxRun.objects.count() == 500


def test_a_clock_that_is_set_back_does_not_make_the_newest_run_the_oldest() -> None:
    future = NOON + timedelta(days=900)
    InboxRun.objects.bulk_create(run(number, future) for number in range(500))
    newest = run(500, NOON)
    newest.save()
    ledger.prune(NOON)
    kept = InboxRun.objects.order_by("pk").values_list("files_moved", flat=True)
    assert list(kept) == list(range(1, 501))


# What it costs


@pytest.mark.parametrize("count", [0, 50, 500])
def test_a_look_that_finds_nothing_new_costs_one_query(
    count: int, django_assert_num_queries: Any
) -> None:
    ledger.sync(entries(count), at(0))
    with django_assert_num_queries(1):
        ledger.sync(entries(count), at(1))


#: SQLite takes 999 values in a statement; that is the smallest chunk of all databases.
_FILES_PER_QUERY = 25


@pytest.mark.parametrize("count", [50, 500])
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda _known, count: ledger.sync(entries(count, 2), at(1)), id="all changed"),
        pytest.param(lambda _known, _count: ledger.sync([], at(1)), id="all taken away"),
        pytest.param(lambda known, _count: ledger.mark_sending(known), id="all on their way"),
        pytest.param(lambda known, _count: ledger.mark_copied(known), id="all copied"),
        pytest.param(lambda known, _count: ledger.mark_done(known, NOON), id="all arrived"),
        pytest.param(lambda _known, _count: ledger.retry(InboxFile.objects.all()), id="a retry"),
    ],
)
def test_many_files_cost_few_queries(
    act: Callable[[Any, int], object],
    count: int,
    django_assert_max_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handshake.services.ledger.time.sleep", lambda _seconds: None)
    known = ledger.sync(entries(count), at(0))
    with django_assert_max_num_queries(5 + count // _FILES_PER_QUERY):
        act(known, count)


@pytest.mark.parametrize("count", [50, 500])
def test_many_new_files_cost_few_queries(count: int, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(5 + count // _FILES_PER_QUERY):
        ledger.sync(entries(count), at(0))
    assert InboxFile.objects.count() == count


def test_a_row_whose_successor_cannot_be_written_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.mark_copied(ledger.sync([entry()], at(0)))

    def fail(*_arguments: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(InboxFile.objects, "bulk_create", fail)
    with pytest.raises(IntegrityError):
        ledger.sync([entry(size_bytes=2), entry(b"new")], at(1))
    assert (only().size_bytes, only().is_copied) == (1, True)


def test_between_many_files_others_get_their_turn_to_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call of the NAS must be answered while thousands of rows are written."""
    depth, depths = len(connection.savepoint_ids), list[int]()
    monkeypatch.setattr(
        "handshake.services.ledger.time.sleep",
        lambda _seconds: depths.append(len(connection.savepoint_ids)),
    )
    known = ledger.sync(entries(501), at(0))
    assert depths == [depth] * 2  # 250, 250, 1, and no transaction is open meanwhile
    ledger.mark_sending(known)
    ledger.sync([], at(1))
    assert depths == [depth] * 6


@pytest.mark.parametrize("count", [1, 250])
def test_for_few_files_nobody_has_to_wait(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_seconds: float) -> None:
        raise AssertionError("it waited")

    monkeypatch.setattr("handshake.services.ledger.time.sleep", fail)
    ledger.mark_done(ledger.sync(entries(count), at(0)), NOON)
