"""The NAS's rsync target: real sshd, ssh and rsync on loopback, and how it follows the NAS."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from simhome.clock import Clock
from simhome.config import HomeConfig
from simhome.free_addresses import find_home_addresses
from simhome.home import HomeError, SimHome
from simhome.nas_ssh import MARKER_NAME, SshTarget
from simhome.nas_stages import NasState, NasTimings
from simhome.new_home import new_config

pytestmark = pytest.mark.enable_socket

PORT = 20022
SECONDS = 20  # no test waits that long unless something is broken
MEGABYTE = 1_000_000
QUICK = NasTimings(
    boot_port_seconds=0.1,
    boot_seconds=0.1,
    shutdown_answering_seconds=0,
    shutdown_port_seconds=0,
    shutdown_seconds=60,
    resume_seconds=0.1,
    restart_seconds=60,
)
REPOSITORY = Path(__file__).parents[2]
OWNER = """
import sys
from pathlib import Path
from simhome.nas_ssh import SshTarget
host, port, folder = sys.argv[1:]
SshTarget(host=host, port=int(port), folder=Path(folder)).start()
print("ready", flush=True)
sys.stdin.read()
"""
Result = subprocess.CompletedProcess[str]


class Client:
    """Somebody with a key; what it has to send is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "client"
        self.folder.mkdir()
        self.key = folder / "client_key"
        made = run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)])
        assert made.returncode == 0, made.stderr

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text()

    def ssh(self, target: SshTarget) -> list[str]:
        known_hosts = self.folder.parent / "known_hosts"
        known_hosts.write_text(target.known_hosts_line() + "\n")
        options = ("BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={known_hosts}")
        words = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(target.port)]
        words += [f"-o{option}" for option in (*options, "ConnectTimeout=5")]
        return [*words, "-l", target.user]

    def rsync(self, target: SshTarget, *words: str) -> list[str]:
        return ["rsync", "-e", " ".join(self.ssh(target)), *words]

    def send(self, target: SshTarget, name: str = "a.txt", to: str = "") -> Result:
        (self.folder / name).write_text(f"this is {name}")
        source = str(self.folder / name)
        return run(self.rsync(target, source, f"{target.host}:{to}"))

    @contextmanager
    def sending(self, target: SshTarget) -> Iterator[subprocess.Popen[bytes]]:
        """Send a file that takes long; it has begun to arrive when this is entered."""
        big = self.folder / "big.bin"
        big.write_bytes(b"x" * 5 * MEGABYTE)
        words = ("--bwlimit=200", "--whole-file", "--inplace", str(big), f"{target.host}:")
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            self.rsync(target, *words), stderr=subprocess.DEVNULL
        )
        with process:
            try:
                wait_until(lambda: size(target.inbox / "big.bin") > 0)
                yield process
            finally:
                process.kill()


def run(words: list[str]) -> Result:
    return subprocess.run(  # noqa: S603 - our own arguments
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0.01)


def serving(target: SshTarget) -> set[psutil.Process]:
    """Return what works in the inbox or for the server, found by another way than its own."""
    found = set()
    for process in psutil.process_iter(["cwd", "cmdline"]):
        settings = str(target.ssh_folder / "sshd_config")
        if process.info["cwd"] == str(target.inbox) or settings in (process.info["cmdline"] or ()):
            found.add(process)
    return found


def states(processes: set[psutil.Process]) -> set[str]:
    return {process.status() for process in processes}


