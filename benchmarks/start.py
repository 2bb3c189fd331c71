"""How long web and worker take from their start until they are of use."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.api import Site
from benchmarks.bench import Bench
from benchmarks.budget import unit_environment
from benchmarks.figures import ROOT, Figure, median_and_worst
from benchmarks.household import answers, sign_in
from benchmarks.trial import GIVE_UP_S, Trial, wait_for

_LOOK_S = 0.02
_STOP_S = 60


class Moment(NamedTuple):
    """When something was so, in seconds since the start, and the CPU seconds until then."""

    after_s: float
    cpu_s: float


@dataclass(frozen=True)
class Begun:
    """A process that was started."""

    process: psutil.Process
    start_s: float

    def now(self) -> Moment:
        """Return how long it has been running, and on the CPU."""
        times = self.process.cpu_times()
        return Moment(time.monotonic() - self.start_s, times.user + times.system)


def start(bench: Bench) -> Iterator[Figure]:
    """Start both again and again, with a page cache that knows them."""
    trial = bench.trial()
    site = sign_in(trial)
    found: dict[str, list[Moment]] = {}
    for number in range(bench.rounds(1, 7)):
        bench.say(f"start {number + 1}")
        for name, moment in [*_start_web(trial), *_start_worker(bench, trial, site)]:
            found.setdefault(name, []).append(moment)
    how = (
        "From the start of the process, with the environment of its unit; files in the page cache, "
        "as after a restart, not after the Pi's boot."
    )
    cpu = "CPU of the process until then, median; other work on the machine hardly changes it."
    for name, moments in found.items():
        yield from median_and_worst(name, [it.after_s for it in moments], "s", how)
        yield Figure(name, "CPU", statistics.median(it.cpu_s for it in moments), "s", cpu)


def _start_web(trial: Trial) -> Iterator[tuple[str, Moment]]:
    with trial.stopped("web"), _started(trial, "run_web") as begun:
        wait_for(lambda: answers(trial.url), "the web process answers", every_s=_LOOK_S)
        yield "web answers GET /api/health", begun.now()
    wait_for(lambda: answers(trial.url), "the trial's own web process answers again")


def _start_worker(bench: Bench, trial: Trial, site: Site) -> Iterator[tuple[str, Moment]]:
    with trial.stopped("worker"), _notified(bench.folder / "notify") as (path, told):
        began_at = dt.datetime.now(dt.UTC)
        with _started(trial, "run_worker", NOTIFY_SOCKET=str(path)) as begun:
            while b"READY=1" not in told.recv(1000):
                pass
            yield "worker says that it is ready", begun.now()
            looked_at = wait_for(
                lambda: _looked_since(site.json("/api/nas/status"), began_at),
                "the worker looks at the NAS",
                every_s=_LOOK_S,
            )
            after_s = (looked_at - began_at).total_seconds()
            yield "worker's first look at the NAS is done", Moment(after_s, begun.now().cpu_s)


def _looked_since(
    status: dict[str, dict[str, dict[str, str]]], at: dt.datetime
) -> dt.datetime | None:
    look = status["evidence"]["presence"]
    looked_at = dt.datetime.fromisoformat(look["at"]) if look else at
    return looked_at if looked_at > at else None


@contextlib.contextmanager
def _started(trial: Trial, command: str, **more: str) -> Iterator[Begun]:
    """Run a process of ours with the trial's settings."""
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
        yield Begun(psutil.Process(process.pid), start_s)
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
