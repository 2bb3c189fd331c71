"""The rsync target follows the NAS of a simulated home."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from simhome.clock import Clock
from simhome.config import HomeConfig
from simhome.free_addresses import find_home_addresses
from simhome.home import HomeError, SimHome
from simhome.nas_ssh import SshTarget
from simhome.nas_stages import NasState, NasTimings
from simhome.new_home import new_config
from simhome.tests.nas_ssh.helpers import SECONDS, Client, listens, serving, states

pytestmark = pytest.mark.enable_socket

QUICK = NasTimings(
    boot_port_seconds=0.1,
    boot_seconds=0.1,
    shutdown_answering_seconds=0,
    shutdown_port_seconds=0,
    shutdown_seconds=60,
    resume_seconds=0.1,
    restart_seconds=60,
)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0.01)


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
