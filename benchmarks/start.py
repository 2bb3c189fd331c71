"""How long web and worker take from their start until they are of use."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.budget import unit_environment
from benchmarks.figures import ROOT, Figure, median_and_worst
from benchmarks.household import answers, sign_in
from benchmarks.trial import GIVE_UP_S, Trial, wait_for

_LOOK_S = 0.02
_STOP_S = 60


def start(bench: Bench) -> Iterator[Figure]:
    """Start both again and again, with a page cache that knows them."""
    trial = bench.trial()
    site = sign_in(trial)
    web_s, ready_s, seen_s = [], [], []
    for number in range(bench.rounds(1, 10)):
        bench.say(f"start {number + 1}")
        with trial.stopped("web"), _started(trial, "run_web") as start_s:
            wait_for(lambda: answers(trial.url), "the web process answers", every_s=_LOOK_S)
            web_s.append(time.monotonic() - start_s)
        wait_for(lambda: answers(trial.url), "the trial's own web process answers again")
        with trial.stopped("worker"), _notified(bench.folder / "notify") as (path, told):
            began_at = dt.datetime.now(dt.UTC)
            with _started(trial, "run_worker", NOTIFY_SOCKET=str(path)) as start_s:
                while b"READY=1" not in told.recv(1000):
                    pass
                ready_s.append(time.monotonic() - start_s)
                seen_at = wait_for(
                    lambda: _looked_since(site.json("/api/nas/status"), began_at),  # noqa: B023  # waited for here
                    "the worker looks at the NAS",
                    every_s=_LOOK_S,
                )
                seen_s.append((seen_at - began_at).total_seconds())
    how = (
        "From the start of the process, with the environment of its unit; files in the page cache, "
        "as after a restart, not after the Pi's boot."
    )
    yield from median_and_worst("web answers GET /api/health", web_s, "s", how)
    yield from median_and_worst("worker says that it is ready", ready_s, "s", how)
    yield from median_and_worst("worker's first look at the NAS is done", seen_s, "s", how)


def _looked_since(
    status: dict[str, dict[str, dict[str, str]]], at: dt.datetime
) -> dt.datetime | None:
    look = status["evidence"]["presence"]
    looked_at = dt.datetime.fromisoformat(look["at"]) if look else at
    return looked_at if looked_at > at else None


@contextlib.contextmanager
def _started(trial: Trial, command: str, **more: str) -> Iterator[float]:
    """Run a process of ours with the trial's settings; yields when it was started."""
    environment = {**os.environ, **unit_environment(), "BALUPI_ENV_FILE": trial.facts["env_file"]}
    start_s = time.monotonic()
    process = subprocess.Popen(
        [*trial.facts["manage"], command],
        env={**environment, **more},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield start_s
    finally:
        process.terminate()
        process.wait(_STOP_S)


@contextlib.contextmanager
def _notified(path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """Listen as a service manager does, sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(path))
        told.settimeout(GIVE_UP_S)
        try:
            yield path, told
        finally:
            path.unlink()
