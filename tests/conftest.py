"""A whole trial for tests: the real processes, started and stopped as README says."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import follow
from tests import page_checks, releases
from tests.browser import Browser, open_browser
from tests.home_machine import HomeMachine, home_machine

ROOT = Path(__file__).resolve().parents[1]
#: How often most tests' household looks (its least): a NAS that is gone is seen sooner than in a real one.
QUICK = {
    "BALUPI_PRESENCE_INTERVAL_SECONDS": "3",
    "BALUPI_HEARTBEAT_INTERVAL_SECONDS": "5",
    "BALUPI_ENERGY_SAMPLE_INTERVAL_SECONDS": "10",
}
#: A wake that fails should not hold up the tests for the usual 90 s.
BOOT_SECONDS = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the fault tests run longer, or one of them again, and pictures be kept."""
    parser.addoption("--fault-rounds", type=int, default=6, help="rounds of each fault test")
    parser.addoption("--pictures", type=Path, help="a folder to keep pictures of the pages in")
    parser.addoption("--every-look", action="store_true", help="all sizes in all lights")
    parser.addoption("--openapi-examples", type=int, default=5, help="cases to invent per endpoint")
    parser.addoption("--every-step", action="store_true", help="kill updates at all their steps")
    parser.addoption("--pi-root", type=Path, default=Path("/"), help="a Debian to update in")
    parser.addoption("--fault-minutes", type=float, default=3, help="of the household under faults")
    parser.addoption("--fault-seed", type=int, help="the seed that a failed fault test has told")


