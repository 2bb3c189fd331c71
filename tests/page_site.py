"""The product's web process with a home that is told to be full, empty, stale or failing.

What only shows lives in ``page_homes.py``; the real worker and a simulated home are in ``conftest.py``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from balupi_site.version import BUILD_DATE

OWNER, PASSWORD = "owner", "page-Site-1"
ROOT = Path(__file__).resolve().parents[1]
ZONE = ZoneInfo("Europe/Berlin")
#: A Friday evening with a day behind it, the first one after this release was made: BaluPi takes an
#: earlier one for a clock that was not set.
EVENING = (
    (BUILD_DATE + dt.timedelta(days=7 - (BUILD_DATE.weekday() - 4) % 7))
    .astimezone(ZONE)
    .replace(hour=19, minute=12)
)
_START_S = 60


@dataclass
class PageSite:
    """A home's web process and Redis; ``template`` has what all homes share."""

    home: str
    folder: Path
    template: Path
    port: int
    at: dt.datetime | None = EVENING
    shift_s: float = 0.0
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of this home."""
        return environment(self.folder / "data", self.port, self._redis_socket)

    @property
    def _redis_socket(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def log(self) -> Path:
        """What the web process says."""
        return self.folder / "web.log"

    def start(self) -> None:
        """Make the home and serve it; ``wait`` for it."""
        data = self.folder / "data"
        data.mkdir(mode=0o750)
        shutil.copy(self.template / "balupi.sqlite3", data)
        (data / "static").symlink_to(self.template / "static")
        if self.at is not None:
            self.shift_s = (self.at - dt.datetime.now(dt.UTC)).total_seconds()
        command = ["redis-server", "--port", "0", "--unixsocket", str(self._redis_socket)]
        command += ["--save", "", "--dir", str(self.folder), "--logfile", "redis.log"]
        command += ["--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]
        self._running.append(subprocess.Popen(command))  # noqa: S603
        self.start_web()

    def start_web(self, *words: str) -> None:
        """Start the web process; ``--again`` where the home is there already."""
        command = [sys.executable, "-m", "tests.page_server", self.home, str(self.shift_s), *words]
        with self.log.open("ab") as log:
            self._running.append(
                subprocess.Popen(command, env=self.environment, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603
            )

    def wait(self) -> None:
        """Wait until it answers."""
        deadline_s = time.monotonic() + _START_S
        while not _answers(self.port):
            is_over = self._running[-1].poll() is not None or time.monotonic() > deadline_s
            assert not is_over, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)

    def stop_web(self) -> None:
        """Kill the web process, as a power cut would."""
        web = self._running.pop()
        web.kill()
        web.wait()

    @property
    def web_pid(self) -> int:
        """The web process."""
        return self._running[-1].pid

    def stop(self) -> None:
        """End all of it."""
        for process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            process.wait(20)


def environment(data: Path, port: int, redis_socket: Path) -> dict[str, str]:
    """Return the environment of a home whose data is there; nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
    settings = {
        "ENV_FILE": "/dev/null",
        "MODE": "dev",
        "DATA_DIR": str(data),
        "LISTEN": f"127.0.0.1:{port}",
        "REDIS_URL": f"unix://{redis_socket}",
        "TAPO_USERNAME": "household@home.example",
        "TAPO_PASSWORD": "only-looked-at",
        "PIHOLE_PASSWORD": "only-looked-at",
        "HANDSHAKE_SECRET": "only-looked-at-and-never-used-for-a-call",
        "TIME_ZONE": "Europe/Berlin",
        "PROCESS": "web",
    }
    return {
        **kept,
        **{f"BALUPI_{name}": value for name, value in settings.items()},
        "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
        "PYTHONWARNINGS": "default",
    }


def make_template(folder: Path) -> Path:
    """Make what all homes share, an empty database and the static files; return the folder."""
    settings = environment(folder, 1, folder / "none.sock") | {"BALUPI_PROCESS": "command"}
    manage = [sys.executable, str(ROOT / "manage.py")]
    for words in (["migrate", "--verbosity", "0"], ["collectstatic", "--no-input", "-v", "0"]):
        subprocess.run([*manage, *words], env=settings, cwd=ROOT, check=True)  # noqa: S603
    return folder


def shared_template(factory: pytest.TempPathFactory) -> Path:
    """Return the template of all test processes; the first one makes it."""
    base = factory.getbasetemp()  # with xdist, each process has one within the common one
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "page-template"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make_template(folder)
            (folder / "made").touch()
    return folder


@contextlib.contextmanager
def running_sites(
    homes: dict[str, int], template: Path, *, at: dt.datetime | None = EVENING
) -> Iterator[dict[str, PageSite]]:
    """Run a site for each home (name to port) at once; all are gone at the end.

    Args:
        homes: name -> port.
        template: what ``make_template`` made.
        at: the time that it is there when they start; None: the real one.
    """
    with contextlib.ExitStack() as stack:
        sites = {}
        for home, port in homes.items():
            # A socket's path has at most 108 characters.
            short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="balupi-page-")))
            sites[home] = PageSite(home, short, template, port, at)
            stack.callback(sites[home].stop)
            sites[home].start()
        for site in sites.values():
            site.wait()
        yield sites


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.client.OK
    return False
