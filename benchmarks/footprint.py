"""What BaluPi costs a small computer: memory, CPU while idle, bytes written; and whether it may.

A trial of its own (real web, worker and Redis, three simulated plugs, the environment of the systemd
units) is loaded, then left idle. The simulated home and the supervisor are not counted; on the Pi
there are real plugs and systemd. They share Python's files with BaluPi, as does whatever else runs
here, which makes PSS smaller than where nobody does (by some 20 MiB, of pages that the kernel can
drop); the anonymous part does not depend on it. The packages of requirements-try.txt alone make the
smallest processes: psycopg, where it is installed, is loaded and adds some 8 MiB to each.

As root the data directory lies on an ext4 file system of its own (a loop device), whose block layer
counts every byte that would reach the SD card, the simulated home's few files included. Before it
counts, SQLite's log is brought to the size that it has from the first hours on; while a file grows,
ext4 writes about 100 kB more each time. The night's backup is made before, because what comes once a
day would count for each half hour of it.
"""

from __future__ import annotations

import compileall
import contextlib
import http.client
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks import budget
from benchmarks.api import Call
from benchmarks.bench import Bench
from benchmarks.figures import ROOT, Figure
from benchmarks.household import sign_in
from benchmarks.kernel_counters import OURS, Look, Memory, look, memory
from benchmarks.trial import Trial, disk, running_trial
from benchmarks.wal_pages import WAL_BYTES_PER_PAGE, WalPages, Written

_REQUESTS = 200
#: The load's own writes come to rest, and what comes once after a start is over: the first look at the inbox.
_SETTLE_S = 90
_LOOK_S = 60
_TOLD_EVERY_LOOKS = 10
_DAY_S, _HOUR_S = 86400, 3600
_PATHS = (
    "/",
    "/live/",
    "/api/energy/current",
    "/api/nas/status",
    "/api/pihole/status",
    "/api/system/status",
)
#: A release is compiled when it is made: what a process compiles itself stays in its memory.
_COMPILED = ("balupi_site", "energy", "handshake", "nasctl", "pihole")
_KERNEL = "/proc of the processes, children that they ran and waited for included"


def footprint(bench: Bench) -> Iterator[Figure]:
    """Load a trial, then leave it alone; an interrupt ends the idle time and tells what there is."""
    for name in _COMPILED:
        compileall.compile_dir(ROOT / name, quiet=2)
    minutes = 1.0 if bench.is_quick else bench.minutes
    with (
        disk(bench.folder) as (mount, device),
        running_trial(
            mount / "data", bench.folder / "footprint.log", budget.unit_environment()
        ) as (trial, root_pid),
    ):
        database = trial.data_dir / "balupi.sqlite3"
        bench.say(f"{_REQUESTS} requests")
        _load(trial)
        trial.manage("backup")
        _grow_log(database)
        after_load = memory(root_pid)
        time.sleep(0 if bench.is_quick else _SETTLE_S)
        start, pages = look(root_pid, device), WalPages(database)
        pages.start()
        bench.say(f"{minutes:g} idle minutes")
        highest_mib = _rest(bench, root_pid, minutes * 60)
        end, after_idle = look(root_pid, device), memory(root_pid)
        yield from _memory_figures(
            after_load, after_idle, highest_mib, (end.at_s - start.at_s) / 60
        )
        yield from _work_figures(start, end)
        yield from _written_figures(start, end, pages.figures())


def _rest(bench: Bench, root_pid: int, seconds: float) -> dict[str, float]:
    """Wait, looking at the memory each minute; return the highest PSS of each process, MiB."""
    highest_mib: dict[str, float] = {}
    end_s, number = time.monotonic() + seconds, 0
    try:
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LOOK_S))
            found, number = memory(root_pid).pss, number + 1
            for name, size_mib in found.items():
                highest_mib[name] = max(size_mib, highest_mib.get(name, 0.0))
            if number % _TOLD_EVERY_LOOKS == 0:
                bench.say(
                    f"{sum(found.values()):.1f} MiB, {max(left_s - _LOOK_S, 0) / 60:.0f} minutes left"
                )
    except KeyboardInterrupt:
        bench.say("interrupted; these are the figures so far")
    return highest_mib


