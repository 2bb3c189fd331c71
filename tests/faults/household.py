"""The household under test: its processes, its simulated devices, its clock and its disk."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.kernel_counters import OURS
from simhome.control_client import ask
from tests.conftest import ROOT, Trial, running_trial
from tests.faults.checks.processes import Usage
from tests.faults.checks.windows import Window

#: Shorter than in a household, so that a run of minutes has figures to compare.
SAMPLE_INTERVAL_S = 10
FLUSH_INTERVAL_S = 20
_DISK_BYTES = 256 * 1024 * 1024
_STOPPED = ("off", "crashed", "suspended")


@dataclass
class Household:
    """A running trial and everything that can be done to it.

    Attributes:
        windows: what the faults announce, by what is disturbed: "names" (Pi-hole's resolver does
            not answer), "foreign" (somebody else writes our names), "plug NAME" and "plugs" (nothing
            can be measured), "silent NAME" (the plug says nothing), "clock" (the hours to which a
            wrong clock moved what was measured).
    """

    trial: Trial
    clock: Path
    can_fill_disk: bool
    windows: dict[str, list[Window]] = field(default_factory=dict)
    moved_plugs: int = 0
    _ballast: Path | None = None
    _lock: sqlite3.Connection | None = None
    _stopped: dict[str, int] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What try.json says."""
        return self.trial.facts

    # The simulated devices

    def nas(self, action: str, **options: object) -> None:
        """Do something to the NAS."""
        self._command("/nas", {"action": action, "options": options})

    def pihole(self, command: str, fault: str | None = None, **options: object) -> None:
        """Begin or end a fault of the Pi-hole."""
        self._command("/pihole", {"command": command, "fault": fault, "options": options})

    def plug(self, alias: str, command: str, fault: str | None = None, **options: object) -> None:
        """Begin or end a fault of a plug, or move it."""
        what = {"alias": alias, "command": command, "fault": fault, "options": options}
        self._command("/plug", what)

    def truth(self) -> dict[str, Any]:
        """Return what the simulated home says of itself."""
        return ask(self.trial.data_dir / "home", "/status")

    def _command(self, path: str, command: Mapping[str, object]) -> None:
        ask(self.trial.data_dir / "home", path, command)

    # Our processes

    def pids(self) -> dict[str, int]:
        """Return the process ids of web, worker and redis, of those that are there."""
        found: dict[str, int] = {}
        for process in psutil.Process(self.trial.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                command = process.cmdline()
                for program, mark in OURS.items():
                    if any(mark in word for word in command):
                        found.setdefault(
                            program, process.pid
                        )  # a child looks so, too, when it begins
        return found

    def kill(self, program: str) -> None:
        """End a program by kill -9; the supervisor starts it again."""
        pid = self.pids().get(program)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def stop(self, program: str) -> None:
        """Have a program stand still."""
        self._stopped[program] = self.pids()[program]
        os.kill(self._stopped[program], signal.SIGSTOP)

    def go_on(self, program: str) -> None:
        """Let it go on."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._stopped[program], signal.SIGCONT)

    def usages(self) -> list[Usage]:
        """Return what each of our processes holds at this moment."""
        found = []
        for program, pid in self.pids().items():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                found.append(
                    Usage(
                        program=program,
                        pid=pid,
                        age_s=time.time() - process.create_time(),
                        uss_mib=process.memory_full_info().uss / 2**20,
                        descriptors=process.num_fds(),
                        threads=process.num_threads(),
                    )
                )
        return found

    # The machine

    def shift_clock(self, seconds: float) -> None:
        """Set the clock of web and worker so much wrong; 0: right."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.clock)

    def fill_disk(self) -> None:
        """Leave no byte free on the disk of the data directory."""
        self._ballast = self.trial.data_dir / "ballast"
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for block in (b"\0" * 65536, b"\0" * 512):
                with contextlib.suppress(OSError):
                    while file.write(block):
                        pass

    def free_disk(self) -> None:
        """Make room again."""
        if self._ballast is not None:
            self._ballast.unlink(missing_ok=True)
            self._ballast = None

    def lock_database(self) -> None:
        """Keep everybody else from writing to SQLite's file."""
        self._lock = sqlite3.connect(self.database_file, timeout=20, isolation_level=None)
        self._lock.execute("BEGIN EXCLUSIVE")

    def unlock_database(self) -> None:
        """Let them write again."""
        if self._lock is not None:
            self._lock.rollback()
            self._lock.close()
            self._lock = None

    @property
    def database_file(self) -> Path:
        """SQLite's file."""
        return self.trial.data_dir / "balupi.sqlite3"

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the product has stored."""
        with contextlib.closing(self._read_only()) as database:
            return database.execute(query, values).fetchall()

    def stored(self) -> sqlite3.Connection:
        """Return a copy of all that is stored, of one moment: the product goes on writing."""
        copy = sqlite3.connect(":memory:")
        with contextlib.closing(self._read_only()) as database:
            database.backup(copy)
        return copy

    def _read_only(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database_file}?mode=ro", uri=True, timeout=20)

    # What BaluPi says

    def nas_state(self) -> str:
        """Return what BaluPi takes the NAS for; why not, where it does not say."""
        try:
            code, body = self.trial.get("/api/nas/status", timeout_s=5)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        return str(body["state"]) if code == 200 else f"HTTP {code}"

    def press_wake(self) -> bool:
        """Press the wake button, as a person does; False where that did not work."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.trial.post("/api/nas/wol", timeout_s=5)[0] in (200, 202)
        return False

    def is_stopped(self) -> bool:
        """Tell whether the NAS sleeps or is off."""
        return self.truth()["nas"]["state"] in _STOPPED

    # What the faults announce

    def announce(self, what: str, start_at: float, end_at: float) -> None:
        """Note that something could not be right in this time (Unix seconds)."""
        self.windows.setdefault(what, []).append(Window(start_at, end_at))


@contextlib.contextmanager
def running_household(folder: Path) -> Iterator[Household]:
    """Run the whole product, its data on a small disk of its own where we may make one."""
    clock = folder / "clock"
    clock.write_text("0")
    hook = f"{sys.executable} {ROOT / 'tests' / 'faults' / 'shifted_clock.py'} {clock}"
    with _small_disk(folder) as (data_dir, can_fill_disk):
        home = folder / "home"
        home.mkdir()
        (data_dir / "home").symlink_to(home)  # the NAS has a disk of its own
        with running_trial(
            data_dir,
            BALUPI_TRY_PYTHON=hook,
            BALUPI_ENERGY_SAMPLE_INTERVAL_SECONDS=str(SAMPLE_INTERVAL_S),
            BALUPI_ENERGY_FLUSH_INTERVAL_SECONDS=str(FLUSH_INTERVAL_S),
        ) as trial:
            household = Household(trial, clock, can_fill_disk)
            household.nas("steady")  # what chance adds between two samples no sampler can know
            yield household


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Mount an ext4 of our own; yields the data directory and whether it has its own disk."""
    data_dir, image = folder / "card", folder / "card.img"
    data_dir.mkdir()
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        yield data_dir, False
        return
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)  # noqa: S603, S607
    mount = ["mount", "-o", "loop,noatime", str(image), str(data_dir)]
    if subprocess.run(mount, check=False).returncode:  # noqa: S603
        yield data_dir, False
        return
    try:
        yield data_dir, True
    finally:
        subprocess.run(["umount", "--lazy", str(data_dir)], check=True)  # noqa: S603, S607


def now() -> float:
    """Return the true time, Unix seconds."""
    return dt.datetime.now(dt.UTC).timestamp()
