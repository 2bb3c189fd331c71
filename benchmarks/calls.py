"""How long each call of the API takes, on a household with a year behind it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.api import Answer, Call, Site, api_calls
from benchmarks.bench import Bench
from benchmarks.figures import ROOT, Figure, percentile
from benchmarks.household import answers, copy_with_plugs
from benchmarks.kernel_counters import CPU_OF_EACH, cpu_s
from benchmarks.trial import Trial, free_port, wait_for

#: No call is asked for longer than this; how often it was is told.
_CALL_S = 8.0
_CONNECTIONS = 8
#: What takes longer than this by itself is not asked for over several connections.
_ALONE_ONLY_S = 1.5
_CROWD = 100
_STATUS = "HTTP's; 400 is more than is answered at once."
_SQL = "Django's test client with a session, the second answer, so what is kept is kept."


@dataclass
class Asked:
    """What a call answered over some connections, and how long that took in all."""

    answers: list[Answer] = field(default_factory=list)
    took_s: float = 0.0


def calls(bench: Bench) -> Iterator[Figure]:
    """Ask the trial for everything that changes nothing."""
    trial, site = bench.aged_trial()
    wanted = api_calls(site, bench.match)
    counts, web = _sql_counts(trial, wanted), trial.pid("web")
    for call, count in zip(wanted, counts, strict=True):
        bench.say(call.name)
        yield from _figures(bench, site, call, web)
        yield Figure(call.name, "SQL", count, "", _SQL)


def crowd(bench: Bench) -> Iterator[Figure]:
    """Ask another web process for energy, on a copy of the trial's database with 100 plugs."""
    trial, site = bench.aged_trial()
    wanted = [it for it in api_calls(site, bench.match or "/energy") if "one plug" not in it.name]
    bench.say(f"copying the database, with {_CROWD} plugs")
    how = f"As calls, over one connection; {_CROWD} plugs, which copies of the three are."
    with _web_with_plugs(bench, trial, _CROWD) as (url, web):
        other = Site(url, site.headers)
        for call in wanted:
            bench.say(call.name)
            before_s = cpu_s(web)
            found = _ask(other, call, bench.rounds(2, 5))
            times_s = [it.seconds for it in found]
            spent_s = (cpu_s(web) - before_s) / len(found)
            yield Figure(call.name, "status", found[0].status, "", _STATUS)
            yield Figure(call.name, "median", _ms(percentile(times_s, 0.5)), "ms", how)
            yield Figure(call.name, "CPU", _ms(spent_s), "ms", CPU_OF_EACH)


def _figures(bench: Bench, site: Site, call: Call, web: int) -> Iterator[Figure]:
    rounds = bench.rounds(3, 30)
    one = (
        f"The real web process with a worker beside it, a token, one kept connection, {rounds} rounds "
        f"after one to warm up, or as many as {_CALL_S:g} s allow."
    )
    warm, before_s = site.ask(call), cpu_s(web)
    alone_s = [it.seconds for it in _ask(site, call, rounds)]
    spent_s = (cpu_s(web) - before_s) / len(alone_s)
    name, median_s = call.name, percentile(alone_s, 0.5)
    yield Figure(name, "status", warm.status, "", _STATUS)
    yield Figure(name, "first", _ms(warm.seconds), "ms", "The first answer, before those rounds.")
    yield Figure(name, "median", _ms(median_s), "ms", one)
    yield Figure(name, "p99", _ms(percentile(alone_s, 0.99)), "ms", one)
    yield Figure(name, "CPU", _ms(spent_s), "ms", CPU_OF_EACH)
    yield Figure(name, "size", len(warm.content) / 1000, "kB", "The body, not compressed.")
    if median_s < _ALONE_ONLY_S:
        many = _ask_at_once(site, call, bench.rounds(1, 5))
        at_once_s = [it.seconds for it in many.answers]
        eight = f"The same over {_CONNECTIONS} connections at once; clients on the same machine."
        yield Figure(name, "median of 8", _ms(percentile(at_once_s, 0.5)), "ms", eight)
        yield Figure(name, "8 at once", len(many.answers) / many.took_s, "answers/s", eight)


def _ask(site: Site, call: Call, rounds: int) -> list[Answer]:
    deadline_s = time.perf_counter() + _CALL_S
    found = [site.ask(call)]
    while len(found) < rounds and time.perf_counter() < deadline_s:
        found.append(site.ask(call))
    return found


def _ask_at_once(site: Site, call: Call, rounds: int) -> Asked:
    """Ask over several connections at once."""
    found, lock = Asked(), threading.Lock()

    def ask() -> None:
        own = Site(site.url, site.headers)
        with contextlib.closing(own):
            for answer in _ask(own, call, rounds):
                with lock:
                    found.answers.append(answer)

    jobs = [threading.Thread(target=ask) for _ in range(_CONNECTIONS)]
    start_s = time.perf_counter()
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    found.took_s = time.perf_counter() - start_s
    return found


def _sql_counts(trial: Trial, wanted: Sequence[Call]) -> list[int]:
    environment = {
        **os.environ,
        "BALUPI_ENV_FILE": trial.facts["env_file"],
        "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
        "BALUPI_PROCESS": "web",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sql_count"],
        input=json.dumps([[it.method, it.path, it.body] for it in wanted]),
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    counts: list[int] = json.loads(done.stdout)
    return counts


@contextlib.contextmanager
def _web_with_plugs(bench: Bench, trial: Trial, plugs: int) -> Iterator[tuple[str, int]]:
    """Run a second web process on a copy of the database; yields its address and process id."""
    data_dir = bench.folder / "crowd"
    data_dir.mkdir()
    copy_with_plugs(trial.data_dir / "balupi.sqlite3", data_dir / "balupi.sqlite3", plugs)
    listen = f"127.0.0.1:{free_port()}"
    changes = {
        "BALUPI_ENV_FILE": trial.facts["env_file"],
        "BALUPI_DATA_DIR": str(data_dir),
        "BALUPI_LISTEN": listen,
    }
    (data_dir / "static").symlink_to(trial.data_dir / "static")
    command = [*trial.facts["manage"], "run_web"]
    with subprocess.Popen(
        command, env={**os.environ, **changes}, cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(lambda: answers(f"http://{listen}"), "the second web process answers")
            yield f"http://{listen}", process.pid
        finally:
            process.terminate()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
