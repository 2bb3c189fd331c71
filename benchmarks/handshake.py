"""How soon the NAS's calls are answered, with everything else in trouble."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Figure, median_and_worst
from benchmarks.household import say
from benchmarks.trial import Trial
from simhome.nas_stages import Call

#: What waits while the NAS calls: 20 GB, without taking the space.
_FILES, _FILE_BYTES = 10_000, 2_000_000
_HOW = (
    "A signed call as BaluHost makes it, with its snapshot for going-offline, over loopback, until "
    "the whole answer is here; BaluHost gives up after 10 s and 5 s."
)

Trouble = Callable[[Trial], AbstractContextManager[object]]


@dataclass(frozen=True)
class Plight:
    """What is wrong meanwhile."""

    name: str
    troubles: Sequence[Trouble] = ()


def _no_worker(trial: Trial) -> AbstractContextManager[object]:
    return trial.stopped("worker")


def _no_redis(trial: Trial) -> AbstractContextManager[object]:
    return trial.stopped("redis")


def _hung_redis(trial: Trial) -> AbstractContextManager[object]:
    return trial.hung("redis")


def _pihole(fault: str) -> Trouble:
    @contextlib.contextmanager
    def trouble(trial: Trial) -> Iterator[None]:
        trial.simhome("pihole", "fault", fault)
        try:
            yield
        finally:
            trial.simhome("pihole", "clear")

    return trouble


@contextlib.contextmanager
def _many_files(trial: Trial) -> Iterator[None]:
    waiting = Path(trial.facts["inbox"]) / "many"
    waiting.mkdir()
    for number in range(_FILES):
        with (waiting / f"{number}.bin").open("wb") as file:
            file.truncate(_FILE_BYTES)
    try:
        yield
    finally:
        shutil.rmtree(waiting)


_DEAD = (_no_worker, _many_files, _hung_redis)
PLIGHTS = (
    Plight("everything well"),
    Plight("Redis stopped", (_no_redis,)),
    Plight("no worker", (_no_worker,)),
    Plight("Pi-hole stopped", (_pihole("down"),)),
    Plight("Redis hangs, no worker, Pi-hole stopped, 10,000 files wait", (*_DEAD, _pihole("down"))),
    Plight("Redis hangs, no worker, Pi-hole hangs, 10,000 files wait", (*_DEAD, _pihole("hang"))),
)


def handshake(bench: Bench) -> Iterator[Figure]:
    """Call as the NAS does in every plight."""
    trial = bench.trial()
    for plight in PLIGHTS:
        bench.say(plight.name)
        offline_ms, online_ms = [], []
        with contextlib.ExitStack() as stack:
            for trouble in plight.troubles:
                stack.enter_context(trouble(trial))
            for _number in range(bench.rounds(1, 10)):
                offline_ms.append(say(trial, Call.GOING_OFFLINE))
                online_ms.append(say(trial, Call.COMING_ONLINE))
        yield from median_and_worst(plight.name, offline_ms, "ms", _HOW, what="going-offline")
        yield from median_and_worst(plight.name, online_ms, "ms", _HOW, what="coming-online")
    trial.wait_until_awake()
