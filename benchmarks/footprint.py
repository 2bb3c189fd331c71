#!/usr/bin/env python3
"""Measure what BaluPi costs a small computer: memory, CPU while idle, bytes written.

Starts a trial of its own (deploy/try.sh's machinery: real web, worker and Redis, three simulated
plugs), loads it, leaves it idle and reads the kernel's counters. The simulated home and the
supervisor are not counted; on the Pi there are real plugs and systemd.

    .venv/bin/python benchmarks/footprint.py --minutes 10 [--json FILE]

As root the data directory lies on an ext4 file system of its own (a loop device), whose block layer
counts every byte that would reach the SD card. Otherwise only /proc/<pid>/io is read.
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
#: Ours: everything that also runs on the Pi. The rest of the tree is the simulated home.
OURS = {"redis": "redis-server", "web": "run_web", "worker": "run_worker"}
SECTOR_BYTES = 512  # of /sys/block/*/stat, whatever the device's own size
LOAD_REQUESTS = 200
PAGES = (
    "/",
    "/live",
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
    _load(trial)
    after_load = _look(root_pid, device)
    print(f"Loaded with {LOAD_REQUESTS} requests; idle for {minutes:g} minutes now.", flush=True)
    time.sleep(30)  # let the load's own writes and threads settle
    start = _look(root_pid, device)
    time.sleep(minutes * 60)
    end = _look(root_pid, device)
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
                for name in end.written_bytes
            }
        ),
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


def _look(root_pid: int, device: str | None) -> Look:
    """Read all counters; our processes are found below the trial's root process."""
    if device:
        os.sync()  # what waits in the page cache would be written sooner or later
    look = Look(at_s=time.monotonic(), block_bytes=_block_bytes(device))
    for process in psutil.Process(root_pid).children(recursive=True):
        command = " ".join(process.cmdline())
        for name, mark in OURS.items():
            if mark in command:
                times = process.cpu_times()
                look.pss_mib[name] = process.memory_full_info().pss / (1 << 20)
                look.cpu_s[name] = times.user + times.system
                look.written_bytes[name] = process.io_counters().write_bytes
    missing = OURS.keys() - look.pss_mib.keys()
    if missing:
        sys.exit(f"not running: {', '.join(sorted(missing))}")
    return look


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
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
