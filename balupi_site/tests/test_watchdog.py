"""A process that no longer does what it is there for is told from one that is only quiet."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from balupi_site.lib import notify, progress
from balupi_site.lib.progress import Work
from balupi_site.management.commands import run_web, run_worker
from balupi_site.processes import guard as guard_module
from balupi_site.processes.guard import Guard, patience_s
from balupi_site.processes.watchdog import Quiet, WebJudge, WorkerJudge, why_stuck

PATIENCE_S = 120.0


@pytest.fixture(autouse=True)
def advanced(monkeypatch: pytest.MonkeyPatch) -> dict[Work, float]:
    """Begin as a process does that has done nothing yet; a test says when what advanced."""
    marks: dict[Work, float] = {}
    monkeypatch.setattr(progress, "_advanced_s", marks)
    return marks


@pytest.mark.parametrize(
    ("quiet", "redis_s", "words"),
    [
        pytest.param([], 999, None, id="nothing is expected of it"),
        pytest.param([Quiet(Work.BEAT, 119)], 999, None, id="quiet, and not for long"),
        pytest.param([Quiet(Work.BEAT, 120)], 999, "beat: no progress for 120 s", id="stuck"),
        pytest.param([Quiet(Work.WATCH, 150, normal_s=60)], 999, None, id="a slow rhythm"),
        pytest.param([Quiet(Work.WATCH, 180, normal_s=60)], 999, "180 s", id="slower than that"),
        pytest.param(
            [Quiet(Work.BEAT, 1), Quiet(Work.WATCH, 500)], 999, "watch of the NAS", id="one of two"
        ),
        pytest.param(
            [Quiet(Work.BEAT, 9999)], 0, None, id="Redis is away: a restart mends nothing"
        ),
        pytest.param([Quiet(Work.BEAT, 9999)], 119, None, id="Redis is back, work may begin"),
        pytest.param([Quiet(Work.BEAT, 9999)], 120, "beat", id="Redis is back, work did not begin"),
    ],
)
def test_what_is_stuck(quiet: list[Quiet], redis_s: float, words: str | None) -> None:
    why = why_stuck(quiet, patience_s=PATIENCE_S, redis_answers_for_s=redis_s)
    assert why is None if words is None else words in str(why)


class Worker:
    """A worker under judgement, and its time."""

    def __init__(self, advanced: dict[Work, float], *, leads: bool = True) -> None:
        self.now_s, self.waiting = 1000.0, 0
        self.redis_is_there = True
        self._advanced = advanced
        self.judge = WorkerJudge(
            leads=leads,
            normal_s={Work.BEAT: 15.0, Work.WATCH: 10.0},
            patience_s=PATIENCE_S,
            waiting=lambda: self.waiting if self.redis_is_there else None,
            now_s=self.now_s,
        )

    def run(self, seconds: float, *works: Work) -> str | None:
        """Let time pass, in which some work advances; return the first complaint."""
        for _second in range(0, int(seconds), 10):
            self.now_s += 10
            self._advanced.update(dict.fromkeys(works, self.now_s))
            if why := self.judge.why_stuck(self.now_s):
                return why
        return None


def test_a_worker_whose_work_advances_goes_on_for_days(advanced: dict[Work, float]) -> None:
    worker = Worker(advanced)
    worker.waiting = 3
    assert worker.run(200_000, Work.BEAT, Work.WATCH, Work.TASKS) is None


@pytest.mark.parametrize(
    ("advancing", "words"),
    [
        pytest.param((Work.WATCH, Work.TASKS), "beat", id="beat"),
        pytest.param((Work.BEAT, Work.TASKS), "watch", id="the watch that never began"),
        pytest.param((), "no progress", id="everything"),
    ],
)
def test_a_worker_without_some_of_its_work_is_stuck(
    advancing: tuple[Work, ...], words: str, advanced: dict[Work, float]
) -> None:
    worker = Worker(advanced)
    assert worker.run(110, *advancing) is None
    assert words in str(worker.run(40, *advancing))


def test_a_watch_that_stops_is_stuck(advanced: dict[Work, float]) -> None:
    worker = Worker(advanced)
    worker.run(1000, Work.BEAT, Work.WATCH)
    assert worker.run(120, Work.BEAT) is None
    assert "watch" in str(worker.run(20, Work.BEAT))


def test_tasks_that_wait_and_are_not_taken_are_stuck(advanced: dict[Work, float]) -> None:
    """A consumer that lost its connection without noticing: beat and watch go on, nothing else."""
    worker = Worker(advanced)
    worker.run(1000, Work.BEAT, Work.WATCH)
    assert worker.run(1000, Work.BEAT, Work.WATCH) is None
    worker.waiting = 1
    assert worker.run(100, Work.BEAT, Work.WATCH) is None
    assert "tasks" in str(worker.run(40, Work.BEAT, Work.WATCH))


def test_redis_that_is_away_makes_no_restart(advanced: dict[Work, float]) -> None:
    worker = Worker(advanced)
    worker.redis_is_there = False
    assert worker.run(100_000) is None
    assert not worker.judge.redis_answers
    worker.redis_is_there = True
    assert worker.run(120) is None
    assert worker.run(20) is not None


def test_a_worker_that_only_helps_is_not_judged_by_what_it_does_not_do(
    advanced: dict[Work, float],
) -> None:
    worker = Worker(advanced, leads=False)
    assert worker.run(100_000) is None
    worker.judge.begin_to_lead(worker.now_s)  # the one that led has died
    assert worker.run(110) is None, "beat and watch have to begin first"
    assert "watch" in str(worker.run(20, Work.BEAT))


def test_a_process_that_was_frozen_may_catch_up(
    advanced: dict[Work, float], told: list[str]
) -> None:
    worker = Worker(advanced)
    guard = Guard(worker.judge, patience_s=PATIENCE_S)
    worker.run(10, Work.BEAT, Work.WATCH)
    assert guard.look(worker.now_s, slept_s=0)
    assert guard.look(worker.now_s + 5000, slept_s=5000)
    assert told == [notify.ALIVE, notify.ALIVE]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the service manager hears."""
    messages: list[str] = []
    monkeypatch.setattr(notify, "notify", messages.append)
    return messages


