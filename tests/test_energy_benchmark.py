"""The benchmark of energy runs, all parts of it, and leaves nothing behind; its figures are not judged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, str(ROOT / "benchmarks" / "energy.py")]
TINY = ["--quick", "--plugs=1", "--days=1", "--many=2", "--crowd=2", "--pause=0"]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment whose temporary files lie there; not deep, for a socket's path is short."""
    return {**os.environ, "TMPDIR": str(folder), "BALUPI_REDIS_URL": "redis://127.0.0.1:1/0"}


def measured(folder: Path, *options: str) -> dict[str, Any]:
    """Run it; what it wrote."""
    file = folder / "figures.json"
    command = [*COMMAND, *TINY, *options, "--json", str(file)]
    done = subprocess.run(  # noqa: S603
        command, env=environment(folder), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(file.read_text())
    file.unlink()
    for part in figures["parts"].values():
        assert part["how"] in done.stdout
    return figures


@pytest.fixture
def folder() -> Any:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def test_each_answer_is_measured_and_nothing_is_left(folder: Path) -> None:
    part = measured(folder, "--only", "calls")["parts"]["calls"]
    assert {row["name"] for row in part["calls"]} >= {"current", "costs year, house", "page"}
    assert {row["status"] for row in part["calls"]} == {200}
    assert all(row["queries"] > 1 and row["bytes"] > 1 for row in part["calls"])
    assert part["data"]["bytes"] > part["data"]["bytes_without_samples"]
    assert list(folder.iterdir()) == []


def test_storing_and_polling_are_measured(folder: Path) -> None:
    parts = measured(folder, "--only", "rollup", "poll")["parts"]
    assert parts["rollup"]["2 plugs"]["samples"] == 240
    assert parts["poll"]["sweeps_at_once"]["fewest_answered"] == 2
    assert list(folder.iterdir()) == []


def test_an_interrupted_run_leaves_nothing(folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603
        [*COMMAND, "--only", "poll", "--pause=60", "--crowd=2"],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        # A run of these tests in the background may have been told to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads
    ) as process:
        family = _wait_for_family(process.pid, 4)  # Redis, the poller, its plugs and it itself
        process.send_signal(signal.SIGINT)
        process.wait(30)
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert list(folder.iterdir()) == []


def _wait_for_family(pid: int, size: int) -> list[psutil.Process]:
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        if len(family) >= size:
            return family
        time.sleep(0.05)
    pytest.fail("its processes did not start")
