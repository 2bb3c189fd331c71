"""The simulated household as a whole: plugs, NAS and Pi-hole in one event loop."""

import asyncio
from pathlib import Path

from simhome.clock import Clock
from simhome.config import HomeConfig, PlugConfig
from simhome.discovery import DiscoveryListener
from simhome.loads import FreezerLoad, Load, MonitorLoad
from simhome.nas import SimNas
from simhome.nas_ssh import SshTarget
from simhome.nas_stages import System
from simhome.nas_status import moment
from simhome.pihole import SimPihole
from simhome.plug import SimPlug

LOOPBACK_BROADCAST = "127.255.255.255"
_PIHOLE_STATE_FILE = "pihole.json"
_NAS_FOLDER = "nas"


class HomeError(Exception):
    """The household cannot start; the message says what and why."""


class SimHome:
    """Everything that stands in the household, by the settings of ``home.json``."""

    def __init__(self, config: HomeConfig, *, folder: Path, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or Clock()
        self.nas = SimNas(
            host=config.nas_ip,
            port=config.nas_port,
            mac=config.nas_mac,
            wol_hosts=(LOOPBACK_BROADCAST, config.broadcast_ip, config.nas_ip),
            wol_port=config.wol_port,
            pi_url=config.pi_url,
            handshake_secret=config.handshake_secret,
            users=config.users,
            secret_key=config.nas_secret_key,
            hostname=config.nas_hostname,
            state=config.nas_start_state,
            timings=config.nas_timings,
            seed=config.seed,
            clock=self.clock,
        )
        self.ssh: SshTarget | None = None
        if config.ssh_port and SshTarget.is_available():
            self.ssh = SshTarget(
                host=config.nas_ip, port=config.ssh_port, folder=folder / _NAS_FOLDER
            )
        self.plugs = {plug.alias: self._plug(plug) for plug in config.plugs}
        self.discovery = DiscoveryListener(
            host=config.broadcast_ip, plugs=list(self.plugs.values())
        )
        self.pihole = SimPihole(
            host=config.pi_ip,
            port=config.pihole_port,
            dns_host=config.pi_ip,
            dns_port=config.dns_port,
            password=config.pihole_password,
            clock=self.clock,
            state_file=folder / _PIHOLE_STATE_FILE,
            hosts=list(config.pihole_hosts),
        )
        self._wire_nas()

    async def start(self) -> None:
        """Come to life, or leave nothing running.

        Raises:
            HomeError: an address is taken.
        """
        try:
            await self.pihole.start()
            for plug in self.plugs.values():
                await plug.start()
            await self.discovery.start()
            await self._start_nas()
        except OSError as error:
            await self.stop()
            raise HomeError(
                f"the home cannot start, is it running already? {error.strerror or error}"
            ) from error

    async def stop(self) -> None:
        """Stop everything; a second call does nothing."""
        await self.nas.stop()
        if self.ssh is not None:
            await asyncio.to_thread(self.ssh.stop)
        await self.discovery.stop()
        for plug in self.plugs.values():
            await plug.stop()
        await self.pihole.stop()

    def describe(self) -> dict[str, object]:
        """Return the state of everything, ready for JSON."""
        return {
            "at": moment(self.clock.now()),
            "nas": {**self.nas.describe(), "ssh": self._describe_ssh()},
            "plugs": {plug.alias: plug.describe() for plug in self.plugs.values()},
            "pihole": self.pihole.describe(),
            "addresses": self.config.addresses(),
        }

    async def _start_nas(self) -> None:
        if self.ssh is not None:
            await asyncio.to_thread(self.ssh.prepare)
        await self.nas.start()
        if self.ssh is not None and self.nas.machine.system is System.UP:
            await asyncio.to_thread(self.ssh.wait_until_running)

    def _follow_system(self, system: System) -> None:
        """Let the rsync target live and die with the NAS; takes effect at once, but for a start."""
        assert self.ssh is not None  # noqa: S101 - wired only where there is one
        if system is System.UP:
            self.ssh.launch()
            self.ssh.thaw()
        elif system is System.FROZEN:
            self.ssh.freeze()
        else:
            self.ssh.kill()

    def _describe_ssh(self) -> dict[str, object] | None:
        if self.ssh is None:
            return None
        return {
            "host": self.ssh.host,
            "port": self.ssh.port,
            "user": self.ssh.user,
            "inbox": str(self.ssh.inbox),
            "running": self.ssh.is_running and not self.ssh.is_frozen,
        }

    def _plug(self, plug: PlugConfig) -> SimPlug:
        return SimPlug(
            alias=plug.alias,
            device_id=plug.device_id,
            mac=plug.mac,
            host=plug.host,
            port=self.config.plug_port,
            load=self._load(plug.load),
            credentials=(self.config.tapo_username, self.config.tapo_password),
            clock=self.clock,
            model=plug.model,
        )

    def _load(self, name: str) -> Load:
        if name == "nas":
            return self.nas
        return MonitorLoad(self.config.seed) if name == "monitor" else FreezerLoad(self.config.seed)

    def _wire_nas(self) -> None:
        """Let the NAS have its mains through its plug, and no other way."""
        alias = next(plug.alias for plug in self.config.plugs if plug.load == "nas")
        plug = self.plugs[alias]
        plug.on_relay = lambda on: self.nas.set_mains(on=on)
        self.nas.switch_plug = lambda on: setattr(plug, "relay_on", on)
        if self.ssh is not None:
            self.nas.on_system = self._follow_system