def listens(target: SshTarget) -> bool:
    try:
        socket.create_connection((target.host, target.port), timeout=SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def client(tmp_path: Path) -> Client:
    needed = "install openssh-server, openssh-client and rsync; deploy/test.sh does"
    assert SshTarget.is_available(), needed
    return Client(tmp_path)


@pytest.fixture
def target(block: str, tmp_path: Path, client: Client) -> Iterator[SshTarget]:
    """Return a target that runs and knows the client's key."""
    made = SshTarget(host=f"{block}.53", port=PORT, folder=tmp_path / "nas")
    made.prepare()
    made.authorize(client.public_key)
    made.start()
    yield made
    made.stop()
    assert serving(made) == set()


class TestTarget:
    def test_a_file_goes_into_the_inbox(self, target: SshTarget, client: Client) -> None:
        sent = client.send(target)
        assert (sent.returncode, sent.stderr) == (0, "")
        assert (target.inbox / "a.txt").read_text() == "this is a.txt"

    def test_the_marker_is_seen_over_rsync(self, target: SshTarget, client: Client) -> None:
        words = ("--list-only", f"{target.host}:{MARKER_NAME}")
        assert MARKER_NAME in run(client.rsync(target, *words)).stdout

    def test_the_key_runs_no_other_command(self, target: SshTarget, client: Client) -> None:
        for command in ("id", "sh -c 'touch intruder'", "rsync --daemon", ""):
            done = run([*client.ssh(target), target.host, *([command] if command else [])])
            assert done.returncode != 0
            assert "uid=" not in done.stdout
        assert [path.name for path in target.inbox.iterdir()] == [MARKER_NAME]

    @pytest.mark.parametrize("to", ["../", "../ssh/authorized_keys", "sub/../../"])
    def test_the_key_writes_nothing_outside(
        self, target: SshTarget, client: Client, to: str
    ) -> None:
        before = (target.ssh_folder / "authorized_keys").read_text()
        assert client.send(target, to=to).returncode != 0
        assert sorted(path.name for path in target.inbox.parent.iterdir()) == ["inbox", "ssh"]
        assert (target.ssh_folder / "authorized_keys").read_text() == before

    def test_an_absolute_path_starts_at_the_inbox(self, target: SshTarget, client: Client) -> None:
        outside = target.inbox.parent / "outside"
        client.send(target, to=str(outside))
        assert not outside.exists()

    def test_another_key_is_refused(self, target: SshTarget, client: Client) -> None:
        target.authorize("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAA another")
        sent = client.send(target)
        assert sent.returncode != 0
        assert "Permission denied (publickey)" in sent.stderr

    def test_a_kill_in_the_middle_leaves_nothing(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            running = serving(target)
            assert {"sshd", "rsync"} <= {each.name() for each in running}
            target.kill()
            assert serving(target) == set()
            assert process.wait(SECONDS) != 0
        assert not target.is_running
        assert not listens(target)
        assert 0 < size(target.inbox / "big.bin") < 5 * MEGABYTE

    def test_a_stop_in_the_middle_leaves_nothing(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            target.stop()
            assert serving(target) == set()
            assert process.wait(SECONDS) != 0
        target.stop()
        assert "Received signal 15" in target.log_file.read_text()

    def test_a_server_that_ended_by_itself_leaves_nothing_either(
        self, target: SshTarget, client: Client
    ) -> None:
        with client.sending(target):
            (listener,) = [each for each in serving(target) if each.ppid() == os.getpid()]
            listener.kill()
            wait_until(lambda: not target.is_running)
            target.start()
            assert len(serving(target)) == 1
        assert client.send(target).returncode == 0

    def test_a_cut_link_ends_the_transfer_only(self, target: SshTarget, client: Client) -> None:
        with client.sending(target) as process:
            target.kill_sessions()
            assert process.wait(SECONDS) != 0
        assert len(serving(target)) == 1
        assert client.send(target).returncode == 0

    def test_it_comes_back_with_all_that_it_had(self, target: SshTarget, client: Client) -> None:
        client.send(target)
        line = target.known_hosts_line()
        (target.inbox / MARKER_NAME).unlink()
        target.kill()
        target.prepare()
        target.start()
        assert target.known_hosts_line() == line
        assert [path.name for path in target.inbox.iterdir()] == ["a.txt"]
        assert client.send(target, "b.txt").returncode == 0

    def test_frozen_it_stands_still_and_thawed_it_goes_on(
        self, target: SshTarget, client: Client
    ) -> None:
        with client.sending(target) as process:
            target.freeze()
            wait_until(lambda: states(serving(target)) == {psutil.STATUS_STOPPED})
            arrived = size(target.inbox / "big.bin")
            assert process.poll() is None
            target.thaw()
            assert psutil.STATUS_STOPPED not in states(serving(target))
            wait_until(lambda: size(target.inbox / "big.bin") > arrived)

    def test_frozen_it_can_be_killed(self, target: SshTarget, client: Client) -> None:
        with client.sending(target):
            target.freeze()
            target.kill()
            assert serving(target) == set()
        target.start()
        assert client.send(target).returncode == 0

    def test_a_second_start_does_nothing(self, target: SshTarget) -> None:
        running = serving(target)
        target.start()
        assert serving(target) == running

    def test_it_does_not_outlive_a_killed_owner(self, target: SshTarget) -> None:
        target.stop()
        owner = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", OWNER, target.host, str(PORT), str(target.inbox.parent)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"ready\n"
            assert len(serving(target)) == 1
            owner.kill()
        wait_until(lambda: serving(target) == set())

    def test_a_port_that_is_taken_is_named(self, target: SshTarget, tmp_path: Path) -> None:
        second = SshTarget(host=target.host, port=PORT, folder=tmp_path / "second")
        second.prepare()
        with pytest.raises(OSError, match=rf"sshd {target.host}:{PORT}: .*Address already in use"):
            second.start()
        assert serving(second) == set()

    def test_it_lives_on_loopback_only(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
            SshTarget(host="0.0.0.0", port=PORT, folder=tmp_path)

    def test_a_folder_with_odd_characters_will_do(
        self, block: str, tmp_path: Path, client: Client
    ) -> None:
        target = SshTarget(host=f"{block}.54", port=PORT, folder=tmp_path / "my %h $1 'home'")
        target.prepare()
        target.authorize(client.public_key)
        target.start()
        try:
            sent = client.send(target)
        finally:
            target.stop()
        assert (sent.returncode, sent.stderr) == (0, "")
        assert (target.inbox / "a.txt").exists()


Scenario = Callable[[SimHome, SshTarget], Awaitable[None]]


def make_config(**changes: Any) -> HomeConfig:
    return replace(new_config(*find_home_addresses()), nas_timings=QUICK, **changes)


def play(folder: Path, scenario: Scenario, **changes: Any) -> None:
    """Start a home whose NAS boots in a moment, run the scenario, stop it."""

    async def played() -> None:
        home = SimHome(make_config(**changes), folder=folder, clock=Clock())
        assert home.ssh is not None
        async with asyncio.timeout(SECONDS):
            try:
                await home.start()
                home.nas.machine.calls = False
                await scenario(home, home.ssh)
            finally:
                await home.stop()
        assert serving(home.ssh) == set()

    asyncio.run(played())


def told_running(home: SimHome) -> bool:
    nas: Any = home.describe()["nas"]
    return bool(nas["ssh"]["running"])


@pytest.mark.usefixtures("client")
class TestHome:
    def test_it_runs_and_is_told(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            told: Any = home.describe()
            assert told["nas"]["ssh"] == {
                "host": home.config.nas_ip,
                "port": home.config.ssh_port,
                "user": ssh.user,
                "inbox": str(tmp_path / "nas" / "inbox"),
                "running": True,
            }
            assert told["addresses"]["ssh"] == f"{home.config.nas_ip}:{home.config.ssh_port}"
            assert listens(ssh)

        play(tmp_path, scenario)

    def test_a_file_arrives_while_the_nas_runs(self, tmp_path: Path, client: Client) -> None:
        async def scenario(_home: SimHome, ssh: SshTarget) -> None:
            ssh.authorize(client.public_key)
            sent = await asyncio.to_thread(client.send, ssh)
            assert (sent.returncode, sent.stderr) == (0, "")

        play(tmp_path, scenario)

    @pytest.mark.parametrize("end", ["crash", "power_cut"])
    def test_it_is_gone_with_the_nas_and_comes_back_with_its_port(
        self, tmp_path: Path, end: str
    ) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            home.nas.act(end)
            assert serving(ssh) == set()
            assert not told_running(home)
            home.nas.act("power_back")
            home.nas.act("boot_stops_at", {"stage": "power"})
            home.nas.act("power_on")
            assert not ssh.is_running
            home.nas.act("boot_normally")
            await until(lambda: told_running(home))
            assert home.nas.machine.state is NasState.RUNNING

        play(tmp_path, scenario)

    def test_it_runs_from_the_stage_port_on(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            assert not ssh.is_running
            home.nas.act("boot_stops_at", {"stage": "port"})
            home.nas.act("power_on")
            await until(lambda: told_running(home))
            assert home.nas.machine.state is NasState.BOOTING

        play(tmp_path, scenario, nas_start_state=NasState.OFF)

    def test_a_boot_that_nobody_saw_begin_is_a_new_server(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            before = serving(ssh)
            now = home.clock.now()
            for state in (NasState.CRASHED, NasState.BOOTING, NasState.RUNNING):
                home.nas.machine.enter(state, now, "unseen")
            home.nas.act("auto")
            await until(lambda: told_running(home))
            assert serving(ssh).isdisjoint(before)

        play(tmp_path, scenario)

    def test_suspend_freezes_it_until_the_nas_is_back(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            running = serving(ssh)
            home.nas.act("suspend")
            await until(lambda: states(running) == {psutil.STATUS_STOPPED})
            assert not told_running(home)
            home.nas.act("resume")
            assert not told_running(home)
            await until(lambda: home.nas.machine.state is NasState.RUNNING)
            await until(lambda: told_running(home))
            assert serving(ssh) == running
            assert psutil.STATUS_STOPPED not in states(running)

        play(tmp_path, scenario)

    def test_one_that_starts_suspended_wakes_up_with_it(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            assert not told_running(home)
            home.nas.act("resume")
            await until(lambda: told_running(home))

        play(tmp_path, scenario, nas_start_state=NasState.SUSPENDED)

    def test_an_orderly_shutdown_ends_it_with_the_port(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            home.nas.act("shutdown")
            assert home.nas.machine.stage.name == "port_closed"
            assert serving(ssh) == set()

        play(tmp_path, scenario)

    @pytest.mark.parametrize("action", ["soft_sleep", "restart_service"])
    def test_it_stays_while_only_baluhost_is_away(self, tmp_path: Path, action: str) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            running = serving(ssh)
            home.nas.act(action)
            assert told_running(home)
            assert serving(ssh) == running

        play(tmp_path, scenario)

    @pytest.mark.parametrize("fault", ["hang", "refuse", "backend_dead", "html_200", "slow"])
    def test_it_knows_no_fault_of_the_web_port(self, tmp_path: Path, fault: str) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            home.nas.act(fault)
            assert told_running(home)
            assert listens(ssh)

        play(tmp_path, scenario)

    def test_it_is_frozen_with_the_nas(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            home.nas.act("freeze")
            assert not told_running(home)
            home.nas.act("recover")
            await until(lambda: told_running(home))

        play(tmp_path, scenario)

    def test_quick_changes_end_as_the_last_one_says(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, ssh: SshTarget) -> None:
            home.nas.act("timings", {"boot_seconds": 0, "boot_port_seconds": 0})
            for _ in range(3):
                for action in ("suspend", "crash", "power_on", "freeze", "recover", "suspend"):
                    home.nas.act(action)
                for action in ("crash", "power_on"):
                    home.nas.act(action)
            await until(lambda: told_running(home))
            assert len(serving(ssh)) == 1

        play(tmp_path, scenario)

    def test_a_port_that_is_taken_stops_the_start(self, tmp_path: Path) -> None:
        config = make_config()
        home = SimHome(config, folder=tmp_path)
        with (
            socket.create_server((config.nas_ip, config.ssh_port)),
            pytest.raises(HomeError, match="Address already in use"),
        ):
            asyncio.run(home.start())

    def test_settings_older_than_it_have_none(self, tmp_path: Path) -> None:
        settings = make_config().to_json()
        del settings["ssh_port"]
        home = SimHome(HomeConfig.from_json(settings), folder=tmp_path)
        told: Any = home.describe()
        assert told["nas"]["ssh"] is None
        assert "ssh" not in told["addresses"]
