"""The NAS's calls to the real processes, with everything else in trouble; and the inbox behind them."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import benchmarks.trial
from benchmarks import follow
from simhome.baluhost_calls import SignedCall, signed_call
from simhome.nas_snapshot import shutdown_snapshot
from simhome.nas_stages import Call
from tests.conftest import Trial, leads_to

pytestmark = [
    pytest.mark.household,
    pytest.mark.enable_socket,
    pytest.mark.usefixtures("home_in_order"),
]

#: What waits while the NAS calls: 20 GB, without taking the space.
_MANY, _SPARSE_BYTES = 10_000, 2_000_000


@contextlib.contextmanager
def hung(trial: Trial, program: str) -> Iterator[None]:
    """Have a program stand still."""
    pid = trial.pid(program)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def stopped(trial: Trial, program: str) -> Iterator[None]:
    """Have a program not be there."""
    trial.supervisor("stop", program)
    try:
        yield
    finally:
        trial.supervisor("start", program)


def last_call(trial: Trial, call: Call, *, since: int) -> dict[str, Any]:
    """Return what became of the NAS's next call of a kind, of which there were ``since``."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [
            one for one in trial.simhome("status")["nas"]["sent_calls"] if one["call"] == call
        ]
        return len(found) > since

    trial.wait_until(is_there, f"the NAS calls {call}", 60)
    print(f"{call}: {found[-1]['ms']} ms, {found[-1]['answer']}")
    return found[-1]


def calls(trial: Trial, call: Call) -> int:
    sent = trial.simhome("status")["nas"]["sent_calls"]
    return len([one for one in sent if one["call"] == call])


def shut_down(trial: Trial) -> dict[str, Any]:
    before = calls(trial, Call.GOING_OFFLINE)
    trial.simhome("nas", "shutdown")
    return last_call(trial, Call.GOING_OFFLINE, since=before)


def boot(trial: Trial) -> dict[str, Any]:
    before = calls(trial, Call.COMING_ONLINE)
    trial.wait_until(lambda: trial.simhome("status")["nas"]["state"] == "off", "the NAS is off")
    trial.simhome("nas", "power_on")
    return last_call(trial, Call.COMING_ONLINE, since=before)


def test_a_shutdown_stores_the_snapshot_and_leads_the_name_to_the_pi_before_the_answer(
    trial: Trial,
) -> None:
    call = shut_down(trial)
    assert leads_to(trial) == trial.facts["pi_ip"]
    assert call["answer"] == {"acknowledged": True, "dns_switched": True}
    assert call["ms"] < 1000
    code, snapshot = trial.get("/api/handshake/snapshot")
    assert (code, snapshot["storage"]["arrays"][0]["state"]) == (200, "active")
    assert dt.datetime.fromisoformat(snapshot["generated_at"]) == dt.datetime.fromisoformat(
        call["at"]
    )
    assert trial.nas_state() in {"shutting_down", "offline"}


@pytest.fixture
def many_files(trial: Trial) -> Iterator[None]:
    """Leave 20 GB in the inbox while the NAS sleeps, and take them away before they all go there."""
    waiting = Path(trial.facts["inbox"]) / "many"
    waiting.mkdir()
    for number in range(_MANY):
        with (waiting / f"{number}.bin").open("wb") as file:
            file.truncate(_SPARSE_BYTES)
    yield
    shutil.rmtree(waiting)


@pytest.mark.parametrize("fault", ["hang", "down"])
def test_both_calls_are_answered_in_time_with_everything_else_in_trouble(
    trial: Trial, many_files: None, fault: str
) -> None:
    """Redis hangs, there is no worker, Pi-hole hangs or is dead, and 10,000 files wait."""
    trial.simhome("pihole", "fault", fault)
    with stopped(trial, "worker"), hung(trial, "redis"):
        goodbye = shut_down(trial)
        hello = boot(trial)
    assert goodbye["answer"] == {"acknowledged": True, "dns_switched": False}
    assert goodbye["ms"] < 3000
    assert hello["answer"]["acknowledged"]
    assert hello["ms"] < 1000


