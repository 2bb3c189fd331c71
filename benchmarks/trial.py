"""A trial of BaluPi with a simulated home, on a disk of its own where we may make one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
#: A machine with other work to do may be too slow for the trial's own deadlines.
_TRIES = 3
_START_S = 600
_STOP_S = 120


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[tuple[Path, str | None]]:
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
        subprocess.run(["umount", "--lazy", str(mount)], check=True)


@contextlib.contextmanager
def trial(
    data_dir: Path, port: int, environment: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Run a trial until its three plugs live; yields its try.json and its root process.

    Args:
        data_dir: where it keeps everything; made if it is not there.
        port: of its page.
        environment: set for all processes of it.
    """
    log_path = data_dir.parent.parent / "trial.log"
    changes = {"BALUPI_DATA_DIR": str(data_dir), "BALUPI_PORT": str(port), **environment}
    for number in range(1, _TRIES + 1):
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "deploy" / "try.py")],
                env={**os.environ, **changes},
                stdout=log,
                stderr=log,
            )
        try:
            if _has_started(process, log_path):
                yield json.loads((data_dir / "try.json").read_text()), process.pid
                return
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_STOP_S)
        print(f"The trial did not start, attempt {number} of {_TRIES}.", flush=True)
    sys.exit("The trial did not start:\n" + log_path.read_text(errors="replace")[-3000:])


def _has_started(process: subprocess.Popen[bytes], log_path: Path) -> bool:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s:
        said = log_path.read_bytes()
        if b"BaluPi is running" in said:
            return True
        if process.poll() is not None or b"Gave up waiting" in said:
            return False
        time.sleep(0.5)
    return False