def test_a_stuck_process_says_why_and_saves_what_it_can(
    advanced: dict[Work, float], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    worker, saved = Worker(advanced), threading.Event()
    guard = Guard(worker.judge, patience_s=PATIENCE_S, last_work=saved.set)
    worker.run(1, Work.BEAT, Work.WATCH)
    assert worker.run(200) is not None
    assert not guard.look(worker.now_s, slept_s=10)
    assert saved.is_set()
    assert told == [notify.STUCK]
    assert "stuck: the watch of the NAS: no progress" in caplog.text


def test_last_work_that_hangs_does_not_hold_up_the_end(
    advanced: dict[Work, float], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "_LAST_WORK_S", 0.01)
    worker, over = Worker(advanced), threading.Event()
    guard = Guard(worker.judge, patience_s=PATIENCE_S, last_work=over.wait)
    worker.run(200)
    guard.look(worker.now_s, slept_s=10)
    over.set()
    assert told == [notify.STUCK]


def test_a_web_process_asks_itself_only_where_nobody_else_does(
    advanced: dict[Work, float],
) -> None:
    asked: list[float] = []
    judge = WebJudge(lambda: asked.append(0), patience_s=PATIENCE_S, now_s=1000)
    advanced[Work.ANSWERS] = 1010
    assert judge.why_stuck(1045) is None
    assert not asked
    assert judge.why_stuck(1060) is None
    assert len(asked) == 1
    assert judge.why_stuck(1129) is None
    assert "answers" in str(judge.why_stuck(1130))


def test_its_own_request_is_answered_by_the_web_process_and_noted(
    advanced: dict[Work, float], settings: Any, socket_enabled: None
) -> None:
    heard: list[tuple[str, str]] = []

    def application(environ: dict[str, str], start: Callable[..., object]) -> list[bytes]:
        heard.append((environ["PATH_INFO"], environ["HTTP_HOST"]))
        start("200 OK", [("Content-Length", "0")])
        return []

    with serving(run_web._noting(application)) as port:
        settings.LISTEN = (f"127.0.0.1:{port}",)
        run_web._ask_ourselves()
    assert heard == [("/api/ping", "localhost")]
    assert Work.ANSWERS in advanced


def test_its_own_request_gives_up_where_all_threads_are_blocked(
    advanced: dict[Work, float],
    settings: Any,
    socket_enabled: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_web, "_OWN_REQUEST_S", 0.2)
    over = threading.Event()

    def application(_environ: dict[str, str], start: Callable[..., object]) -> list[bytes]:
        over.wait(10)
        start("200 OK", [("Content-Length", "0")])
        return []

    with serving(run_web._noting(application)) as port:
        settings.LISTEN = (f"127.0.0.1:{port}",)
        run_web._ask_ourselves()
        assert Work.ANSWERS not in advanced
        over.set()


class serving:  # noqa: N801  # reads as a verb where it is used
    """A waitress with one thread on a port of its own."""

    def __init__(self, application: object) -> None:
        import waitress

        self._map: dict[int, Any] = {}
        self._server = waitress.create_server(
            application, self._map, listen="127.0.0.1:0", threads=1
        )
        self._thread = threading.Thread(target=self._loop)
        self._is_over = threading.Event()

    def _loop(self) -> None:
        while not self._is_over.is_set():
            self._server.asyncore.loop(timeout=0.05, map=self._map, count=1)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._server.effective_port)

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        for channel in list(self._map.values()):
            channel.close()


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        pytest.param("120000000", "", 120.0, id="asked for"),
        pytest.param("", "", None, id="not asked for"),
        pytest.param("120000000", "1", None, id="asked of our parent"),
        pytest.param("soon", "", None, id="no number"),
    ],
)
def test_after_how_much_silence_the_service_manager_acts(
    usec: str, pid: str, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert patience_s() == expected


@pytest.fixture(params=["a path", "an abstract name"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end."""
    is_path = request.param == "a path"
    name = str(tmp_path / "notify") if is_path else f"@balupi-{tmp_path.name}-{id(request)}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name if is_path else "\0" + name[1:])
        listener.settimeout(5)
        yield listener


def test_messages_go_in_one_datagram(manager: socket.socket) -> None:
    assert notify.notify(notify.READY, notify.status("works"))
    assert manager.recv(4096) == b"READY=1\nSTATUS=works"


def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify.notify(notify.READY)


def test_a_service_manager_that_is_away_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify.notify(notify.ALIVE)
    assert "WATCHDOG=1" in caplog.text


def test_a_worker_is_ready_without_redis_and_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(run_worker, "notify", said.append)
    service = run_worker._Service(leads=True)
    service._tell(redis_answers=False)
    service._tell(redis_answers=False)
    service._tell(redis_answers=True)
    assert said == [
        notify.READY,
        notify.status("waits for Redis"),
        notify.status("works"),
    ]


def test_a_worker_that_waits_for_its_connection_is_not_ready_while_redis_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(run_worker, "notify", said.append)
    service = run_worker._Service(leads=True)
    service._tell(redis_answers=True)
    assert notify.READY not in said
    service.ready()
    assert said[-1] == notify.READY