#: What takes minutes, so that no process is left alone with it at the end.
LONGEST = (
    *("test_household_under_faults", "test_inbox_faults", "test_update", "test_install"),
    *("test_inbox_end_to_end", "test_openapi", "test_handshake_household", "test_household"),
    *("test_following_household", "test_growth", "test_wake_story", "test_abuse"),
    "test_move_database",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take longest begin first; all others stay in their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@dataclass
class Trial:
    """A running trial and the ways to talk to it."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    started_in_s: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def simhome(self, *words: str) -> dict[str, Any]:
        """Run a control command of the simulated home; its answer."""
        done = self.run([*self.facts["simhome"], *words])
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def manage(self, *words: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the running processes."""
        return self.run([*self.facts["manage"], *words], timeout_s=timeout_s)

    def supervisor(self, *words: str) -> str:
        """Run supervisorctl; what it prints."""
        return self.run([*self.facts["supervisorctl"], *words]).stdout

    def run(self, command: list[str], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "BALUPI_ENV_FILE": self.facts["env_file"]}
        return subprocess.run(  # noqa: S603
            command,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def get(self, path: str, *, login: bool = True, timeout_s: float = 10) -> tuple[int, Any]:
        """GET from the web process; status and JSON (or text)."""
        return self._request("GET", path, None, login=login, timeout_s=timeout_s)

    def post(
        self, path: str, body: object = None, timeout_s: float = 15, *, login: bool = True
    ) -> tuple[int, Any]:
        """POST JSON to the web process; status and JSON (or text)."""
        return self._request("POST", path, body, login=login, timeout_s=timeout_s)

    def _request(
        self, method: str, path: str, body: object, *, login: bool, timeout_s: float
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if login:
            pair = f"{self.facts['user']}:{self.facts['password']}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        connection = http.client.HTTPConnection(
            self.facts["url"].removeprefix("http://"), timeout=timeout_s
        )
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        with contextlib.suppress(ValueError):
            return answer.status, json.loads(text)
        return answer.status, text

    def nas_state(self) -> str:
        """Return what BaluPi takes the NAS for."""
        return str(self.get("/api/nas/status")[1]["state"])

    def pid(self, program: str) -> int:
        """Return the process id of a supervised program."""
        return int(self.supervisor("pid", program).strip())

    def wait_until(self, check: Callable[[], bool], what: str, deadline_s: float = 60) -> float:
        """Poll until ``check`` holds; the seconds it took. Fails with the log's end at the deadline."""
        start_s = time.monotonic()
        while not check():
            waited_s = time.monotonic() - start_s
            assert waited_s < deadline_s, f"{what}: not within {deadline_s:g} s\n{self.tail()}"
            time.sleep(0.2)
        return time.monotonic() - start_s

    def tail(self) -> str:
        """Return the end of the trial's output."""
        return self.log.read_text(errors="replace")[-4000:]


def free_port() -> int:
    """Return a TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_trial(data_dir: Path, **variables: str) -> Iterator[Trial]:
    """Run deploy/try.py until it says that all of it lives; everything is gone at the end."""
    log = data_dir.with_suffix(".log")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "BALUPI_DATABASE_URL"},
        "BALUPI_PORT": str(free_port()),
        "BALUPI_DATA_DIR": str(data_dir),
        "BALUPI_NAS_BOOT_SECONDS": str(BOOT_SECONDS),
        "BALUPI_INBOX_QUIET_SECONDS": "1",
        "BALUPI_INBOX_SETTLE_SECONDS": "1",
        **variables,
    }
    start_s = time.monotonic()
    with log.open("wb") as file:
        command = [sys.executable, str(ROOT / "deploy" / "try.py")]
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)  # noqa: S603
    trial = Trial(process, data_dir, log)
    try:
        trial.wait_until(
            lambda: (
                process.poll() is not None or "BaluPi is running" in log.read_text(errors="replace")
            ),
            "the trial's start",
            240,  # alone it takes 20
        )
        assert process.poll() is None, trial.tail()
        trial.started_in_s = time.monotonic() - start_s
        trial.facts = json.loads((data_dir / "try.json").read_text())
        trial.simhome("nas", "timings", "boot_seconds=6", "boot_port_seconds=4", "resume_seconds=2")
        trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is seen")
        yield trial
    finally:
        family = [
            psutil.Process(process.pid),
            *psutil.Process(process.pid).children(recursive=True),
        ]
        process.send_signal(signal.SIGTERM)
        process.wait(40)
        _gone, alive = psutil.wait_procs(family, timeout=5)
        assert not alive, f"still running after the end: {alive}"


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Give all household tests one trial; each leaves the home as it found it."""
    with running_trial(tmp_path_factory.mktemp("household") / "data", **QUICK) as running:
        yield running


@pytest.fixture(scope="session")
def wheels() -> Path:
    """Give a folder with the packages that a machine's pip will ask for; kept for the next time."""
    return releases.wheels()


@pytest.fixture(scope="module")
def machine_at_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheels: Path
) -> Iterator[HomeMachine]:
    """Give a machine that boots, with our source tree and a simulated home beside it."""
    folder, below = tmp_path_factory.mktemp("pi"), request.config.getoption("--pi-root")
    with home_machine(folder, below=below, wheels=wheels) as made:
        yield made


@pytest.fixture
def home_in_order(trial: Trial) -> Iterator[None]:
    """Leave the NAS awake and nothing broken, whatever a test did."""
    yield
    trial.simhome("pihole", "clear")
    trial.simhome("nas", "recover")
    trial.simhome("nas", "boot_normally")
    for plug in ("NAS", "Monitor", "Freezer"):
        trial.simhome("plug", plug, "clear")
    lasting = {"off": "power_on", "crashed": "power_on", "suspended": "resume"}
    lasting |= {"running": "auto", "soft_sleep": "auto"}
    trial.wait_until(lambda: _state(trial) in lasting, "the NAS has done what it was doing")
    trial.simhome("nas", lasting[_state(trial)])
    trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is back")
    trial.wait_until(lambda: leads_to(trial) == trial.facts["nas_ip"], "the name is back")


@pytest.fixture
def browsers(
    trial: Trial, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Browser]]:
    """Open browsers, each with a new profile, at the Pi's own address unless another site is named."""
    pictures = request.config.getoption("--pictures") or tmp_path
    pictures.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as all_open:

        def browser(site: str = trial.facts["pi_url"], **options: Any) -> Browser:
            return all_open.enter_context(open_browser(site, pictures, **options))

        yield browser


@pytest.fixture
def open_at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    """Open browsers with new profiles at a site of ``page_site.py``; they note what shifts."""
    pictures = request.config.getoption("--pictures") or tmp_path
    pictures.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as all_open:

        def browser(url: str, names: tuple[str, ...] = ()) -> Browser:
            opened = all_open.enter_context(open_browser(url, pictures, names=names))
            page_checks.watch(opened)
            return opened

        yield browser


def _state(trial: Trial) -> str:
    return str(trial.simhome("status")["nas"]["state"])


def leads_to(trial: Trial) -> str:
    """Return the address the name server answers, or what went wrong."""
    server, _, port = trial.facts["pihole_dns"].rpartition(":")
    kind, address = follow.Names(server, int(port), trial.facts["dns_names"][0]).ask()
    return address or kind
