"""The control command against a home that runs as a process of its own."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simhome.__main__ import main
from simhome.nas_actions import ACTIONS

pytestmark = pytest.mark.enable_socket

REPOSITORY = Path(__file__).parents[2]


def start_home(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "simhome", "--dir", str(folder), "run"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("simhome ready: nas=http://127.")
    return process


def stop_home(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    process.send_signal(number)
    with process:
        return process.wait(10)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a home that runs for all tests here; each leaves the NAS running."""
    folder = tmp_path_factory.mktemp("home")
    process = start_home(folder)
    yield folder
    assert stop_home(process) == 0


class Command:
    """Runs control commands in this process; an answer is the decoded JSON object."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *words: str, exit_code: int = 0) -> dict[str, Any]:
        assert main(["--dir", str(self._folder), *words]) == exit_code
        answer: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        assert answer["ok"] is (exit_code == 0)
        return answer


@pytest.fixture
def command(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(home, capsys)


@pytest.fixture
def quick(command: Command) -> Iterator[None]:
    """Let the NAS boot at once, and see to it that it runs again afterwards."""
    command("nas", "timings", "boot_seconds=0", "boot_port_seconds=0", "resume_seconds=0")
    yield
    command("nas", "recover")
    command("nas", "boot_normally")
    command("plug", "NAS", "on")
    if command("status")["nas"]["state"] != "running":
        command("nas", "power_on")
    command("wait", "nas.state=running")


class TestNas:
    def test_an_action_takes_effect_before_it_is_answered(
        self, command: Command, quick: None
    ) -> None:
        before = datetime.now(UTC)
        answer = command("nas", "crash")
        assert answer["nas"]["state"] == "crashed"
        assert answer["at"] == answer["nas"]["since"]
        assert before <= datetime.fromisoformat(answer["at"]) <= datetime.now(UTC)
        assert re.fullmatch(r".*\.\d{6}\+00:00", answer["at"])
        host, port = answer["nas"]["url"].removeprefix("http://").split(":")
        with pytest.raises(TimeoutError):
            socket.create_connection((host, int(port)), timeout=0.1)

    def test_the_moment_of_the_first_good_answer_is_told(
        self, command: Command, quick: None
    ) -> None:
        assert command("nas", "crash")["nas"]["first_good_answer_at"] is None
        woken = command("nas", "power_on")["at"]
        command("wait", "nas.state=running")
        assert woken < command("status")["nas"]["first_good_answer_at"]

    @pytest.mark.parametrize("words", [("seconds=2.5",), ("--seconds", "2.5")])
    def test_options_are_given_in_two_ways(
        self, command: Command, quick: None, words: tuple[str, ...]
    ) -> None:
        assert command("nas", "slow", *words)["nas"]["slow_seconds"] == 2.5

    def test_what_is_not_possible_now_lists_what_is(self, command: Command, quick: None) -> None:
        command("nas", "suspend")
        answer = command("nas", "shutdown", exit_code=1)
        assert "while the NAS is suspended; possible: power_on, resume" in answer["error"]

    def test_what_does_not_exist_lists_what_does(self, command: Command) -> None:
        answer = command("nas", "explode", exit_code=2)
        assert all(name in answer["error"] for name in ACTIONS)

    def test_a_calls_result_can_be_read(self, command: Command, quick: None) -> None:
        command("nas", "crash")
        command("nas", "power_on")
        command("wait", "nas.state=running")
        sent = command("status")["nas"]["sent_calls"][-1]
        assert (sent["call"], sent["acknowledged"]) == ("nas-coming-online", False)


class TestPlug:
    def test_the_relay_cuts_the_nas(self, command: Command, quick: None) -> None:
        assert command("plug", "NAS", "off")["plug"]["relay_on"] is False
        command("wait", "nas.mains=false", "plugs.NAS.power_w=0")
        assert command("nas", "power_on", exit_code=1)["error"].endswith("(power_back)")

    def test_a_fault_comes_and_goes(self, command: Command) -> None:
        answer = command("plug", "Monitor", "fault", "slow", "seconds=2")
        assert answer["plug"]["faults"] == {"slow": {"seconds": 2.0}}
        assert command("plug", "Monitor", "clear")["plug"]["faults"] == {}

    def test_it_gets_another_address(self, command: Command) -> None:
        plug = command("status")["plugs"]["Monitor"]
        elsewhere = plug["host"].rpartition(".")[0] + ".177"
        assert command("plug", "Monitor", "move", f"host={elsewhere}")["plug"]["host"] == elsewhere
        command("plug", "Monitor", "move", f"host={plug['host']}")

    def test_two_change_addresses(self, command: Command) -> None:
        plugs = command("status")["plugs"]
        answer = command("plug", "Monitor", "swap", "with=Freezer")
        assert answer["plug"]["host"] == plugs["Freezer"]["host"]
        command("plug", "Monitor", "swap", "with=Freezer")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            pytest.param(("Lamp", "off"), "there are: NAS, Monitor, Freezer", id="no such plug"),
            pytest.param(("NAS", "explode"), "there are: fault, clear", id="no such command"),
            pytest.param(("NAS", "fault"), "fault needs a name; there are: hang", id="no name"),
            pytest.param(("NAS", "fault", "rust"), "unknown fault 'rust'", id="no such fault"),
            pytest.param(("NAS", "fault", "slow", "x=1"), "no parameter x", id="no such option"),
            pytest.param(("NAS", "move"), "needs host=", id="no address"),
            pytest.param(("NAS", "move", "host=10.0.0.1"), "127.0.0.0/8", id="not on loopback"),
            pytest.param(("NAS", "fault", "slow", "2"), "name=value", id="no option"),
        ],
    )
    def test_what_makes_no_sense_says_why(
        self, command: Command, words: tuple[str, ...], message: str
    ) -> None:
        assert message in command("plug", *words, exit_code=2)["error"]


class TestPihole:
    def test_a_fault_comes_and_goes(self, command: Command) -> None:
        assert command("pihole", "fault", "slow", "seconds=0.5")["pihole"]["faults"] == {
            "slow": {"seconds": 0.5}
        }
        assert command("pihole", "clear")["pihole"]["faults"] == {}

    def test_an_unknown_one_lists_those_there_are(self, command: Command) -> None:
        error = command("pihole", "fault", "rust", exit_code=2)["error"]
        assert "there are: down" in error


class TestWait:
    @pytest.mark.parametrize(
        "condition",
        [
            "nas.state=running",
            "nas.state!=off",
            "plugs.NAS.power_w>30",
            "plugs.NAS.power_w<=55",
            "nas.fault=null",
            "nas.possible_actions.0=shutdown",
        ],
    )
    def test_what_holds_is_answered_at_once(
        self, command: Command, quick: None, condition: str
    ) -> None:
        assert command("wait", condition, "--timeout", "0")["waited_seconds"] < 1

    def test_what_does_not_hold_in_time_tells_what_was(self, command: Command, quick: None) -> None:
        started = time.monotonic()
        answer = command("wait", "nas.state=off", "--timeout", "0.1", exit_code=1)
        assert time.monotonic() - started < 2
        assert answer["error"] == "not within 0.1 s: nas.state is 'running'"

    @pytest.mark.parametrize("condition", ["nas.colour=red", "nas.state", "nas.changes.x=1"])
    def test_what_cannot_be_read_is_wrong(self, command: Command, condition: str) -> None:
        command("wait", condition, exit_code=2)


class TestProcess:
    def test_without_a_home_it_says_so(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = Command(tmp_path, capsys)("status", exit_code=1)
        assert "there is no home in" in answer["error"]

    def test_a_wrong_command_is_json_too(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["--dir", str(tmp_path), "explode"])
        assert stopped.value.code == 2
        assert "invalid choice" in json.loads(capsys.readouterr().out)["error"]

    def test_init_prints_the_settings_and_run_uses_them(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = Command(tmp_path / "new", capsys)
        made = command("init", "--nas-port", "20097")
        assert made["addresses"]["nas"] == f"http://{made['block']}.53:20097"
        process = start_home(tmp_path / "new")
        assert command("status")["addresses"] == made["addresses"]
        assert stop_home(process) == 0

    def test_a_second_one_in_the_same_folder_is_refused(self, home: Path) -> None:
        second = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "simhome", "--dir", str(home), "run"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert second.returncode == 1
        assert "is it running already" in json.loads(second.stdout)["error"]

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_stops_it_cleanly_within_a_second(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
    ) -> None:
        process = start_home(tmp_path)
        command = Command(tmp_path, capsys)
        address = command("nas", "hang")["nas"]["url"].removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as waiting:
            waiting.sendall(b"GET /api/health HTTP/1.1\r\nHost: nas\r\n\r\n")
            command("wait", "nas.connections=1")
            started = time.monotonic()
            assert stop_home(process, number) == 0
            assert time.monotonic() - started < 1

    def test_a_control_command_starts_without_the_heavy_modules(self) -> None:
        loaded = subprocess.run(
            [sys.executable, "-c", "import sys, simhome.__main__; print(*sys.modules)"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert not {"aiohttp", "cryptography", "dns", "asyncio"} & set(loaded)
