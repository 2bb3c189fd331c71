"""``GET /api/handshake/inbox``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from handshake.models import AskedBy, FileStatus, InboxFile, InboxRun, InboxStatus
from handshake.problems import Trouble, sentence
from handshake.services import progress
from handshake.services.progress import Phase, Progress, Teller
from handshake.tests.inbox_home import nas_is
from nasctl.state import NasState

pytestmark = pytest.mark.django_db

URL = "/api/handshake/inbox"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def files(status: FileStatus, count: int = 1, **more: Any) -> None:
    first = InboxFile.objects.count()
    InboxFile.objects.bulk_create(
        InboxFile(
            key=f"{status}{first + number}",
            name=f"{status} {number}",
            size_bytes=1000 + number,
            mtime_ns=1,
            ctime_ns=number,
            inode=1,
            status=status,
            noticed_at=NOON,
            uptime_s=1.0,
            finished_at=NOON + timedelta(seconds=number) if status == FileStatus.DONE else None,
            **more,
        )
        for number in range(count)
    )


def status(**values: Any) -> None:
    InboxStatus.objects.update_or_create(pk=1, defaults={"scanned_at": NOON, **values})


def fill(count: int) -> None:
    status(trouble=Trouble.NAS_FULL, trouble_since=NOON)
    for each in FileStatus:
        files(each, count)
    InboxRun.objects.bulk_create(
        InboxRun(asked_by=AskedBy.SCHEDULE, started_at=NOON, trouble=Trouble.NO_ANSWER)
        for _ in range(count)
    )


# Who may ask


def test_nobody_learns_what_waits_without_logging_in(nobody: APIClient) -> None:
    response = nobody.get(URL)
    assert response.status_code == 401
    assert set(response.json()) >= {"detail"}


def test_a_visitor_who_is_logged_in_by_the_page_may_ask() -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("kim"))
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed_here(api: APIClient, method: str) -> None:
    assert getattr(api, method)(URL).status_code == 405


def test_the_address_works_with_and_without_a_slash(api: APIClient) -> None:
    assert api.get(URL + "/").json().keys() == api.get(URL).json().keys()


# What is told


def test_before_the_first_look_nothing_is_known_and_nothing_is_zero_by_guess(
    api: APIClient,
) -> None:
    assert api.get(URL).json() == {
        "files": 0,
        "bytes": 0,
        "size_mb": 0.0,
        "scanned_at": None,
        "age_s": None,
        "left_lying": 0,
        "failed": 0,
        "trouble": None,
        "progress": None,
        "waiting": [],
        "set_aside": [],
        "arrived": [],
        "runs": [],
    }


def test_what_the_last_look_found_is_told_with_its_age(api: APIClient) -> None:
    status(files=3, bytes=5 * 1024 * 1024, left_lying=2)
    with time_machine.travel(NOON + timedelta(seconds=90), tick=False):
        found = api.get(URL).json()
    assert (found["files"], found["bytes"], found["size_mb"]) == (3, 5242880, 5.0)
    assert (found["left_lying"], found["age_s"]) == (2, 90.0)
    assert datetime.fromisoformat(found["scanned_at"]) == NOON


def test_a_look_from_the_future_has_no_negative_age(api: APIClient) -> None:
    status()
    with time_machine.travel(NOON - timedelta(days=1), tick=False):
        assert api.get(URL).json()["age_s"] == 0.0


def test_each_file_is_told_where_it_belongs(api: APIClient) -> None:
    files(FileStatus.WAITING, message="it failed once", attempts=1)
    files(FileStatus.SENDING)
    files(FileStatus.FAILED, message="taken", attempts=5)
    files(FileStatus.DONE, stored_as="a (BaluPi 2026-01-31 1412).txt")
    found = api.get(URL).json()
    assert {one["status"] for one in found["waiting"]} == {"waiting", "sending"}
    assert found["failed"] == 1
    assert found["set_aside"] == [
        {
            "id": InboxFile.objects.get(status=FileStatus.FAILED).pk,
            "name": "failed 0",
            "size_bytes": 1000,
            "status": "failed",
            "noticed_at": found["set_aside"][0]["noticed_at"],
            "attempts": 5,
            "message": "taken",
            "stored_as": "",
            "finished_at": None,
        }
    ]
    [arrived] = found["arrived"]
    assert arrived["stored_as"] == "a (BaluPi 2026-01-31 1412).txt"
    assert datetime.fromisoformat(arrived["finished_at"]) == NOON


def test_a_run_is_told_with_its_figures_and_its_sentence(api: APIClient) -> None:
    InboxRun.objects.create(
        asked_by=AskedBy.ARRIVAL,
        started_at=NOON,
        tries=4,
        files_moved=1,
        bytes_moved=2,
        files_renamed=3,
        files_failed=5,
        trouble=Trouble.BROKEN,
        trouble_detail="exit code 14",
    )
    [run] = api.get(URL).json()["runs"]
    assert datetime.fromisoformat(run.pop("started_at")) == NOON
    assert run == {
        "asked_by": "arrival",
        "finished_at": None,
        "tries": 4,
        "files_moved": 1,
        "bytes_moved": 2,
        "files_renamed": 3,
        "files_failed": 5,
        "trouble": "broken",
        "message": "rsync failed: exit code 14",
    }


@pytest.mark.parametrize("code", list(Trouble))
def test_every_trouble_is_told_by_a_sentence_in_the_reader_s_words(
    api: APIClient, code: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    nas_is(NasState.ONLINE, probed=True)
    status(trouble=code, trouble_detail="the detail", trouble_since=NOON, next_try_at=NOON)
    InboxRun.objects.create(
        asked_by=AskedBy.ADMIN, started_at=NOON, trouble=code, trouble_detail="the detail"
    )
    in_english = sentence(code, "the detail")
    monkeypatch.setattr("django.utils.translation._trans.gettext", lambda text: f"¡{text}!")
    found = api.get(URL).json()
    assert found["trouble"]["code"] == code
    assert found["trouble"]["message"] == found["runs"][0]["message"] == f"¡{in_english}!"
    assert "%" not in in_english


def test_a_trouble_of_another_release_is_told_by_its_code(api: APIClient) -> None:
    status(trouble="new_trouble")
    assert api.get(URL).json()["trouble"]["message"] == "new_trouble"


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        pytest.param(Trouble.UNREACHABLE, False, id="it was on its way to sleep"),
        pytest.param(Trouble.NAS_FULL, True, id="it will be full tomorrow, too"),
        pytest.param(Trouble.NO_DISK, True, id="ours"),
    ],
)
def test_of_a_nas_that_sleeps_only_what_lasts_is_told(
    api: APIClient, code: Trouble, *, is_told: bool
) -> None:
    nas_is(NasState.OFFLINE, probed=False)
    status(trouble=code)
    assert (api.get(URL).json()["trouble"] is not None) is is_told


def test_long_lists_are_cut_and_the_counts_are_whole(api: APIClient) -> None:
    fill(300)
    found = api.get(URL).json()
    lengths = {name: len(found[name]) for name in ("waiting", "set_aside", "arrived", "runs")}
    assert lengths == {"waiting": 100, "set_aside": 100, "arrived": 20, "runs": 20}
    assert found["failed"] == 300
    assert found["set_aside"][0]["name"] == "failed 0"  # the first that were put here
    assert found["arrived"][0]["name"] == "done 299"  # the last that arrived


@pytest.mark.parametrize(("count", "queries"), [(0, 5), (99, 5), (300, 6)])
def test_many_files_cost_as_few_queries_as_none(
    api: APIClient, count: int, queries: int, django_assert_num_queries: Any
) -> None:
    fill(count)
    with django_assert_num_queries(queries):
        assert api.get(URL).status_code == 200


def test_the_inbox_s_disk_is_not_touched(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = str(settings.INBOX_DIR.parent)
    settings.INBOX_DIR.mkdir(parents=True)
    fill(3)

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any = ".", *arguments: Any, **more: Any) -> Any:
            is_path = isinstance(path, str | bytes | os.PathLike)
            if is_path and os.fsdecode(path).startswith(disk):
                raise AssertionError(f"{real.__name__} touched {path!r}")
            return real(path, *arguments, **more)

        return call

    for name in ("scandir", "listdir", "stat", "lstat", "statvfs", "open", "access"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    with pytest.raises(AssertionError, match="touched"):
        settings.INBOX_DIR.exists()
    assert api.get(URL).json()["failed"] == 3


# How a run goes


def told(**changes: Any) -> Progress:
    values: dict[str, Any] = {
        "phase": Phase.COMPARING,
        "files_total": 10,
        "files_done": 2,
        "bytes_total": 1000,
        "bytes_sent": 250,
        "rate_bytes_s": 50.0,
        "left_s": 15.0,
        "at": NOON,
    }
    return Progress(**values | changes)


def test_without_redis_there_is_no_progress_and_everything_else(api: APIClient) -> None:
    progress.save(told())
    progress.clear()
    fill(1)
    found = api.get(URL).json()
    assert found["progress"] is None
    assert found["failed"] == 1


def test_a_run_that_goes_on_is_told(api: APIClient, redis_server: Any) -> None:
    progress.save(told())
    found = api.get(URL).json()["progress"]
    assert datetime.fromisoformat(found.pop("at")) == NOON
    assert found == {
        "phase": "comparing",
        "files_total": 10,
        "files_done": 2,
        "bytes_total": 1000,
        "bytes_sent": 250,
        "rate_bytes_s": 50.0,
        "left_s": 15.0,
    }
    progress.clear()
    assert api.get(URL).json()["progress"] is None


def test_the_progress_of_a_run_that_was_cut_off_is_forgotten(redis_server: Any) -> None:
    progress.save(told())
    assert 0 < redis_server.ttl("inbox:progress") <= 60


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="half of it"),
        pytest.param("[1]", id="a list"),
        pytest.param('"text"', id="text"),
        pytest.param(json.dumps({"phase": "sending", "at": "now"}), id="no time"),
        pytest.param(json.dumps({"phase": "x", "at": "2026-11-25T12:00:00Z"}), id="too little"),
        pytest.param(
            json.dumps({**told().__dict__, "at": "2026-11-25T12:00:00Z", "new": 1}), id="too much"
        ),
    ],
)
def test_what_another_release_left_in_redis_is_no_progress(
    api: APIClient, redis_server: Any, text: str
) -> None:
    redis_server.set("inbox:progress", text)
    assert api.get(URL).json()["progress"] is None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the monotonic clock that the teller reads."""
    now_s = [1000.0]
    monkeypatch.setattr("handshake.services.progress.time.monotonic", lambda: now_s[0])
    return lambda passed_s: now_s.__setitem__(0, 1000.0 + passed_s)


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    found: list[Progress] = []
    monkeypatch.setattr(progress, "save", found.append)
    return found


