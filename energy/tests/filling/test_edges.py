"""The edges that have hours filled: a task and a command."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from balupi_site.lib.errors import TransientError
from energy import asking, tasks
from energy.memory import NoMemory
from energy.metering import HOUR
from energy.tests.filling.helpers import FakePool, added

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_server")]


@pytest.mark.parametrize("is_plausible", [True, False])
def test_the_hourly_task_needs_a_clock_that_can_be_believed(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch, *, is_plausible: bool
) -> None:
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: is_plausible)
    added(datetime.now(UTC) - 3 * HOUR)
    tasks.fill_hours()
    assert bool(memory.wanted) is is_plausible


def test_it_happens_every_hour(settings: Any) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["fill the hours"]
    assert (entry["task"], entry["schedule"]) == (tasks.fill_hours.name, 3600)


def run(monkeypatch: pytest.MonkeyPatch, *, is_plausible: bool = True) -> list[str]:
    """Run the command, its worker in this process."""
    monkeypatch.setattr(tasks, "is_plausible", lambda _now: is_plausible)
    answers: dict[str, Any] = {}

    def answer(reply_to: str, work: Any, **_by: Any) -> None:
        answers[reply_to] = work()

    def ask_worker(task: Any, *args: str, wait_s: int, site: str) -> Any:
        task("reply", *args)
        return answers["reply"]

    monkeypatch.setattr(tasks, "answer", answer)
    monkeypatch.setattr(asking, "ask_worker", ask_worker)
    out = StringIO()
    call_command("fill_hours", stdout=out)
    return out.getvalue().splitlines()


def test_the_command_tells_what_was_filled(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(datetime.now(UTC) - 3 * HOUR, 101, name="NAS")
    added(datetime.now(UTC), 102, name="New")
    nas, new = run(monkeypatch)
    count = len(memory.wanted[0].hours)
    assert nas == f"NAS: {count} of {count} hours filled, {50 * count} Wh"
    assert new == "New: nothing missing"


def test_the_command_tells_why_nothing_was_filled(
    memory: FakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(datetime.now(UTC) - 3 * HOUR, name="NAS")
    memory.tell(NoMemory.WRONG_CLOCK)
    [line] = run(monkeypatch)
    assert "0 of" in line
    assert "clock is wrong" in line
    memory.tell(NoMemory.REFUSED)
    run(monkeypatch)
    [line] = run(monkeypatch)  # not asked again, but the reason is told
    assert "does not tell past hours" in line


def test_the_command_says_what_to_do_without_plugs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "discover_plugs" in run(monkeypatch)[0]


def test_the_command_ends_with_the_reason_where_the_time_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(CommandError, match="time is not known"):
        run(monkeypatch, is_plausible=False)


def test_the_command_ends_with_the_reason_where_no_worker_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(*_args: Any, **_options: Any) -> None:
        raise TransientError("The worker did not answer.")

    monkeypatch.setattr(asking, "ask_worker", nobody)
    with pytest.raises(CommandError, match="did not answer"):
        call_command("fill_hours")
