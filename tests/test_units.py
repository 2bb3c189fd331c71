"""The systemd units: valid, hardened, and never given up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "deploy" / "systemd"
BACK_OFF = UNITS / "back-off.sh"
#: Of 10; it is the aim for what runs all the time.
EXPOSURE_MAX = 2.0
SERVICES = ("balupi-redis", "balupi-web", "balupi-worker")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with programs that exist: nothing is installed where tests run."""
    folder = tmp_path_factory.mktemp("units")
    texts = {path.name: path.read_text() for path in UNITS.glob("*.service")}
    texts["balupi-worker@2.service"] = one_more("worker")
    texts["balupi-web@8001.service"] = one_more("web")
    for name, text in texts.items():
        (folder / name).write_text(re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", text))
    return folder


def one_more(kind: str) -> str:
    """Return the unit that the installer makes for one more worker or web process."""
    script = f". {ROOT}/deploy/install/system.sh; one_more {kind} {ROOT}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout


@pytest.mark.parametrize(
    ("kind", "own"), [("worker", set()), ("web", {"Environment=BALUPI_LISTEN=127.0.0.1:%i"})]
)
def test_one_more_process_starts_with_the_first_and_goes_on_when_it_dies(
    kind: str, own: set[str]
) -> None:
    """By PartOf= systemd would restart them with it, the one that leads since among them."""
    first, more = (UNITS / f"balupi-{kind}.service").read_text(), one_more(kind)
    assert {line for line in more.splitlines() if line not in first.splitlines()} == {
        f"Description=One more balupi-{kind} (%i)",
        f"After=balupi-redis.service balupi-recover.service postgresql.service balupi-{kind}.service",
        "RuntimeDirectory=%p-%i",
        f"WantedBy=balupi-{kind}.service",
        *own,
    }


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_the_scripts_stop_and_restart_all_processes_of_a_kind(action: str) -> None:
    """An update, which knows the first one only, leaves none of an old release running."""
    script = (
        f'. {ROOT}/deploy/services.sh; has_systemd() {{ :; }}; systemctl() {{ echo "$*"; }}; '
        f"for unit in worker web redis; do service {action} balupi-$unit; done"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert done.stdout.splitlines() == [
        f"--quiet {action} balupi-worker balupi-worker@*",
        f"--quiet {action} balupi-web balupi-web@*",
        f"--quiet {action} balupi-redis",
    ]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # the units of this tree
        ["systemd-analyze", *map(str, arguments)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    """It only warns of a word it does not know, or that stands in the wrong section."""
    done = analyze("verify", "--man=no", "--recursive-errors=no", *sorted(units.glob("*.service")))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_what_it_may_do_is_little(service: str, units: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", units / f"{service}.service")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("service", SERVICES)
def test_what_its_safety_stands_on_is_there(service: str) -> None:
    """The sum of all may stay low enough when one of these is gone."""
    unit = read(service)["Service"]
    wanted = {"User": "balupi", "CapabilityBoundingSet": "", "NoNewPrivileges": "yes"}
    wanted |= {"ProtectSystem": "strict", "ProtectHome": "yes", "PrivateDevices": "yes"}
    assert {name: unit[name] for name in wanted} == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_started_again_whatever_happens(service: str) -> None:
    unit = read(service)
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("service", ["balupi-web", "balupi-worker"])
def test_web_and_worker_live_without_redis_and_network(service: str) -> None:
    unit = read(service)["Unit"]
    assert {"Requires", "BindsTo", "PartOf", "Requisite"}.isdisjoint(unit)
    assert "balupi-redis.service" in unit["After"]
    assert "balupi-recover.service" in unit["After"]
    assert not re.search(r"network-online|time-sync", str(dict(unit)))


@pytest.mark.parametrize("service", ["balupi-web", "balupi-worker"])
def test_the_longest_wait_fits_into_a_start(service: str) -> None:
    longest_s = re.search(r"(?m)^longest_s=(\d+)", BACK_OFF.read_text())
    assert longest_s
    assert int(longest_s[1]) + 30 <= int(read(service)["Service"]["TimeoutStartSec"])


def read(service: str) -> RawConfigParser:
    """Read a unit; of a key that is there several times, the last one."""
    parser = RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd tells the case apart
    parser.read(UNITS / f"{service}.service")
    return parser


class Service:
    """A service that starts and ends, as systemd has it."""

    def __init__(self, folder: Path) -> None:
        self.state, self.programs = folder / "run", folder / "bin"
        self.state.mkdir()
        self.programs.mkdir()
        sleep = self.programs / "sleep"
        sleep.write_text('#!/bin/sh\necho "$1" >"$RUNTIME_DIRECTORY/waited"\n')
        sleep.chmod(0o755)

    def _call(self, verb: str, **environment: str) -> str:
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(  # noqa: S603  # a script of this tree
            [BACK_OFF, verb],
            env={"PATH": path, "RUNTIME_DIRECTORY": str(self.state), **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout

    def start(self) -> int:
        """Start it, and return for how many seconds that waited."""
        waited = self.state / "waited"
        waited.unlink(missing_ok=True)
        self._call("wait")
        return int(waited.read_text()) if waited.exists() else 0

    def end(self, result: str) -> None:
        self._call("note", SERVICE_RESULT=result)

    def ran_for_long(self) -> None:
        failures = self.state / "failures"
        count = failures.read_text().split()[0]
        failures.write_text(f"{count} -100000\n")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_one_that_keeps_failing_is_started_ever_more_rarely(service: Service) -> None:
    waits = []
    for _failure in range(9):
        waits.append(service.start())
        service.end("exit-code")
    assert waits == [0, 0, 5, 10, 20, 40, 80, 120, 120]


@pytest.mark.parametrize("ending", ["wanted", "after a long time"])
def test_failures_in_a_row_are_forgotten(ending: str, service: Service) -> None:
    for _failure in range(5):
        service.start()
        service.end("watchdog")
    service.start()
    if ending == "wanted":
        service.end("success")
    else:
        service.ran_for_long()
        service.end("oom-kill")
    assert service.start() == 0


def test_who_starts_it_by_hand_does_not_wait(service: Service) -> None:
    (service.state / "failures").write_text("9 0\n")
    sleep = shutil.which("sleep")
    assert sleep
    (service.programs / "sleep").write_text(f'#!/bin/sh\nkill -TERM "$PPID"\nexec {sleep} 60\n')
    service.start()
    service.end("signal")
    assert service.start() == 0
