"""The settings of one simulated household: ``home.json`` in its folder."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from simhome.loopback import require_loopback
from simhome.nas_stages import NasState, NasTimings
from simhome.nas_users import NasUser
from simhome.wol import mac_bytes

FILE_NAME = "home.json"
PLUG_LOADS = ("nas", "monitor", "freezer")
_START_STATES = (NasState.RUNNING, NasState.SOFT_SLEEP, NasState.SUSPENDED, NasState.OFF)
_HIGHEST_PORT = 65535
_T = TypeVar("_T")


class ConfigError(Exception):
    """``home.json`` cannot be used; the message names the setting."""


@dataclass(frozen=True, kw_only=True)
class PlugConfig:
    """A plug: where it is, what it is called, and what is plugged into it."""

    alias: str
    load: str
    host: str
    mac: str
    device_id: str
    model: str = "P110"

    def __post_init__(self) -> None:
        if self.load not in PLUG_LOADS:
            raise ConfigError(f"plugs: load of {self.alias} must be one of {', '.join(PLUG_LOADS)}")
        _named("plugs: host", require_loopback, self.host)
        _named("plugs: mac", mac_bytes, self.mac)


@dataclass(frozen=True, kw_only=True)
class HomeConfig:
    """Addresses, secrets and habits of a household; everything on one /24 of loopback.

    ``ssh_port`` 0, as in files older than it, is a NAS without a rsync target.
    """

    block: str
    nas_port: int
    nas_mac: str
    wol_port: int
    pihole_port: int
    dns_port: int
    plug_port: int
    control_port: int
    pi_url: str
    pihole_password: str
    tapo_username: str
    tapo_password: str
    handshake_secret: str
    nas_secret_key: str
    users: tuple[NasUser, ...]
    plugs: tuple[PlugConfig, ...]
    ssh_port: int = 0
    pihole_hosts: tuple[str, ...] = ()
    nas_hostname: str = "balunas"
    nas_start_state: NasState = NasState.RUNNING
    nas_timings: NasTimings = field(default_factory=NasTimings)
    seed: int = 1

    def __post_init__(self) -> None:
        _named("block", require_loopback, f"{self.block}.1")
        _named("nas_mac", mac_bytes, self.nas_mac)
        _named("pi_url", require_loopback, urlsplit(self.pi_url).hostname or "")
        for name in ("nas_port", "wol_port", "pihole_port", "dns_port", "plug_port"):
            _require_port(name, getattr(self, name))
        _require_port("control_port", self.control_port)
        _require_port("ssh_port", self.ssh_port, lowest=0)
        if [plug.load for plug in self.plugs].count("nas") != 1:
            raise ConfigError("plugs: exactly one plug must have the load nas")

    @property
    def nas_ip(self) -> str:
        """Where the NAS is."""
        return f"{self.block}.53"

    @property
    def pi_ip(self) -> str:
        """Where the Pi-hole is and BaluPi shall be."""
        return f"{self.block}.2"

    @property
    def nas_url(self) -> str:
        """BaluHost's address."""
        return f"http://{self.nas_ip}:{self.nas_port}"

    @property
    def pihole_url(self) -> str:
        """The Pi-hole's address."""
        return f"http://{self.pi_ip}:{self.pihole_port}"

    @property
    def control_host(self) -> str:
        """Where the control command finds the running home."""
        return f"{self.block}.1"

    @property
    def broadcast_ip(self) -> str:
        """Directed broadcast of this home: magic packets, and the discovery target of its plugs."""
        return f"{self.block}.255"

    def addresses(self) -> dict[str, str]:
        """Return where everything is, by name."""
        found = {
            "nas": self.nas_url,
            "pi": self.pi_url,
            "pihole": self.pihole_url,
            "dns": f"{self.pi_ip}:{self.dns_port}",
            "plugs": ",".join(f"{plug.host}:{self.plug_port}" for plug in self.plugs),
            "discovery": self.broadcast_ip,
            "control": f"http://{self.control_host}:{self.control_port}",
        }
        if self.ssh_port:
            found["ssh"] = f"{self.nas_ip}:{self.ssh_port}"
        return found

    def to_json(self) -> dict[str, Any]:
        """Return what ``home.json`` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Build the settings from what ``home.json`` holds.

        Raises:
            ConfigError: something is missing, unknown or wrong; the message names it.
        """
        values = _known(cls, value, "home.json")
        built = {
            "users": tuple(_build(NasUser, user, "users") for user in values.get("users", ())),
            "plugs": tuple(_build(PlugConfig, plug, "plugs") for plug in values.get("plugs", ())),
            "pihole_hosts": tuple(values.get("pihole_hosts", ())),
            "nas_timings": _build(NasTimings, values.get("nas_timings", {}), "nas_timings"),
            "nas_start_state": _start_state(values.get("nas_start_state", NasState.RUNNING)),
        }
        return _build(cls, {**values, **built}, "home.json")


def config_path(folder: Path) -> Path:
    """Return where the settings of a home are."""
    return folder / FILE_NAME


def load_config(folder: Path) -> HomeConfig:
    """Read the settings of a home.

    Raises:
        ConfigError: there are none, or they cannot be used.
    """
    path = config_path(folder)
    try:
        return HomeConfig.from_json(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is not there; make it with init") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _known(kind: type, value: object, where: str) -> dict[str, Any]:
    """Return a JSON object that has no other keys than a dataclass has fields."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must be a JSON object, not {value!r}")
    if unknown := sorted(set(value) - {item.name for item in fields(kind)}):
        raise ConfigError(f"{where}: unknown setting {', '.join(unknown)}")
    return value


def _build(kind: type[_T], value: object, where: str) -> _T:
    """Build a dataclass from a JSON object; what is missing or wrong is named."""
    try:
        return kind(**_known(kind, value, where))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _start_state(value: object) -> NasState:
    if value not in _START_STATES:
        raise ConfigError(f"nas_start_state must be one of {', '.join(_START_STATES)}")
    return NasState(str(value))


def _named(name: str, check: Callable[[str], object], value: str) -> None:
    """Run a check whose error does not know the name of the setting."""
    try:
        check(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _require_port(name: str, port: object, *, lowest: int = 1) -> None:
    if isinstance(port, bool) or not isinstance(port, int) or not lowest <= port <= _HIGHEST_PORT:
        raise ConfigError(f"{name} must be a port number, not {port!r}")