@pytest.mark.parametrize("program", ["redis", "worker"])
def test_both_calls_are_answered_without(trial: Trial, program: str) -> None:
    with stopped(trial, program):
        goodbye, hello = shut_down(trial), boot(trial)
    assert goodbye["answer"] == {"acknowledged": True, "dns_switched": True}
    assert goodbye["ms"] < 3000
    assert hello["answer"]["acknowledged"]
    assert hello["ms"] < 1000


def test_both_calls_are_answered_without_pihole_and_the_names_follow_once_it_is_back(
    trial: Trial,
) -> None:
    trial.simhome("pihole", "fault", "down")
    goodbye = shut_down(trial)
    assert goodbye["answer"] == {"acknowledged": True, "dns_switched": False}
    trial.simhome("pihole", "clear")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["pi_ip"], "the name is on the Pi", 30)
    trial.simhome("pihole", "fault", "down")
    hello = boot(trial)
    assert hello["answer"]["acknowledged"]
    assert hello["ms"] < 1000


def test_coming_online_waits_for_no_inbox_and_the_name_follows_the_first_good_answer(
    trial: Trial, many_files: None
) -> None:
    shut_down(trial)
    server, _, port = trial.facts["pihole_dns"].rpartition(":")
    names = follow.Names(server, int(port), trial.facts["dns_names"][0])
    asking = threading.Thread(target=names.run, daemon=True)
    trial.wait_until(lambda: trial.nas_state() == "offline", "the NAS is seen off")
    asking.start()
    try:
        hello = boot(trial)
        good_at = benchmarks.trial.Trial(trial.data_dir).first_good_answer()
        followed_s = names.wait_for(trial.facts["nas_ip"]) - good_at
    finally:
        names.end()
        asking.join()
    print(f"the name followed {followed_s:.2f} s after the first good answer")
    assert hello["answer"] == {
        "acknowledged": True,
        "inbox_flushed": False,
        "files_transferred": 0,
        "dns_switched": False,
        "flush_queued": True,
    }
    assert hello["ms"] < 1000
    assert followed_s < 3  # a probe every second, and 2 s from the first good one
    assert set(names.kinds) == {"1 address"}


def test_a_restart_of_baluhost_alone_is_one_entry_and_one_round_trip(trial: Trial) -> None:
    server, _, port = trial.facts["pihole_dns"].rpartition(":")
    names = follow.Names(server, int(port), trial.facts["dns_names"][0])
    asking = threading.Thread(target=names.run, daemon=True)
    asking.start()
    began_at = dt.datetime.now(dt.UTC)
    names.wait_for(trial.facts["nas_ip"])
    before = calls(trial, Call.COMING_ONLINE)
    trial.simhome("nas", "restart_service")
    names.wait_for(trial.facts["pi_ip"])
    last_call(trial, Call.COMING_ONLINE, since=before)
    names.wait_for(trial.facts["nas_ip"])
    asked = trial.simhome("status")["nas"]["requests"]["/api/system/info"]

    def is_probed_twice_more() -> bool:
        return bool(trial.simhome("status")["nas"]["requests"]["/api/system/info"] >= asked + 2)

    trial.wait_until(is_probed_twice_more, "two more probes", 90)
    names.end()
    asking.join()
    items = trial.get("/api/nas/timeline?limit=50")[1]["items"]
    states = [item for item in items if item["kind"] == "state"]
    new = [item for item in states if dt.datetime.fromisoformat(item["at"]) >= began_at]
    assert [(item["state"], item["reason"]) for item in new] == [("online", "service_restart")]
    assert 4 < new[0]["restart_s"] < 120
    assert names.switches == 2
    assert set(names.kinds) == {"1 address"}


