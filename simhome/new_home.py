"""Makes the settings of a new household: free addresses, new secrets."""

import json
import secrets
from dataclasses import asdict, replace
from pathlib import Path

from simhome.config import ConfigError, HomeConfig, PlugConfig, config_path, load_config
from simhome.free_addresses import HomePorts, find_home_addresses
from simhome.nas_users import NasUser

_DEVICE_ID_BYTES = 20


def load_or_create_config(folder: Path, *, nas_port: int | None = None) -> HomeConfig:
    """Read the settings of a home, or make them with free addresses and new secrets.

    ``nas_port`` is kept in them, for NAS and Pi; None takes what is there, or any free port.

    Raises:
        ConfigError: they cannot be used, or the port is taken.
    """
    if config_path(folder).exists():
        config = load_config(folder)
        if nas_port in (None, config.nas_port):
            return config
        return _saved(folder, _with_nas_port(config, nas_port))
    try:
        return _saved(folder, new_config(*find_home_addresses(nas_port=nas_port)))
    except OSError as error:
        raise ConfigError(str(error)) from error


def _with_nas_port(config: HomeConfig, nas_port: int) -> HomeConfig:
    """Change the web port, also in the calls' address where that was not set by hand."""
    pi_url = config.pi_url
    if pi_url == f"http://{config.pi_ip}:{config.nas_port}":
        pi_url = f"http://{config.pi_ip}:{nas_port}"
    return replace(config, nas_port=nas_port, pi_url=pi_url)


def _saved(folder: Path, config: HomeConfig) -> HomeConfig:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = config_path(folder).with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(config.to_json(), indent=2) + "\n")
    temporary.replace(config_path(folder))
    return config


def new_config(block: str, ports: HomePorts) -> HomeConfig:
    """Return settings for a home at these addresses, with new secrets."""
    return HomeConfig(
        block=block,
        **asdict(ports),
        nas_mac=_new_mac(),
        pi_url=f"http://{block}.2:{ports.nas_port}",
        pihole_password=secrets.token_urlsafe(12),
        tapo_username="Household@home.example",
        tapo_password=secrets.token_urlsafe(12),
        handshake_secret=secrets.token_urlsafe(32),
        nas_secret_key=secrets.token_urlsafe(32),
        users=(
            NasUser(id=1, username="admin", password=_new_password(), role="admin"),
            NasUser(id=2, username="family", password=_new_password()),
            NasUser(
                id=3,
                username="careful",
                password=_new_password(),
                totp_code=f"{secrets.randbelow(10**6):06d}",
            ),
        ),
        plugs=tuple(
            PlugConfig(
                alias=alias,
                load=load,
                host=f"{block}.{101 + number}",
                mac=_new_mac(),
                device_id=secrets.token_hex(_DEVICE_ID_BYTES).upper(),
            )
            for number, (alias, load) in enumerate(
                (("NAS", "nas"), ("Monitor", "monitor"), ("Freezer", "freezer"))
            )
        ),
        pihole_hosts=(f"{block}.1 router.home",),
    )


def _new_mac() -> str:
    """Return a locally administered address, which no real device has."""
    return ":".join(["02", *(f"{byte:02x}" for byte in secrets.token_bytes(5))])


def _new_password() -> str:
    """Return a password that BaluHost's rules allow: lower case, upper case and a digit."""
    return f"Nas1-{secrets.token_urlsafe(6)}"