def _memory_figures(
    after_load: Memory, after_idle: Memory, highest_mib: Mapping[str, float], minutes: float
) -> Iterator[Figure]:
    psycopg = "; psycopg is loaded, which a Pi with SQLite has not" if find_spec("psycopg") else ""
    how = f"Proportional set size (smaps_rollup), the files' pages shared with what else runs here{psycopg}."
    yield from _row(f"PSS after {_REQUESTS} requests", after_load.pss, budget.PSS_MIB, "MiB", how)
    name = f"PSS after {minutes:.0f} idle minutes"
    yield from _row(name, after_idle.pss, budget.PSS_MIB, "MiB", how)
    how = f"The part of it that is no file's, nobody else's{psycopg}."
    yield from _row("of it anonymous", after_idle.anonymous, budget.ANONYMOUS_MIB, "MiB", how)
    how = f"{budget.LIMIT_FACTOR:g} times the highest PSS here or ever, and what its unit has."
    for process, size_mib in highest_mib.items():
        needed_mib = budget.needed_memory_max_mib(process, size_mib)
        yield Figure("MemoryMax must be", process, needed_mib, "MiB", how)
        yield Figure("MemoryMax is", process, budget.memory_max_mib(process), "MiB", how)


def _work_figures(start: Look, end: Look) -> Iterator[Figure]:
    per_hour = _HOUR_S / (end.at_s - start.at_s)
    restarted = [name for name in OURS if start.pids[name] != end.pids[name]]
    note = (
        f"; {', '.join(restarted)} was started again meanwhile, so not right" if restarted else ""
    )
    spent_s = {name: (end.cpu_s[name] - start.cpu_s[name]) * per_hour for name in OURS}
    yield from _row("CPU of an idle hour", spent_s, budget.CPU_S_PER_HOUR, "s", f"{_KERNEL}{note}.")


def _written_figures(start: Look, end: Look, database: Written) -> Iterator[Figure]:
    per_day = _DAY_S / (end.at_s - start.at_s)
    bytes_by_name = {
        name: end.written_bytes[name] - start.written_bytes[name] for name in start.written_bytes
    }
    written = {name: bytes_by_name[name] * per_day / 1e6 for name in OURS}
    how = "/proc/<pid>/io: what they hand to the kernel."
    yield from _row("written a day", written, budget.PROC_IO_MB_PER_DAY, "MB", how)
    how = "The block layer of an ext4 of its own, synced before it is read."
    if start.block_bytes is not None and end.block_bytes is not None:
        block = (end.block_bytes - start.block_bytes) * per_day / 1e6
        name, limit = "reaches the card a day", budget.BLOCK_MB_PER_DAY[budget.TOGETHER]
        yield Figure(name, budget.TOGETHER, round(block, 1), "MB", how)
        yield Figure(name, "budget", limit, "MB", how)
    how = "Pages of SQLite's log, by table and index."
    for name, count in database.pages.most_common(8):
        size_mb = count * WAL_BYTES_PER_PAGE * per_day / 1e6
        yield Figure(f"of it {name}", budget.TOGETHER, round(size_mb, 2), "MB", how)


def _row(
    name: str, values: Mapping[str, float], limits: Mapping[str, float], unit: str, how: str
) -> Iterator[Figure]:
    """Return a line of the table: each process, all together, what they may be together."""
    ours = {process: values[process] for process in OURS}
    for process, value in {**ours, budget.TOGETHER: sum(ours.values())}.items():
        yield Figure(name, process, round(value, 2), unit, how)
    yield Figure(name, "budget", limits[budget.TOGETHER], unit, how)


def _load(trial: Trial) -> None:
    site = sign_in(trial)
    for number in range(_REQUESTS):
        answer = site.ask(Call("", _PATHS[number % len(_PATHS)]))
        if answer.status >= http.client.INTERNAL_SERVER_ERROR:
            sys.exit(f"{_PATHS[number % len(_PATHS)]} answered {answer.status}")
    site.close()


def _grow_log(database: Path) -> None:
    """Fill the log once, as some hours would; it is then written from its start and grows no more."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("CREATE TABLE filling (content BLOB)")
        connection.execute("INSERT INTO filling VALUES (zeroblob(?))", [1100 * 4096])
        connection.commit()  # beyond 1,000 pages SQLite moves them to the database
        connection.execute("DROP TABLE filling")
        connection.commit()
