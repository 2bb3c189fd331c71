"""The benchmarks run, say how each figure was taken, and leave nothing behind; no figure is judged."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.servers import TOKEN, above_noise, noise_of
from tests.conftest import ROOT, Trial

COMMAND = [sys.executable, "-m", "benchmarks"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for temporary files; not deep, for a socket's path is short."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def measured(folder: Path, *options: str, **variables: str) -> dict[str, list[dict[str, Any]]]:
    """Run the command; the figures of each part, that it has told as a table, too."""
    done = subprocess.run(  # noqa: S603
        [*COMMAND, "--quick", *options, "--json", str(folder / "figures.json")],
        env={**os.environ, "TMPDIR": str(folder), **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    parts: dict[str, list[dict[str, Any]]] = json.loads((folder / "figures.json").read_text())[
        "parts"
    ]
    for part, figures in parts.items():
        assert f"## {part}" in done.stdout
        for figure in figures:
            assert figure["how"] in done.stdout
            assert f"| {figure['name']} |" in done.stdout
    (folder / "figures.json").unlink()
    assert list(folder.iterdir()) == []
    return parts


def values(figures: list[dict[str, Any]], what: str) -> dict[str, float]:
    return {it["name"]: it["value"] for it in figures if it["what"] == what}


def test_polling_and_storing_are_measured_and_nothing_is_left(folder: Path) -> None:
    parts = measured(folder, "--only", "sweep", "storing")
    assert values(parts["sweep"], "fewest that answered") == {"3 plugs": 3, "100 plugs": 100}
    assert values(parts["storing"], "SQL of it")["3 plugs"] > 1


def test_an_interrupted_run_leaves_nothing(folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603
        [*COMMAND, "--only", "sweep"],
        env={**os.environ, "TMPDIR": str(folder)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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


@pytest.mark.household
@pytest.mark.enable_socket
def test_the_calls_of_a_running_trial_are_measured_with_their_sql(
    trial: Trial, folder: Path
) -> None:
    options = ["--trial", str(trial.data_dir), "--only", "calls", "--match", "/energy/cu"]
    figures = measured(folder, *options)["calls"]
    assert values(figures, "status") == {"/api/energy/current": 200}
    assert values(figures, "SQL")["/api/energy/current"] > 1
    assert values(figures, "8 at once")["/api/energy/current"] > 0


@pytest.mark.household
@pytest.mark.enable_socket
def test_a_server_against_itself_answers_each_call_alike(trial: Trial, folder: Path) -> None:
    url = trial.facts["url"]
    token = trial.manage("createtoken", trial.facts["user"], "--days", "1").stdout.strip()
    options = ["--server", url, "--against", url, "--match", "/tapo/"]
    figures = measured(folder, *options, **{TOKEN: token})["servers"]
    assert set(values(figures, "same status").values()) == {1}
    assert set(values(figures, "A")) == {"/api/tapo/devices", "/api/tapo/devices/{device_id}"}


def test_a_difference_is_told_only_above_the_noise() -> None:
    chance = random.Random(1)
    times_s = [0.1 * chance.uniform(0.8, 1.6) for _ in range(40)]
    noise = noise_of(times_s)
    assert 1.03 < noise < 1.6
    assert above_noise(noise * 0.99, noise) == above_noise(1 / noise * 1.01, noise) == 1
    assert above_noise(2.0, noise) == 2
    assert above_noise(0.5, noise) == 0.5
    assert noise_of([0.1] * 40) == 1
