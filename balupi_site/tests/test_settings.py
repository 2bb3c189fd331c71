"""The start is refused, with the variable named, where a setting is missing or dangerous."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOME = {
    "BALUPI_MODE": "prod",
    "BALUPI_SECRET_KEY": "k" * 30 + "0123456789abcdefghijklmnop",
    "BALUPI_NAS_URL": "http://192.0.2.53",
    "BALUPI_NAS_IP": "192.0.2.53",
    "BALUPI_PI_IP": "192.0.2.2",
    "BALUPI_NAS_MAC_ADDRESS": "aa:bb:cc:dd:ee:ff",
    "BALUPI_HANDSHAKE_SECRET": "s" * 40,
}


def start(variables: dict[str, str], command: str = "check") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALUPI_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, str(ROOT / "manage.py"), command],
        env={**kept, "BALUPI_ENV_FILE": "/dev/null", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        pytest.param(
            {"BALUPI_MODE": "mock"}, "BALUPI_MODE: must be one of dev, prod", id="no such mode"
        ),
        pytest.param(
            {"BALUPI_ENV_FILE": "/nowhere/balupi.env"},
            "BALUPI_ENV_FILE: names /nowhere/balupi.env, which is not there",
            id="the settings file is not there",
        ),
        pytest.param(
            {"BALUPI_ENV_FILE": "/" + "x" * 300},
            "which is not there or not for this user to read",
            id="the settings file cannot even be looked for",
        ),
        pytest.param({"BALUPI_SITE": "my garage"}, "BALUPI_SITE: must be a short name", id="site"),
        pytest.param(
            {"BALUPI_SITE": "garage"},
            "BALUPI_SITE: garage needs BALUPI_DATABASE_URL",
            id="another site without home's database",
        ),
        pytest.param(
            {"BALUPI_NAS_IP": "192.0.2.53"},
            "BALUPI_NAS_IP: 192.0.2.53 is outside",
            id="dev stays inside",
        ),
        pytest.param(
            {"BALUPI_WOL_BROADCAST": "255.255.255.255"},
            "BALUPI_WOL_BROADCAST",
            id="dev wakes nobody",
        ),
        pytest.param(
            {**HOME, "BALUPI_SECRET_KEY": ""},
            "BALUPI_SECRET_KEY: is missing",
            id="prod without a key",
        ),
        pytest.param(
            {**HOME, "BALUPI_NAS_IP": ""}, "BALUPI_NAS_IP: is missing", id="prod without the NAS"
        ),
        pytest.param(
            {**HOME, "BALUPI_PI_IP": ""}, "BALUPI_PI_IP: is missing", id="prod without the Pi"
        ),
        pytest.param(
            {**HOME, "BALUPI_HANDSHAKE_SECRET": "short"},
            "BALUPI_HANDSHAKE_SECRET",
            id="a short secret",
        ),
        pytest.param(
            {**HOME, "BALUPI_NAS_URL": "http://baluhost.local"},
            "BALUPI_NAS_URL",
            id="a name we switch ourselves",
        ),
        pytest.param(
            {**HOME, "BALUPI_PI_IP": "192.0.2.53"}, "BALUPI_PI_IP", id="the Pi is not the NAS"
        ),
        pytest.param(
            {**HOME, "BALUPI_DATABASE_URL": "ftp://x"}, "BALUPI_DATABASE_URL", id="no such database"
        ),
        pytest.param(
            {**HOME, "BALUPI_DATABASE_URL": "mysql://x/y"}, "must be sqlite", id="not our database"
        ),
        pytest.param(
            {**HOME, "BALUPI_REDIS_URL": "http://x"}, "BALUPI_REDIS_URL", id="no such Redis"
        ),
    ],
)
def test_it_refuses_to_start_and_names_the_variable(variables: dict[str, str], told: str) -> None:
    done = start(variables)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert HOME["BALUPI_HANDSHAKE_SECRET"] not in done.stderr


@pytest.mark.parametrize(
    "variables", [pytest.param({}, id="nothing set"), pytest.param(HOME, id="a real home")]
)
def test_it_starts_with_good_settings(variables: dict[str, str]) -> None:
    done = start(variables)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused")
@pytest.mark.parametrize("command", ["migrate", "run_worker", "run_web"])
def test_root_is_refused_where_it_would_make_files_that_the_services_cannot_open(
    tmp_path: Path, command: str
) -> None:
    place = tmp_path / "balupi"
    place.mkdir()
    if not command.startswith("run_"):  # a service may never be root
        os.chown(place, 65534, 65534)

    done = start({**HOME, "BALUPI_DATA_DIR": str(place)}, command)

    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        f"'sudo balupi {command}' runs it as the user that the data belong to."
    )
    assert list(place.iterdir()) == []
