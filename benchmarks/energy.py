#!/usr/bin/env python3
"""Measure energy's answers, its roll-ups and the poll of many plugs.

Each part runs in a process of its own with the product's settings, in a temporary data directory
with a database file and a Redis of its own; nothing leaves this machine and nothing is left behind.

    .venv/bin/python benchmarks/energy.py [--only calls many rollup poll] [--json FILE]

calls   a year of a household: every answer of the API and the page, median and p99
many    the same with 100 plugs
rollup  storing and rolling up an hour of 1,000 plugs
poll    reading 1,000 simulated plugs through the real python-kasa, on one core
"""

# what needs Django is imported where a part has set it up

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
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

from benchmarks import plug_farm  # noqa: E402  # found by the line above
from benchmarks.energy_calls import calls, many  # noqa: E402
from benchmarks.energy_plugs import PAUSE_S, poll, rollup  # noqa: E402

#: How the figures of each part were taken.
PARTS = {
    "calls": (
        "Through Django's test client with a login by session: the whole product but the web server's own "
        "work and the check of a password. The clock stands still (time_machine). Two rounds to warm up; "
        "wall time; queries and grown memory (VmHWM) of one more round, peak memory by tracemalloc of "
        "another. Redis holds the latest readings and 9 waiting samples per plug."
    ),
    "many": "As calls, with a tenth of the rounds.",
    "rollup": (
        "The product's own functions: each reading is put into the buffer (Redis and memory), "
        "store_samples moves a burst of 10 per plug, 12 bursts make the hour. Then its rows are deleted "
        "and roll_up makes them again from all of its samples. Wall time, one process."
    ),
    "poll": (
        "energy.plug_pool.PlugPool with python-kasa in a process that may use one core only; the "
        "simulated plugs are another process on another core, where there is one. CPU by process_time: "
        "all threads of the poller. Sweeps at once after another keep their TCP connections; those after "
        "a pause open them anew, as at the product's interval. That sessions are kept is counted by the "
        "plugs: a handshake each, in all."
    ),
}


def main() -> int:
    """Run the parts and print their tables."""
    options = _options()
    if options.part:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        figures = {"calls": calls, "many": many, "rollup": rollup, "poll": poll}[options.part]
        print(json.dumps(figures(options)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found: dict[str, Any] = {"machine": _machine(), "parts": {}}
    for part in options.only:
        found["parts"][part] = {"how": PARTS[part], **_run_part(part)}
        print(_table(part, found["parts"][part]), flush=True)
    print(f"\nMeasured on {found['machine']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--rounds", type=_positive, default=200, help="of each call (200)")
    parser.add_argument("--plugs", type=_positive, default=3, help="of the household (3)")
    parser.add_argument("--days", type=_positive, default=365, help="of its history (365)")
    parser.add_argument("--many", type=_positive, default=100, help="plugs of the part many (100)")
    parser.add_argument(
        "--crowd", type=_positive, default=1000, help="plugs of rollup and poll (1000)"
    )
    parser.add_argument(
        "--pause", type=float, default=PAUSE_S, help="seconds between the last sweeps (20)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="only see that it runs: each call once, no memory"
    )
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _run_part(part: str) -> dict[str, Any]:
    """Measure a part in a process of its own and clear up behind it."""
    with (
        tempfile.TemporaryDirectory(prefix="balupi-energy-") as folder,
        _redis(Path(folder)) as url,
    ):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
        environment = {
            **ours,
            "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
            "BALUPI_ENV_FILE": os.devnull,
            "BALUPI_MODE": "dev",
            "BALUPI_PROCESS": "web" if part in ("calls", "many") else "worker",
            "BALUPI_DATA_DIR": f"{folder}/data",
            "BALUPI_REDIS_URL": url,
            "BALUPI_LOG_LEVEL": "ERROR",
            "BALUPI_TAPO_USERNAME": plug_farm.USERNAME,
            "BALUPI_TAPO_PASSWORD": plug_farm.PASSWORD,
        }
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--part", part]
        # A session of its own: an interrupt from the keyboard is ours, and we end it in order.
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, start_new_session=True, text=True
        ) as process:
            try:
                output, _nothing = process.communicate()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait(timeout=60)
        if process.returncode:
            sys.exit(f"The part {part} ended with {process.returncode}; its words are above.")
        figures: dict[str, Any] = json.loads(output)
        return figures


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """Run a Redis on a unix socket; yields its URL."""
    socket_path = folder / "redis.sock"
    limits = ["--save", "", "--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket_path), *limits]
    with subprocess.Popen(
        [*command, "--dir", str(folder)], stdout=subprocess.DEVNULL, start_new_session=True
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


def _table(part: str, figures: dict[str, Any]) -> str:
    lines = [f"\n## {part}", figures["how"], ""]
    if "calls" not in figures:
        rest = {name: value for name, value in figures.items() if name != "how"}
        return "\n".join([*lines, *_flat_rows(rest)])
    lines += [json.dumps(figures["data"]), ""]
    columns = {
        "name": "call", "rounds": "rounds", "median_ms": "median ms", "p99_ms": "p99 ms",
        "first_row_ms": "first row ms", "queries": "queries", "bytes": "bytes",
        "peak_kib": "peak KiB", "grown_kib": "grown KiB",
    }  # fmt: skip
    lines += [f"| {' | '.join(columns.values())} |", "|---" * len(columns) + "|"]
    for row in figures["calls"]:
        refused = "" if row["status"] == 200 else " (refused: too many rows)"  # noqa: PLR2004
        cells = [row["name"] + refused, *(row[name] for name in list(columns)[1:])]
        lines.append("| " + " | ".join("-" if cell is None else str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _flat_rows(figures: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat_rows(value, f"{path}{name}: ")
        elif name != "sweeps":
            yield f"| {path}{name} | {value} |"


def _machine() -> str:
    cpu = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
    return (
        f"{platform.machine()}, {cpu or 'unknown CPU'}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted; nothing is left behind.")
