"""Asking the worker: one answer, or a reason why there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from balupi_site.lib.errors import BaluPiError, PermanentError, RefusedError, TransientError
from balupi_site.lib.waiting import waiting_for_outside
from energy.answers import NoAnswerError, answer, ask_worker


class FakeTask:
    """A task whose worker is a thread; without work, a worker that is away."""

    def __init__(self, work: Callable[..., Any] | None) -> None:
        self._work = work
        self._threads: list[threading.Thread] = []
        self.sent: list[dict[str, Any]] = []

    def apply_async(
        self,
        *,
        args: tuple[str, ...],
        kwargs: dict[str, Any],
        expires: float,
        queue: str,
        retry: bool,
    ) -> None:
        self.sent.append(
            {"args": args, "expires": expires, "queue": queue, "retry": retry, **kwargs}
        )
        work = self._work
        if work is None:
            return
        reply_to, *rest = args
        thread = threading.Thread(target=lambda: answer(reply_to, lambda: work(*rest), **kwargs))
        thread.start()
        self._threads.append(thread)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(10)


def ask(work: Callable[..., Any] | None, *args: str, wait_s: int = 10) -> Any:
    task = FakeTask(work)
    try:
        return ask_worker(task, *args, wait_s=wait_s)  # type: ignore[arg-type]
    finally:
        task.join()


def test_a_site_where_nobody_takes_anything_is_asked_no_more_and_says_why(
    redis_server: Any,
) -> None:
    """Each automation that asks once a minute would fill Redis until that worker comes back."""
    redis_server.rpush("plugs.garage", *["asked before"] * 20)
    task = FakeTask(lambda: True)
    with pytest.raises(TransientError, match="No worker answers for the site garage") as caught:
        ask_worker(task, wait_s=10, site="garage")  # type: ignore[arg-type]
    assert not isinstance(caught.value, NoAnswerError), "it is known that nothing was done"
    assert task.sent == []


@pytest.mark.parametrize("result", [True, None, 0, "text", [{"host": "127.0.0.1"}]])
def test_the_result_comes_back_as_it_was(redis_server: Any, result: object) -> None:
    assert ask(lambda: result) == result


def test_the_arguments_reach_the_work(redis_server: Any) -> None:
    assert ask(lambda first, second: f"{first} {second}", "plug", "on") == "plug on"


@pytest.mark.parametrize(
    "error",
    [
        TransientError("No answer."),
        PermanentError("Wrong password."),
        RefusedError("The NAS is not off.", code="nas_on"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_it_was(redis_server: Any, error: BaluPiError) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)) as caught:
        ask(work)
    assert getattr(caught.value, "code", None) == getattr(error, "code", None)


def test_a_surprise_is_logged_and_told_without_its_details(
    redis_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        raise ValueError("secret")

    with pytest.raises(TransientError, match="log says why") as caught:
        ask(work)
    assert "secret" not in str(caught.value)
    assert "secret" in caplog.text


def test_a_worker_that_is_away_is_told(redis_server: Any) -> None:
    with pytest.raises(TransientError, match="worker did not answer"):
        ask(None, wait_s=1)


def test_another_site_s_worker_is_asked_by_its_queue_and_told_by_its_name(
    redis_server: Any,
) -> None:
    task = FakeTask(None)
    with pytest.raises(TransientError, match="The worker of the site garage did not answer"):
        ask_worker(task, "plug", wait_s=1, site="garage")  # type: ignore[arg-type]
    assert task.sent[0]["queue"] == "plugs.garage"


def test_what_no_worker_began_in_time_is_dropped(redis_server: Any) -> None:
    task = FakeTask(lambda _plug: True)
    ask_worker(task, "plug", wait_s=7)  # type: ignore[arg-type]
    task.join()
    [sent] = task.sent
    assert (sent["args"][1:], sent["expires"], sent["retry"]) == (("plug",), 7, False)


@pytest.mark.parametrize("error", [OperationalError("away"), OSError("away")])
def test_a_redis_that_takes_no_task_is_told(redis_server: Any, error: Exception) -> None:
    class Broken(FakeTask):
        def apply_async(self, **_message: Any) -> None:
            raise error

    with pytest.raises(TransientError, match="Redis"):
        ask_worker(Broken(None), wait_s=1)  # type: ignore[arg-type]


def test_a_redis_that_is_away_is_told(no_redis: None) -> None:
    with pytest.raises(TransientError, match="Redis"):
        ask(None, wait_s=1)


def test_an_answer_that_nobody_can_take_raises_nothing(no_redis: None) -> None:
    answer("reply:1", lambda: True)


def test_answers_that_nobody_takes_go_away_by_themselves(redis_server: Any) -> None:
    answer("reply:1", lambda: True)
    assert 0 < redis_server.ttl("reply:1") <= 60


def test_at_most_two_requests_wait(redis_server: Any) -> None:
    with waiting_for_outside(), waiting_for_outside():
        task = FakeTask(lambda: True)
        with pytest.raises(TransientError, match="Two other requests"):
            ask_worker(task, wait_s=1)  # type: ignore[arg-type]
    assert task.sent == []


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