def test_it_is_told_once_a_second_or_when_it_matters(
    clock: Callable[[float], None], saved: list[Progress]
) -> None:
    teller = Teller(files_total=2, bytes_total=100)
    for passed_s in (0, 0.5, 0.9, 1.0, 1.5):
        clock(passed_s)
        teller.tell(NOON, 10)
    assert len(saved) == 2
    teller.tell(NOON, 10, at_once=True)
    assert len(saved) == 3


def test_rate_and_time_left_are_those_of_the_last_seconds(
    clock: Callable[[float], None], saved: list[Progress]
) -> None:
    teller = Teller(files_total=2, bytes_total=10_000)
    for second in range(60):
        clock(second)
        teller.tell(NOON, second * 10)
    for second in range(60, 90):
        clock(second)
        teller.tell(NOON, 590 + (second - 59) * 100)
    assert saved[0].rate_bytes_s is None
    assert saved[59].rate_bytes_s == pytest.approx(10)
    assert saved[-1].rate_bytes_s == pytest.approx(100)
    assert saved[-1].left_s == pytest.approx((10_000 - 3590) / 100)


def test_a_transfer_that_stands_still_has_no_rate(
    clock: Callable[[float], None], saved: list[Progress]
) -> None:
    teller = Teller(files_total=1, bytes_total=100)
    for second in range(30):
        clock(second)
        teller.tell(NOON, 50)
    assert (saved[-1].rate_bytes_s, saved[-1].left_s) == (None, None)


def test_batches_add_up_and_never_to_more_than_there_is(
    clock: Callable[[float], None], saved: list[Progress]
) -> None:
    teller = Teller(files_total=3, bytes_total=100)
    teller.tell(NOON, 40, at_once=True)
    teller.finish_batch(40)
    teller.tell(NOON, 0, at_once=True)
    teller.tell(NOON, 30, at_once=True)
    teller.finish_batch(60)
    teller.finish_batch(60)  # it went twice
    teller.tell(NOON, 0, at_once=True)
    assert [one.bytes_sent for one in saved] == [40, 40, 70, 100]
