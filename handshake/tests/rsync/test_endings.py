"""A run of rsync ends, whatever happens to it and to us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings as django_settings

from handshake import rsync, rsync_run
from handshake.problems import Trouble
from handshake.rsync import Nas
from handshake.rsync_run import Stop
from handshake.rsync_words import Match
from handshake.tests.inbox_home import running_home
from handshake.tests.rsync.fake_program import FakeProgram, trouble

# That it ends

HANGS = """
echo $$ > "$NOTES/rsync.pid"
{before}
sleep 600 &
echo $! > "$NOTES/ssh.pid"
wait
"""

STUBBORN_CHILD = """
echo $$ > "$NOTES/rsync.pid"
sh -c 'trap "" TERM; echo $$ > "$0/ssh.pid"; exec sleep 600' "$NOTES" &
wait
"""


def lives(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(is_so: Callable[[], object]) -> None:
    ends_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_s, "it did not happen within 10 s"
        time.sleep(0.005)


def has_started(program: FakeProgram) -> bool:
    return lives(program.pid("rsync")) and lives(program.pid("ssh"))


def has_ended(program: FakeProgram) -> bool:
    pids = (program.pid("rsync"), program.pid("ssh"))
    return None not in pids and not any(map(lives, pids))


def kill_rest(program: FakeProgram) -> None:
    for name in ("rsync", "ssh"):
        if (pid := program.pid(name)) and lives(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines short enough for a test, long enough for a slow machine to start a shell."""
    monkeypatch.setattr(rsync, "_SHORT_S", 1.0)
    monkeypatch.setattr(rsync_run, "_GRACE_S", 0.3)
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(HANGS.format(before=""), id="it hangs"),
        pytest.param(HANGS.format(before='trap "" TERM'), id="it does not listen to SIGTERM"),
        pytest.param(
            HANGS.format(before="while :; do echo working; sleep 0.01; done &"), id="it talks on"
        ),
        pytest.param(
            HANGS.format(before="exec >&- 2>&-"), id="it closes its mouth, but does not end"
        ),
        pytest.param(
            STUBBORN_CHILD,
            id="only ssh does not listen to SIGTERM",
        ),
    ],
)
def test_a_run_that_hangs_is_ended_with_everything_it_started(
    nas: Nas, fake_rsync: FakeProgram, script: str
) -> None:
    fake_rsync.does(script)
    try:
        found = trouble(nas.require_marker)
        assert found.code in {Trouble.TOO_SLOW, Trouble.BROKEN}
        assert None not in (fake_rsync.pid("rsync"), fake_rsync.pid("ssh"))
        assert not lives(fake_rsync.pid("rsync"))
        ends_s = time.monotonic() + 1  # its children are nobody's to wait for
        while not has_ended(fake_rsync) and time.monotonic() < ends_s:
            time.sleep(0.005)
        assert has_ended(fake_rsync)
    finally:
        kill_rest(fake_rsync)


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_too_slow_is_told_as_such(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.does(HANGS.format(before=""))
    assert trouble(nas.require_marker).code == Trouble.TOO_SLOW


def test_whoever_wants_to_write_ends_the_transfer(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))
    sent = nas.send(
        tmp_path,
        [b"a"],
        size_bytes=1,
        stop=lambda: Stop.WANTED if has_started(fake_rsync) else None,
    )
    assert sent.stopped is Stop.WANTED
    eventually(lambda: has_ended(fake_rsync))


def test_whoever_wants_to_write_ends_the_comparison(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path
) -> None:
    fake_rsync.does(HANGS.format(before=""))
    assert nas.compare(tmp_path, [b"a"], size_bytes=1, stop=lambda: Stop.WANTED) is None


def test_the_end_of_this_process_ends_the_transfer(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))

    def stop() -> Stop | None:
        return Stop.ENDING if has_started(fake_rsync) else None

    found = trouble(lambda: nas.send(tmp_path, [b"a"], size_bytes=1, stop=stop))
    assert found.code == Trouble.STOPPED
    eventually(lambda: has_ended(fake_rsync))


def test_a_fault_of_ours_leaves_no_transfer_behind(
    nas: Nas, fake_rsync: FakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rsync_run, "_POLL_S", 0.02)
    fake_rsync.does(HANGS.format(before=""))

    def stop() -> Stop | None:
        if has_started(fake_rsync):
            raise ZeroDivisionError
        return None

    with pytest.raises(ZeroDivisionError):
        nas.send(tmp_path, [b"a"], size_bytes=1, stop=stop)
    eventually(lambda: has_ended(fake_rsync))


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from handshake.rsync import Nas
Nas(host="127.66.0.53", port=1, user="x", key=Path("/etc/passwd"), known_hosts=Path("/etc/passwd")
    ).send(Path("/"), [b"a"], size_bytes=1)
"""


def test_a_worker_that_is_killed_takes_rsync_with_it(nas: Nas, fake_rsync: FakeProgram) -> None:
    fake_rsync.does(HANGS.format(before=""))
    program = WORKER.format(root=str(django_settings.BASE_DIR))
    with subprocess.Popen([sys.executable, "-c", program]) as worker:  # noqa: S603
        try:
            eventually(lambda: has_started(fake_rsync))
        finally:
            worker.kill()
    try:
        eventually(lambda: not lives(fake_rsync.pid("rsync")))
    finally:
        kill_rest(fake_rsync)  # the real ssh ends where its pipes do


# With the real programs


@pytest.mark.enable_socket
def test_real_programs_agree_with_the_words_above(tmp_path: Path, settings: Any) -> None:
    """Whoever has another version of rsync sees here whether it says something else."""
    with running_home(tmp_path, settings) as home:
        from handshake.services.flushing import nas as real_nas

        nas = real_nas()
        for name in (b"name", b" lead", b"b\\#012", "Ü".encode(), b"deep/x\ny"):
            home.put(name, b"12345")
        home.put_on_nas(b"name", b"12345")
        home.put_on_nas(" lead", b"54321")
        names = list(home.here())
        nas.require_marker()
        assert nas.compare(home.inbox, names, size_bytes=25) == {
            b"name": Match.SAME,
            b" lead": Match.DIFFERENT,
            b"b\\#012": Match.ABSENT,
            "Ü".encode(): Match.ABSENT,
            b"deep/x\ny": Match.ABSENT,
        }
        on_nas = {name: (home.ssh.inbox / os.fsdecode(name)).stat() for name in (b"name", b" lead")}
        assert nas.versions(names) == {
            name: (5, int(found.st_mtime)) for name, found in on_nas.items()
        }
