"""Settings: what is accepted, what stops the start, and that the variable is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from balupi_site.lib import env as parse


@pytest.mark.parametrize(
    ("parser", "value", "expected"),
    [
        pytest.param(parse.parse_bool, "Yes", True, id="yes is true"),
        pytest.param(parse.parse_bool, "off", False, id="off is false"),
        pytest.param(parse.parse_number(0, 10), "2.5", 2.5, id="a number"),
        pytest.param(parse.parse_int(1, 5), "5", 5, id="the upper end belongs to the range"),
        pytest.param(
            parse.parse_url,
            "http://192.168.178.53/",
            "http://192.168.178.53",
            id="no slash at the end",
        ),
        pytest.param(
            parse.parse_mac, "AA-BB-CC-DD-EE-0F", "aa:bb:cc:dd:ee:0f", id="dashes and capitals"
        ),
        pytest.param(
            parse.parse_names,
            "NAS.local, nas.lan,nas.local",
            ("nas.local", "nas.lan"),
            id="no repeats",
        ),
        pytest.param(parse.parse_power_limits, "2,15,60", (2.0, 15.0, 60.0), id="three limits"),
        pytest.param(parse.parse_host_port, "127.0.0.1:53", ("127.0.0.1", 53), id="host and port"),
        pytest.param(
            parse.parse_listen,
            "127.0.0.1:80, [::1]:80",
            ("127.0.0.1:80", "[::1]:80"),
            id="two addresses",
        ),
        pytest.param(parse.parse_zone, "Europe/Berlin", "Europe/Berlin", id="a zone"),
    ],
)
def test_a_good_value_is_read(parser: Callable[[str], Any], value: str, expected: object) -> None:
    assert parser(value) == expected


@pytest.mark.parametrize(
    ("parser", "value"),
    [
        pytest.param(parse.parse_bool, "maybe", id="neither true nor false"),
        pytest.param(parse.parse_number(0, 10), "nan", id="not a number"),
        pytest.param(parse.parse_number(0, 10), "-1", id="below the range"),
        pytest.param(parse.parse_int(1, 5), "2.5", id="not a whole number"),
        pytest.param(parse.parse_choice("dev", "prod"), "test", id="not a choice"),
        pytest.param(parse.parse_url, "192.168.178.53", id="an address is no URL"),
        pytest.param(parse.parse_url, "http://host:99999", id="a port too high"),
        pytest.param(parse.parse_url, "http://user:secret@host", id="a password in a URL"),
        pytest.param(parse.parse_ip, "192.168.178.256", id="no address"),
        pytest.param(parse.parse_ip, "baluhost.local", id="a name is no address"),
        pytest.param(parse.parse_mac, "aa:bb:cc", id="half a MAC"),
        pytest.param(parse.parse_names, " , ", id="no name at all"),
        pytest.param(parse.parse_names, "10.0.0.1 nas.local", id="a record is no name"),
        pytest.param(parse.parse_power_limits, "15,2,60", id="limits that fall"),
        pytest.param(parse.parse_power_limits, "2,15", id="a limit is missing"),
        pytest.param(parse.parse_host_port, "127.0.0.1", id="no port"),
        pytest.param(parse.parse_zone, "Europe/Nowhere", id="no such zone"),
        pytest.param(parse.parse_zone, "../../etc/passwd", id="a path is no zone"),
    ],
)
def test_a_bad_value_is_refused(parser: Callable[[str], Any], value: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parser(value)


def test_every_mistake_is_told_at_once_and_by_name() -> None:
    env = parse.Env({"BALUPI_WOL_PORT": "abc", "BALUPI_NAS_IP": "nas"})
    assert env.parsed("WOL_PORT", "9", parse.parse_int(1, 65535), 9) == 9
    env.parsed("NAS_IP", "", parse.parse_ip, "")
    with pytest.raises(parse.SettingsError) as error:
        env.raise_errors()
    first, second = str(error.value).splitlines()
    assert first == "  BALUPI_WOL_PORT: must be a whole number from 1 to 65535 (it is 'abc')"
    assert second.startswith("  BALUPI_NAS_IP: must be an IPv4 address")


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    assert parse.Env({"BALUPI_KEY_FILE": str(tmp_path / "secret")}).secret("KEY") == "hush"


def test_an_unreadable_secret_file_is_told_without_its_path_content(tmp_path: Path) -> None:
    env = parse.Env({"BALUPI_KEY_FILE": str(tmp_path / "missing")})
    assert env.secret("KEY") == ""
    assert env.errors == [
        "  BALUPI_KEY_FILE: cannot read the file it names: No such file or directory"
    ]
