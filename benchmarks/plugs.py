"""What many plugs cost: reading them all, storing what was read, rolling up an hour of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import plug_farm
from benchmarks.bench import Bench
from benchmarks.figures import ROOT, Figure

_CROWDS = (3, 100, 1000)
_SWEEP = (
    "energy.plug_pool.PlugPool with the real python-kasa in a process that may use one core; the "
    "simulated plugs are another process."
)
_STORE = "The product's own functions, one process: 10 samples of each plug, 12 times; median."


def sweep(bench: Bench) -> Iterator[Figure]:
    """Read 3, 100 and 1,000 plugs."""
    for count in _CROWDS[: bench.rounds(2, 3)]:
        bench.say(f"reading {count:,} plugs")
        found = _in_process(bench, "sweep", count)
        name = f"{count:,} plugs"
        kept, paused = found["kept"], found["paused"]
        first = f"{_SWEEP} With all logins."
        at_once = f"{_SWEEP} One sweep after another, connections kept; median of {kept['sweeps']}."
        at_interval = (
            f"{_SWEEP} {found['pause_s']:g} s between sweeps, so that connections are opened anew as "
            f"at the product's interval; median of {paused['sweeps']}."
        )
        yield Figure(name, "first", found["first_s"] * 1000, "ms", first)
        yield Figure(name, "at once", kept["wall_s"] * 1000, "ms", at_once)
        yield Figure(name, "at once, CPU", kept["cpu_s"] * 1000, "ms", at_once)
        yield Figure(name, "at the interval", paused["wall_s"] * 1000, "ms", at_interval)
        yield Figure(name, "at the interval, CPU", paused["cpu_s"] * 1000, "ms", at_interval)
        answered = min(kept["answered"], paused["answered"])
        yield Figure(name, "fewest that answered", answered, "", _SWEEP)
        yield Figure(name, "PSS with all sessions", found["pss_mib"], "MiB", _SWEEP)


def storing(bench: Bench) -> Iterator[Figure]:
    """Store and roll up an hour of 3 and 1,000 plugs; in a quick run of 3."""
    for count in _CROWDS[:1] if bench.is_quick else (_CROWDS[0], _CROWDS[-1]):
        bench.say(f"an hour of {count:,} plugs")
        found = _in_process(bench, "storing", count)
        name = f"{count:,} plugs"
        anew = f"{found['samples']:,} samples become hours anew, from nothing."
        yield Figure(name, "store 10 samples each", found["store_s"] * 1000, "ms", _STORE)
        yield Figure(name, "CPU of it", found["store_cpu_s"] * 1000, "ms", _STORE)
        yield Figure(name, "SQL of it", found["store_queries"], "", _STORE)
        yield Figure(name, "roll up an hour", found["roll_up_s"] * 1000, "ms", anew)
        yield Figure(name, "CPU of that", found["roll_up_cpu_s"] * 1000, "ms", anew)
        yield Figure(name, "SQL of that", found["roll_up_queries"], "", anew)


def _in_process(bench: Bench, work: str, plugs: int) -> dict[str, Any]:
    """Run some work of ``plug_work`` with settings, a database and a Redis of its own."""
    folder = bench.folder / f"{work}-{plugs}"
    folder.mkdir()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
    with _redis(bench) as url:
        environment = {
            **ours,
            "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
            "BALUPI_ENV_FILE": os.devnull,
            "BALUPI_MODE": "dev",
            "BALUPI_PROCESS": "worker",
            "BALUPI_DATA_DIR": str(folder),
            "BALUPI_REDIS_URL": url,
            "BALUPI_LOG_LEVEL": "ERROR",
            "BALUPI_TAPO_USERNAME": plug_farm.USERNAME,
            "BALUPI_TAPO_PASSWORD": plug_farm.PASSWORD,
        }
        pause = ["--quick"] if bench.is_quick else []
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.plug_work", work, str(plugs), *pause],
            env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def _redis(bench: Bench) -> Iterator[str]:
    """Run a Redis on a unix socket; yields its URL."""
    socket_path = bench.folder / "redis.sock"
    limits = ["--save", "", "--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket_path), *limits]
    with subprocess.Popen(
        [*command, "--dir", str(bench.folder)], stdout=subprocess.DEVNULL
    ) as process:
        try:
            deadline_s = time.monotonic() + 10
            while not socket_path.exists():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    sys.exit("redis-server did not start; is it installed?")
                time.sleep(0.01)
            yield f"unix://{socket_path}"
        finally:
            process.terminate()
