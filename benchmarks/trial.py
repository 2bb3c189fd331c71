"""A trial of BaluPi with a simulated home (deploy/try.sh): started, or one that runs already."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import ROOT

#: A machine with other work to do may be too slow for the trial's own deadlines.
_TRIES = 3
_START_S = 600
_STOP_S = 120
#: How long anything that is to happen in it is waited for.
GIVE_UP_S = 180.0
#: How far ahead of the clock a call may be signed; half of what is believed.
_AHEAD_S = 30.0


class Trial:
    """A running trial: its addresses, its programs and its simulated home."""

    def __init__(self, data_dir: Path) -> None:
        self.facts: dict[str, Any] = json.loads((data_dir / "try.json").read_text())
        self._last_second = 0

    @property
    def url(self) -> str:
        """Where its page is."""
        return str(self.facts["url"])

    @property
    def data_dir(self) -> Path:
        """Where its database lies."""
        return Path(self.facts["data_dir"])

    def simhome(self, *words: str) -> dict[str, Any]:
        """Run one control command of the simulated home; return its JSON."""
        answer: dict[str, Any] = json.loads(self.run([*self.facts["simhome"], *words]))
        return answer

    def nas(self) -> dict[str, Any]:
        """Return the truth about the simulated NAS."""
        truth: dict[str, Any] = self.simhome("status")["nas"]
        return truth

    def manage(self, *words: str) -> str:
        """Run a management command; return what it prints."""
        return self.run([*self.facts["manage"], *words])

    def supervisor(self, *words: str) -> str:
        """Start or stop programs, or ask about them; return what supervisorctl says."""
        return self.run([*self.facts["supervisorctl"], *words])

    def pid(self, program: str) -> int:
        """Return the process id of a program that runs."""
        return int(self.supervisor("pid", program))

    def run(self, command: list[str]) -> str:
        """Run a program with the trial's settings; return what it prints, exit where it fails."""
        environment = {**os.environ, "BALUPI_ENV_FILE": self.facts["env_file"]}
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(command[-3:])} failed: {done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def stopped(self, program: str) -> Iterator[None]:
        """Have a program not be there meanwhile."""
        self.supervisor("stop", program)
        try:
            yield
        finally:
            self.supervisor("start", program)

    @contextlib.contextmanager
    def hung(self, program: str) -> Iterator[None]:
        """Have a program stand still meanwhile."""
        pid = self.pid(program)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def unused_second(self) -> int:
        """Return the time of a signed call; the same call in the same second would be a replay.

        Waits where it would be too far ahead of the clock to be believed (60 s).
        """
        self._last_second = max(int(time.time()), self._last_second + 1)
        time.sleep(max(0.0, self._last_second - time.time() - _AHEAD_S))
        return self._last_second

    def wait_until_awake(self) -> None:
        """Wait until BaluPi takes the NAS for awake."""
        told = "state      online"
        wait_for(lambda: told in self.manage("nas_status"), "the NAS is seen awake", every_s=1)

    def first_good_answer(self) -> float:
        """Return the wall time since when the NAS can give a good answer; waits for it."""
        at = wait_for(lambda: self.nas()["first_good_answer_at"], "the simulated NAS comes back")
        return dt.datetime.fromisoformat(at).timestamp()


def wait_for(look: Callable[[], Any], what: str, *, every_s: float = 0.2) -> Any:  # noqa: ANN401
    """Return what ``look`` returns as soon as it is true; exit where that never happens."""
    end_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < end_s:
        with contextlib.suppress(OSError):
            if found := look():
                return found
        time.sleep(every_s)
    sys.exit(f"Not within {GIVE_UP_S:g} s: {what}.")


def free_port() -> int:
    """Return a TCP port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_trial(
    data_dir: Path, log_path: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Trial, int]]:
    """Run a trial until its three plugs live; yields it and its root process.

    Args:
        data_dir: where it keeps everything; made if it is not there.
        log_path: for what its programs say; may lie on another disk.
        environment: set for all processes of it.
    """
    for number in range(1, _TRIES + 1):
        changes = {"BALUPI_DATA_DIR": str(data_dir), "BALUPI_PORT": str(free_port())}
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "deploy" / "try.py")],
                env={**os.environ, **changes, **(environment or {})},
                stdout=log,
                stderr=log,
            )
        try:
            if _has_started(process, log_path):
                yield Trial(data_dir), process.pid
                return
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_STOP_S)
        print(f"The trial did not start, attempt {number} of {_TRIES}.", file=sys.stderr)
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
    command = ["mount", "-o", "loop,noatime", str(image), str(mount)]
    if subprocess.run(command, check=False).returncode:
        yield folder, None
        return
    partitions = psutil.disk_partitions(all=True)
    source = next(part.device for part in partitions if part.mountpoint == str(mount))
    try:
        yield mount, Path(source).name
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=True)
