"""The household as a whole, and its settings."""

import asyncio
import itertools
import json
import socket
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simhome.clock import ManualClock
from simhome.config import ConfigError, HomeConfig, config_path, load_config
from simhome.free_addresses import find_home_addresses
from simhome.home import HomeError, SimHome
from simhome.nas_stages import NasState
from simhome.new_home import load_or_create_config, new_config

pytestmark = pytest.mark.enable_socket

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def make_config() -> HomeConfig:
    return new_config(*find_home_addresses())


def play(folder: Path, scenario: Callable[[SimHome, ManualClock], Awaitable[None]]) -> None:
    """Start a home on a clock that is moved by hand, run the scenario, stop it."""

    async def run() -> None:
        clock = ManualClock(START)
        home = SimHome(make_config(), folder=folder, clock=clock)
        async with asyncio.timeout(20):
            await home.start()
            try:
                await scenario(home, clock)
            finally:
                await home.stop()

    asyncio.run(run())


class TestHousehold:
    def test_the_plug_of_the_nas_is_its_mains(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, _clock: ManualClock) -> None:
            plug = home.plugs["NAS"]
            assert plug.power_w() > 30
            for on, power_w in ((False, 0.0), (True, 1.2)):
                plug.relay_on = on
                assert (plug.power_w(), home.nas.power_w(START)) == (power_w, power_w)
                assert home.nas.machine.state is NasState.OFF

        play(tmp_path, scenario)

    def test_python_kasa_discovers_all_plugs_of_this_home_and_no_other(
        self, tmp_path: Path
    ) -> None:
        async def scenario(home: SimHome, _clock: ManualClock) -> None:
            from kasa import Discover

            (tmp_path / "next").mkdir()
            neighbour = SimHome(make_config(), folder=tmp_path / "next", clock=ManualClock(START))
            await neighbour.start()
            try:
                found = await Discover.discover(
                    target=home.config.broadcast_ip, discovery_timeout=1, discovery_packets=1
                )
            finally:
                await neighbour.stop()
            assert sorted(found) == sorted(plug.host for plug in home.plugs.values())
            for device in found.values():
                await device.disconnect()

        play(tmp_path, scenario)

    def test_a_power_cut_switches_the_relay(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, _clock: ManualClock) -> None:
            for action, on in (("power_cut", False), ("power_back", True)):
                home.nas.act(action)
                assert home.plugs["NAS"].relay_on is on
                assert home.nas.machine.mains is on

        play(tmp_path, scenario)

    def test_the_plug_measures_the_nas_exactly_through_a_crash(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, clock: ManualClock) -> None:
            plug = home.plugs["NAS"]
            home.nas.act("idle")
            clock.advance(3600)
            home.nas.act("crash")
            clock.advance(3600)
            two_hours_wh = plug.energy_wh()
            clock.advance(1800)
            assert plug.energy_wh() - two_hours_wh == pytest.approx(0.6)
            running_wh = two_hours_wh - 1.2
            assert 31 < running_wh < 36

        play(tmp_path, scenario)

    def test_monitor_and_freezer_draw_what_they_should(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, clock: ManualClock) -> None:
            clock.advance(86400)
            assert 100 < home.plugs["Freezer"].energy_wh() < 600
            assert 5 < home.plugs["Monitor"].energy_wh() < 300

        play(tmp_path, scenario)

    def test_everything_is_told_as_json(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, _clock: ManualClock) -> None:
            told = json.loads(json.dumps(home.describe()))
            assert told["nas"]["state"] == "running"
            assert list(told["plugs"]) == ["NAS", "Monitor", "Freezer"]
            assert told["pihole"]["hosts"] == list(home.config.pihole_hosts)
            assert told["addresses"]["nas"] == home.config.nas_url

        play(tmp_path, scenario)

    def test_two_homes_stand_side_by_side(self, tmp_path: Path) -> None:
        async def scenario(home: SimHome, clock: ManualClock) -> None:
            other = SimHome(make_config(), folder=tmp_path / "other", clock=clock)
            await other.start()
            home.nas.act("crash")
            assert other.nas.machine.state is NasState.RUNNING
            await other.stop()

        (tmp_path / "other").mkdir()
        play(tmp_path, scenario)

    def test_one_that_cannot_start_leaves_nothing_running(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            config = make_config()
            home = SimHome(config, folder=tmp_path)
            with (
                socket.create_server((config.nas_ip, config.nas_port)),
                pytest.raises(HomeError, match=r"is it running already\? TCP .*in use"),
            ):
                await home.start()
            another = SimHome(config, folder=tmp_path)
            await another.start()
            await another.stop()

        asyncio.run(scenario())

    def test_it_starts_as_told(self, tmp_path: Path) -> None:
        settings = {**make_config().to_json(), "nas_start_state": "off"}
        home = SimHome(HomeConfig.from_json(settings), folder=tmp_path)
        assert home.nas.machine.state is NasState.OFF


class TestSettings:
    def test_they_are_made_once_and_only_for_us(self, tmp_path: Path) -> None:
        made = load_or_create_config(tmp_path / "home")
        again = load_or_create_config(tmp_path / "home")
        assert made == again == load_config(tmp_path / "home")
        mode = stat.S_IMODE(config_path(tmp_path / "home").stat().st_mode)
        assert mode == 0o600

    def test_two_homes_share_no_address_and_no_secret(self) -> None:
        first, second = make_config(), make_config()
        assert first.block != second.block
        assert first.handshake_secret != second.handshake_secret
        assert first.nas_mac != second.nas_mac

    def test_the_web_port_can_be_chosen(self, tmp_path: Path) -> None:
        config = load_or_create_config(tmp_path, nas_port=20099)
        assert config.nas_url == f"http://{config.block}.53:20099"
        assert config.pi_url == f"http://{config.block}.2:20099"

    def test_the_web_port_can_be_changed_later_and_nothing_else_changes(
        self, tmp_path: Path
    ) -> None:
        made = load_or_create_config(tmp_path)
        changed = load_or_create_config(tmp_path, nas_port=20096)
        assert changed == load_config(tmp_path)
        assert changed.pi_url == f"http://{made.block}.2:20096"
        assert changed == replace(made, nas_port=20096, pi_url=changed.pi_url)

    def test_a_port_taken_everywhere_is_refused(
        self, tmp_path: Path, block: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, second, third = block.split(".")
        drawn = itertools.cycle([int(second) - 1, int(third)])
        monkeypatch.setattr("simhome.free_addresses.secrets.randbelow", lambda _: next(drawn))
        with (
            socket.create_server((f"{block}.53", 20098)),
            pytest.raises(ConfigError, match=r"no free addresses found: .*in use"),
        ):
            load_or_create_config(tmp_path, nas_port=20098)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            pytest.param({"colour": "red"}, "unknown setting colour", id="unknown"),
            pytest.param({"block": "192.168.1"}, "block: .*192.168.1.1", id="a real network"),
            pytest.param({"nas_mac": "02:00"}, "nas_mac: not a MAC address", id="short MAC"),
            pytest.param({"pi_url": "http://example.org"}, "pi_url: ", id="calls to elsewhere"),
            pytest.param({"dns_port": 0}, "dns_port must be a port", id="no port"),
            pytest.param({"nas_port": "80"}, "nas_port must be a port", id="port as text"),
            pytest.param({"ssh_port": -1}, "ssh_port must be a port", id="no port for ssh"),
            pytest.param({"nas_start_state": "crashed"}, "nas_start_state must be", id="state"),
            pytest.param({"nas_timings": {"boot_seconds": 1}}, "boot_port_seconds", id="times"),
            pytest.param({"nas_timings": {"nap": 1}}, "nas_timings: unknown", id="unknown time"),
            pytest.param({"plugs": []}, "exactly one plug", id="no plug for the NAS"),
            pytest.param({"users": [{"id": 1}]}, "users: .*username", id="half a user"),
        ],
    )
    def test_a_wrong_one_is_named(self, changed: dict[str, Any], message: str) -> None:
        settings = json.loads(json.dumps(make_config().to_json()))
        with pytest.raises(ConfigError, match=message):
            HomeConfig.from_json({**settings, **changed})

    @pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
    def test_a_broken_file_is_an_error_that_says_so(self, tmp_path: Path, text: str) -> None:
        config_path(tmp_path).write_text(text)
        with pytest.raises(ConfigError, match=r"home\.json"):
            load_config(tmp_path)

    def test_no_file_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="init"):
            load_config(tmp_path)
