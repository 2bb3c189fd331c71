#!/usr/bin/env python3
"""Measure what BaluPi costs a small computer: memory, CPU while idle, bytes written.

Starts a trial of its own (deploy/try.sh's machinery: real web, worker and Redis, three simulated
plugs), loads it, leaves it idle and reads the kernel's counters. The simulated home and the
supervisor are not counted; on the Pi there are real plugs and systemd.

    .venv/bin/python benchmarks/footprint.py --minutes 10 [--json FILE]

As root the data directory lies on an ext4 file system of its own (a loop device), whose block layer
counts every byte that would reach the SD card. Otherwise only /proc/<pid>/io is read. The block layer
counts the simulated home's and the supervisor's files too; the table of where the bytes go tells how
much that is: pages of the database by table, files that changed, commits of ext4's journal. Before
it counts, SQLite's log is brought to the size that it has from the first hours on; while a file grows,
ext4 writes about 100 kB more each time.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.wal_pages import WAL_BYTES_PER_PAGE, WalPages  # noqa: E402  # found by the line above

#: Ours: everything that also runs on the Pi. The rest of the tree is the simulated home.
OURS = {"redis": "redis-server", "web": "run_web", "worker": "run_worker"}
OTHERS = "simulated home"
SECTOR_BYTES = 512  # of /sys/block/*/stat, whatever the device's own size
LOAD_REQUESTS = 200
PAGES = (
    "/",
    "/live/",
    "/api/energy/current",
    "/api/nas/status",
    "/api/pihole/status",
    "/api/system/status",
)


@dataclass
class Look:
    """The kernel's counters of one moment."""

    pss_mib: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    written_bytes: dict[str, int] = field(default_factory=dict)
    block_bytes: int | None = None
    journal_commits: int | None = None
    at_s: float = 0.0


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="length of the idle phase (10)")
    parser.add_argument("--port", type=int, default=8900, help="port of the trial (8900)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="balupi-bench-") as folder,
        _disk(Path(folder)) as (disk, device),
        _trial(disk / "data", options.port) as (trial, root_pid),
    ):
        figures = _measure(trial, root_pid, device, options.minutes)
    print(_table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Mount an ext4 of our own where we may; yields the place and the loop device's name."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        yield folder, None
        return
    image, mount = folder / "card.img", folder / "card"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    if subprocess.run(
        ["mount", "-o", "loop,noatime", str(image), str(mount)], check=False
    ).returncode:
        yield folder, None
        return
    source = next(
        part.device for part in psutil.disk_partitions(all=True) if part.mountpoint == str(mount)
    )
    try:
        yield mount, Path(source).name
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@contextlib.contextmanager
def _trial(data_dir: Path, port: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Run a trial until its three plugs live; yields its try.json and its root process."""
    environment = {**os.environ, "BALUPI_DATA_DIR": str(data_dir), "BALUPI_PORT": str(port)}
    log_path = data_dir.parent.parent / "trial.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "deploy" / "try.py")],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            deadline_s = time.monotonic() + 180
            while b"BaluPi is running" not in log_path.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    sys.exit(
                        "The trial did not start:\n" + log_path.read_text(errors="replace")[-3000:]
                    )
                time.sleep(0.5)
            yield json.loads((data_dir / "try.json").read_text()), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _measure(
    trial: dict[str, Any], root_pid: int, device: str | None, minutes: float
) -> dict[str, Any]:
    data_dir = Path(trial["data_dir"])
    _load(trial)
    _grow_log(data_dir / "balupi.sqlite3")
    after_load = _look(root_pid, device)
    print(f"Loaded with {LOAD_REQUESTS} requests; idle for {minutes:g} minutes now.", flush=True)
    time.sleep(30)  # let the load's own writes and threads settle
    start = _look(root_pid, device)
    began_at = time.time()
    pages = WalPages(data_dir / "balupi.sqlite3")
    pages.start()
    time.sleep(minutes * 60)
    end = _look(root_pid, device)
    database = pages.figures()
    elapsed_s = end.at_s - start.at_s
    per_day = 86400 / elapsed_s
    return {
        "machine": f"{platform.machine()}, {_cpu_name()}, Python {platform.python_version()}",
        "idle_minutes": round(elapsed_s / 60, 2),
        "pss_mib_after_load": _rounded(after_load.pss_mib),
        "pss_mib_after_idle": _rounded(end.pss_mib),
        "cpu_s_per_10_min": _rounded(
            {name: (end.cpu_s[name] - start.cpu_s[name]) * 600 / elapsed_s for name in end.cpu_s}, 2
        ),
        "mb_per_day_proc_io": _rounded(
            {
                name: (end.written_bytes[name] - start.written_bytes[name]) * per_day / 1e6
                for name in OURS
            }
        ),
        "where_bytes_go": {
            "mb_per_day_proc_io_of_the_simulated_home": round(
                (end.written_bytes[OTHERS] - start.written_bytes[OTHERS]) * per_day / 1e6, 1
            ),
            "database_commits_per_hour": round(database.commits * 3600 / elapsed_s, 1),
            "database_mb_per_day": {
                name: round(count * WAL_BYTES_PER_PAGE * per_day / 1e6, 2)
                for name, count in database.pages.most_common()
            },
            "journal_commits_per_hour": None
            if start.journal_commits is None or end.journal_commits is None
            else round((end.journal_commits - start.journal_commits) * 3600 / elapsed_s, 1),
            "files": _files_since(data_dir, began_at),
        },
        "mb_per_day_block": None
        if start.block_bytes is None or end.block_bytes is None
        else round((end.block_bytes - start.block_bytes) * per_day / 1e6, 1),
        "looks": [asdict(after_load), asdict(start), asdict(end)],
    }


def _load(trial: dict[str, Any]) -> None:
    token = base64.b64encode(f"{trial['user']}:{trial['password']}".encode()).decode()
    host = trial["url"].removeprefix("http://")
    for number in range(LOAD_REQUESTS):
        connection = http.client.HTTPConnection(host, timeout=30)
        with contextlib.closing(connection):
            connection.request(
                "GET", PAGES[number % len(PAGES)], headers={"Authorization": f"Basic {token}"}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status >= http.client.INTERNAL_SERVER_ERROR:
                sys.exit(f"{PAGES[number % len(PAGES)]} answered {answer.status}")


def _grow_log(database: Path) -> None:
    """Fill the log once, as some hours would; it is then written from its start and grows no more."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("CREATE TABLE filling (content BLOB)")
        connection.execute("INSERT INTO filling VALUES (zeroblob(?))", [1100 * 4096])
        connection.commit()  # beyond 1,000 pages SQLite moves them to the database
        connection.execute("DROP TABLE filling")
        connection.commit()


def _look(root_pid: int, device: str | None) -> Look:
    """Read all counters; our processes are found below the trial's root process."""
    if device:
        os.sync()  # what waits in the page cache would be written sooner or later
    look = Look(
        at_s=time.monotonic(),
        block_bytes=_block_bytes(device),
        journal_commits=_journal_commits(device),
    )
    look.written_bytes[OTHERS] = 0
    for process in psutil.Process(root_pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a short one of the simulated home
            _add(look, process)
    missing = OURS.keys() - look.pss_mib.keys()
    if missing:
        sys.exit(f"not running: {', '.join(sorted(missing))}")
    return look


def _add(look: Look, process: psutil.Process) -> None:
    command = " ".join(process.cmdline())
    written_bytes = process.io_counters().write_bytes
    for name, mark in OURS.items():
        if mark in command:
            times = process.cpu_times()
            look.pss_mib[name] = process.memory_full_info().pss / (1 << 20)
            look.cpu_s[name] = times.user + times.system
            look.written_bytes[name] = written_bytes
            return
    look.written_bytes[OTHERS] += written_bytes


def _journal_commits(device: str | None) -> int | None:
    """Return how often ext4 has committed its journal: some 16 kB each, however little changed."""
    for info in Path("/proc/fs/jbd2").glob(f"{device}-*/info") if device else ():
        return int(info.read_text().split()[0])
    return None


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


def _block_bytes(device: str | None) -> int | None:
    if device is None:
        return None
    return int(Path(f"/sys/block/{device}/stat").read_text().split()[6]) * SECTOR_BYTES


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown CPU"


def _rounded(values: dict[str, float], digits: int = 1) -> dict[str, float]:
    return {name: round(values[name], digits) for name in OURS} | {
        "total": round(sum(values.values()), digits)
    }


def _table(figures: dict[str, Any]) -> str:
    rows = [
        ("PSS after load, MiB", figures["pss_mib_after_load"]),
        (f"PSS after {figures['idle_minutes']:g} idle minutes, MiB", figures["pss_mib_after_idle"]),
        ("CPU seconds per 10 idle minutes", figures["cpu_s_per_10_min"]),
        ("MB written per day, /proc/<pid>/io", figures["mb_per_day_proc_io"]),
    ]
    lines = [f"| {figures['machine']} | redis | web | worker | together |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {v['redis']} | {v['web']} | {v['worker']} | **{v['total']}** |"
        for name, v in rows
    ]
    block = figures["mb_per_day_block"]
    lines.append(
        f"| MB written per day, block level | | | | **{'not measured' if block is None else block}** |"
    )
    lines += ["", "Where the bytes go:", json.dumps(figures["where_bytes_go"], indent=2)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
