"""A household that has grown: PostgreSQL, two web processes, two workers, and another site."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
from dotenv import dotenv_values

from tests.conftest import ROOT, Trial, free_port, running_trial
from tests.postgres import Cluster, running_postgres

#: Shorter than in a household, so that a run of a minute has many rounds.
SAMPLE_INTERVAL_S = 5
FLUSH_INTERVAL_S = 10
_NOTING = str(ROOT / "tests" / "noting_tasks.py")


@dataclass(frozen=True)
class Note:
    """A task that was sent or begun; see ``noting_tasks.py``."""

    what: str
    id: str
    task: str
    regular: str
    at_s: float
    pid: int


@dataclass
class Grown:
    """A trial on PostgreSQL, and the processes that were added to it."""

    trial: Trial
    database_url: str
    postgres: Path
    notes_file: Path
    second_url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start one more process of the product, as another unit of the same release would be."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")},
            "BALUPI_ENV_FILE": self.trial.facts["env_file"],
            **variables,
        }
        with self.trial.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                command, env=environment, cwd=ROOT, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def start_worker(self, *prefix: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start one more worker, whose tasks are noted too."""
        return self.start(*prefix, *self.noting(), "manage.py", "run_worker", **variables)

    def noting(self) -> tuple[str, ...]:
        """Return how Python is called so that tasks are noted."""
        return (sys.executable, _NOTING, str(self.notes_file))

    def notes(self) -> list[Note]:
        """Return what was noted until now."""
        lines = self.notes_file.read_text().splitlines() if self.notes_file.exists() else []
        return [Note(**json.loads(line)) for line in lines]

    def rows(self, sql: str, *values: float) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql, values).fetchall()


@contextlib.contextmanager
def grown_household(folder: Path) -> Iterator[Grown]:
    """Run a trial on a PostgreSQL of its own, with a second web process and a second worker."""
    data_dir, notes = folder / "data", folder / "tasks"
    data_dir.mkdir()
    (data_dir / "history.done").touch()  # this home begins today
    with running_postgres() as cluster:
        url = cluster.new_database("grown")
        python = f"{sys.executable} {_NOTING} {notes}"
        with running_trial(
            data_dir,
            BALUPI_DATABASE_URL=url,
            BALUPI_TRY_PYTHON=python,
            BALUPI_ENERGY_SAMPLE_INTERVAL_SECONDS=str(SAMPLE_INTERVAL_S),
            BALUPI_ENERGY_FLUSH_INTERVAL_SECONDS=str(FLUSH_INTERVAL_S),
        ) as trial:
            _keep_settings(trial, url)
            grown = Grown(trial, url, cluster.folder, notes)
            try:
                port = free_port()
                grown.second_url = f"http://127.0.0.1:{port}"
                listen = {"BALUPI_LISTEN": f"127.0.0.1:{port}"}
                grown.start(*grown.noting(), "manage.py", "run_web", **listen)
                yield grown
            finally:
                _end(grown.processes)


def _keep_settings(trial: Trial, url: str) -> None:
    """Put what the trial was started with where commands and more processes find it."""
    with Path(trial.facts["env_file"]).open("a") as file:
        file.write(
            f"BALUPI_DATABASE_URL='{url}'\n"
            f"BALUPI_ENERGY_SAMPLE_INTERVAL_SECONDS={SAMPLE_INTERVAL_S}\n"
            f"BALUPI_ENERGY_FLUSH_INTERVAL_SECONDS={FLUSH_INTERVAL_S}\n"
            "BALUPI_INBOX_QUIET_SECONDS=1\nBALUPI_INBOX_SETTLE_SECONDS=1\n"
            "BALUPI_NAS_BOOT_SECONDS=20\n"
        )


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    families = [
        each
        for process in processes
        if process.poll() is None
        for each in (
            psutil.Process(process.pid),
            *psutil.Process(process.pid).children(recursive=True),
        )
    ]
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    _gone, alive = psutil.wait_procs(families, timeout=20)
    for process in processes:
        process.poll()
    assert not alive, f"still running after the end: {alive}"


@dataclass(frozen=True)
class Site:
    """Another house: a network of its own, with simulated plugs that nobody else reaches.

    Attributes:
        line: the folder with the sockets by which home's PostgreSQL and Redis are reached from there.
    """

    network: str
    folder: Path
    line: Path
    home: dict[str, Any]

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return a command as it is run there."""
        return ("ip", "netns", "exec", self.network, *command)

    def simhome(self, *words: str) -> tuple[str, ...]:
        """Return a command of the simulated home there."""
        home = str(self.folder / "home")
        return self.inside(sys.executable, "-m", "simhome", "--dir", home, *words)

    def status(self) -> dict[str, Any]:
        """Return how the simulated plugs there are."""
        answer: dict[str, Any] = json.loads(run(*self.simhome("status")))
        return answer

    def start_line(self, grown: Grown) -> subprocess.Popen[bytes]:
        """Lay the line to home; its end cuts it."""
        home = dotenv_values(grown.trial.facts["env_file"])
        redis = str(home["BALUPI_REDIS_URL"]).removeprefix("unix://")
        postgres = f"{grown.postgres}/.s.PGSQL.5432"
        ends = [f"{self.line}/.s.PGSQL.5432", postgres, f"{self.line}/redis", redis]
        return grown.start(sys.executable, str(ROOT / "tests" / "line.py"), *ends)

    def settings(self) -> dict[str, str]:
        """Return the settings of the worker there."""
        data_dir = self.folder / "data"
        data_dir.mkdir(exist_ok=True)
        return {
            "BALUPI_SITE": "garage",
            "BALUPI_REDIS_URL": f"unix://{self.line}/redis",
            "BALUPI_DATABASE_URL": Cluster(self.line).url("grown"),
            "BALUPI_DATA_DIR": str(data_dir),
            "BALUPI_TAPO_USERNAME": self.home["tapo_username"],
            "BALUPI_TAPO_PASSWORD": self.home["tapo_password"],
            "BALUPI_TAPO_DISCOVERY_TARGET": f"{self.home['block']}.255",
        }


@contextlib.contextmanager
def other_site(folder: Path) -> Iterator[Site]:
    """Make a network namespace, which has a loopback of its own; only root may."""
    network = f"balupi-{os.getpid()}"
    folder.mkdir()
    line = Path(
        tempfile.mkdtemp(prefix="balupi-line-")
    )  # short: a socket's path has 107 characters
    run("ip", "netns", "add", network)
    try:
        run("ip", "-n", network, "link", "set", "lo", "up")
        site = Site(network, folder, line, {})
        yield replace(site, home=json.loads(run(*site.simhome("init"))))
    finally:
        shutil.rmtree(line)
        run("ip", "netns", "delete", network)


def run(*command: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