@pytest.mark.parametrize(
    ("away", "back"),
    [pytest.param("suspend", "resume", id="suspend and resume, without a call"),
     pytest.param("shutdown", "power_on", id="shutdown and boot, with both calls")],
)  # fmt: skip
def test_what_was_left_here_meanwhile_goes_to_the_nas_when_it_is_back(
    trial: Trial, away: str, back: str
) -> None:
    trial.simhome("nas", away)
    trial.wait_until(lambda: trial.nas_state() == "offline", "the NAS is seen away", 60)
    name = f"left during {away}.txt"
    (Path(trial.facts["inbox"]) / name).write_text(name)
    trial.simhome("nas", back)
    arrived = Path(trial.facts["nas_inbox"]) / name
    # Well before the next regular look, a minute after the last.
    trial.wait_until(arrived.exists, "the file is on the NAS", 45)
    trial.wait_until(
        lambda: not (Path(trial.facts["inbox"]) / name).exists(), "it is gone from here", 30
    )
    assert arrived.read_text() == name
    runs = trial.get("/api/handshake/inbox")[1]["runs"]
    assert (runs[0]["asked_by"], runs[0]["files_moved"]) == ("arrival", 1)


def test_a_killed_worker_keeps_no_lock_and_the_next_one_moves_the_inbox(trial: Trial) -> None:
    target = Path(trial.facts["inbox"]) / "large.bin"
    target.write_bytes(random.Random(1).randbytes(30_000_000))

    def is_moving() -> bool:
        return trial.get("/api/handshake/inbox")[1]["progress"] is not None

    trial.wait_until(is_moving, "the transfer runs", 90)
    os.kill(trial.pid("worker"), signal.SIGKILL)
    trial.wait_until(lambda: not target.exists(), "the next worker has moved it", 90)
    arrived = Path(trial.facts["nas_inbox"]) / "large.bin"
    assert arrived.read_bytes() == random.Random(1).randbytes(30_000_000)


def test_a_web_killed_between_write_and_answer_leaves_the_old_or_the_new_snapshot(
    trial: Trial, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(int(request.config.getoption("--fault-seed") or 7))
    outcomes = {"old": 0, "new": 0}
    sent, known = _say(trial, Call.GOING_OFFLINE, hostname="first")
    assert sent == 200
    for number in range(int(request.config.getoption("--fault-rounds"))):
        new = f"round {number}"
        caller = threading.Thread(
            target=_say, args=(trial, Call.GOING_OFFLINE), kwargs={"hostname": new}
        )
        web = trial.pid("web")
        caller.start()
        caller.join(chance.uniform(0, 0.15))
        os.kill(web, signal.SIGKILL)
        caller.join()
        trial.wait_until(partial(_is_another_web, trial, web), "web answers again")
        code, snapshot = trial.get("/api/handshake/snapshot")
        assert code == 200
        found = snapshot["system"]["hostname"]
        assert found in {known, new}
        assert snapshot["files_summary"]["total_files"] == 48211  # whole to its end
        outcomes["new" if found == new else "old"] += 1
        known = found
    print(f"snapshot after a kill: {outcomes}")
    _say(trial, Call.COMING_ONLINE)


def _say(trial: Trial, call: Call, *, hostname: str = "") -> tuple[int, str]:
    """Make a call as the NAS does; the status, 0 where there was no answer."""
    now = dt.datetime.now(dt.UTC)
    snapshot = None
    if call is Call.GOING_OFFLINE:
        snapshot = shutdown_snapshot(now=now, hostname=hostname, uptime_seconds=1, users=())
    signed: SignedCall = signed_call(
        call, secret=trial.facts["handshake_secret"], timestamp=int(time.time()), snapshot=snapshot
    )
    connection = http.client.HTTPConnection(trial.facts["url"].removeprefix("http://"), timeout=10)
    with contextlib.closing(connection):
        try:
            connection.request("POST", signed.path, signed.body, signed.headers)
            answer = connection.getresponse()
            json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, hostname
        return answer.status, hostname


def _is_another_web(trial: Trial, old_pid: int) -> bool:
    if trial.pid("web") in {0, old_pid}:
        return False
    with contextlib.suppress(OSError, http.client.HTTPException):
        return trial.get("/api/health", login=False)[0] == 200
    return False
