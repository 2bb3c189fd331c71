#!/usr/bin/env python3
"""Measure what BaluPi costs a small computer: memory, CPU while idle, bytes written; and whether it may.

Starts a trial of its own (deploy/try.sh's machinery: real web, worker and Redis, three simulated
plugs, the environment of the systemd units), loads it, leaves it idle and reads the kernel's counters.
The simulated home and the supervisor are not counted; on the Pi there are real plugs and systemd.
They share Python's files with BaluPi, as does whatever else runs here, which makes PSS smaller than where
nobody does (by some 20 MiB, of pages that the kernel can drop); the anonymous part does not depend on it.
Run it with the packages of requirements-try.txt alone: others make the processes larger.

    .venv/bin/python benchmarks/footprint.py --minutes 60 [--json FILE]

Every ten minutes the table so far is printed and written to FILE, so that a run that is cut off has
figures. As root the data directory lies on an ext4 file system of its own (a loop device), whose block
layer counts every byte that would reach the SD card. Otherwise only /proc/<pid>/io is read. The block
layer counts the simulated home's and the supervisor's files too; the table of where the bytes go tells
how much that is: pages of the database by table, files that changed, commits of ext4's journal. Before
it counts, SQLite's log is brought to the size that it has from the first hours on; while a file grows,
ext4 writes about 100 kB more each time. The night's backup is made before, because what comes once a day
would count for each half hour of it: it adds about the size of the database to what the worker writes, of
which only the packed copy, a tenth, reaches the card (docs/backup.md).
"""

from __future__ import annotations

import argparse
import base64
import compileall
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import footprint_table as tables  # noqa: E402  # found by the line above
from benchmarks.budget import unit_environment  # noqa: E402
from benchmarks.kernel_counters import Memory, look, memory  # noqa: E402
from benchmarks.trial import disk, trial  # noqa: E402
from benchmarks.wal_pages import WalPages  # noqa: E402

LOAD_REQUESTS = 200
#: The load's own writes come to rest, and what comes once after a start is over: the first look at the inbox.
SETTLE_S = 90
CHECKPOINT_MINUTES = 10
LOOK_INTERVAL_S = 60
PAGES = (
    "/",
    "/live/",
    "/api/energy/current",
    "/api/nas/status",
    "/api/pihole/status",
    "/api/system/status",
)
#: A release is compiled when it is made: what a process compiles itself stays in its memory.
COMPILED = ("balupi_site", "energy", "handshake", "nasctl", "pihole")


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="length of the idle phase (10)")
    parser.add_argument("--port", type=int, default=8900, help="port of the trial (8900)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("cut off; the figures so far are above"))
    for name in COMPILED:
        compileall.compile_dir(ROOT / name, quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="balupi-bench-") as folder,
        disk(Path(folder)) as (mount, device),
        trial(mount / "data", options.port, unit_environment()) as (about, root_pid),
    ):
        measurement = Measurement(about, root_pid, device)
        for figures in measurement.run(options.minutes):
            print(tables.table(figures), flush=True)
            if options.json:
                options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


class Measurement:
    """One trial that is loaded, then left alone and looked at."""

    def __init__(self, about: dict[str, Any], root_pid: int, device: str | None) -> None:
        """Prepare to measure the trial that ``about`` (its try.json) describes."""
        self._about, self._root_pid, self._device = about, root_pid, device
        self._data_dir = Path(about["data_dir"])
        self._checkpoints: list[dict[str, Any]] = []
        self._highest_mib: dict[str, float] = {}

    def run(self, minutes: float) -> Iterator[dict[str, Any]]:
        """Measure, and yield the figures so far every ten minutes and at the end."""
        _load(self._about)
        _back_up(self._about)
        _grow_log(self._data_dir / "balupi.sqlite3")
        after_load = self._memory()
        print(
            f"Loaded with {LOAD_REQUESTS} requests; idle for {minutes:g} minutes now.", flush=True
        )
        time.sleep(SETTLE_S)
        start, began_at = look(self._root_pid, self._device), time.time()
        pages = WalPages(self._data_dir / "balupi.sqlite3")
        pages.start()
        for after_s in _moments(minutes * 60):
            self._wait_until(start.at_s + after_s)
            figures = tables.figures(
                start,
                look(self._root_pid, self._device),
                pages.so_far(),
                after_load=after_load,
                after_idle=self._memory(),
                highest_pss_mib=self._highest_mib,
                files=_files_since(self._data_dir, began_at),
            )
            self._checkpoints.append(tables.brief(figures))
            yield {**figures, "checkpoints": self._checkpoints}
        pages.end()

    def _wait_until(self, at_s: float) -> None:
        """Look at the memory each minute meanwhile."""
        while (left_s := at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_INTERVAL_S))
            self._memory()

    def _memory(self) -> Memory:
        found = memory(self._root_pid)
        for name, size_mib in found.pss.items():
            self._highest_mib[name] = max(size_mib, self._highest_mib.get(name, 0.0))
        return found


def _moments(total_s: float) -> list[float]:
    """Return when to tell the figures, in seconds from the start; the last one is the end."""
    step_s = CHECKPOINT_MINUTES * 60
    return [*(step_s * number for number in range(1, int((total_s - 1) // step_s) + 1)), total_s]


def _load(about: dict[str, Any]) -> None:
    token = base64.b64encode(f"{about['user']}:{about['password']}".encode()).decode()
    host = about["url"].removeprefix("http://")
    for number in range(LOAD_REQUESTS):
        connection = http.client.HTTPConnection(host, timeout=60)
        with contextlib.closing(connection):
            connection.request(
                "GET", PAGES[number % len(PAGES)], headers={"Authorization": f"Basic {token}"}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status >= http.client.INTERNAL_SERVER_ERROR:
                sys.exit(f"{PAGES[number % len(PAGES)]} answered {answer.status}")


def _back_up(about: dict[str, Any]) -> None:
    environment = {**os.environ, "BALUPI_ENV_FILE": about["env_file"]}
    done = subprocess.run(
        [*about["manage"], "backup"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"The backup failed: {done.stderr}")


def _grow_log(database: Path) -> None:
    """Fill the log once, as some hours would; it is then written from its start and grows no more."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("CREATE TABLE filling (content BLOB)")
        connection.execute("INSERT INTO filling VALUES (zeroblob(?))", [1100 * 4096])
        connection.commit()  # beyond 1,000 pages SQLite moves them to the database
        connection.execute("DROP TABLE filling")
        connection.commit()


def _files_since(folder: Path, began_at: float) -> dict[str, str]:
    """Return the files that were written since then, and how long ago that was."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if path.is_file() and status.st_mtime > began_at:
                name = str(path.relative_to(folder))
                found[name] = f"{status.st_size} bytes, {time.time() - status.st_mtime:.0f} s ago"
    return found


if __name__ == "__main__":
    sys.exit(main())
