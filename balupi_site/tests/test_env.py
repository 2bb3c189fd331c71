"""Settings: what is accepted, what stops the start, and that the variable is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from balupi_site.lib import parse
from balupi_site.lib.env import Env, SettingsError


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
        pytest.param(parse.parse_user, "baluhost", "baluhost", id="a user"),
        pytest.param(parse.parse_user, "_Svc.balu-2", "_Svc.balu-2", id="all that a user may have"),
        pytest.param(parse.parse_user, "a" * 32, "a" * 32, id="a long user"),
        pytest.param(parse.parse_folder, "/data/inbox", "/data/inbox", id="a folder"),
        pytest.param(parse.parse_folder, "/data/inbox//", "/data/inbox", id="slashes at the end"),
        pytest.param(
            parse.parse_folder, "/mnt/my disk/Büro", "/mnt/my disk/Büro", id="spaces and umlauts"
        ),
        pytest.param(parse.parse_folder, "/d/$HOME `x`;", "/d/$HOME `x`;", id="a shell's signs"),
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
        pytest.param(parse.parse_user, "", id="no user"),
        pytest.param(parse.parse_user, "-oProxyCommand=x", id="an option is no user"),
        pytest.param(parse.parse_user, "1st", id="a user that begins with a digit"),
        pytest.param(parse.parse_user, "balu@nas", id="a user with a host"),
        pytest.param(parse.parse_user, "balu host", id="a user with a space"),
        pytest.param(parse.parse_user, "balu\n", id="a user with a line break"),
        pytest.param(parse.parse_user, "bälu", id="a user with an umlaut"),
        pytest.param(parse.parse_user, "a" * 33, id="a user that is too long"),
        pytest.param(parse.parse_folder, "data/inbox", id="a path without its first slash"),
        pytest.param(parse.parse_folder, "~/inbox", id="a home that only a shell knows"),
        pytest.param(parse.parse_folder, "nas:/data", id="a folder with a host"),
        pytest.param(parse.parse_folder, "/", id="the whole disk"),
        pytest.param(
            parse.parse_folder,
            "//",
            id="the whole disk in two slashes",
        ),
        pytest.param(parse.parse_folder, '/da"ta', id="a quote ends the line for the NAS"),
        pytest.param(parse.parse_folder, "/da'ta", id="a single quote"),
        pytest.param(parse.parse_folder, "/da\\ta", id="a backslash"),
        pytest.param(parse.parse_folder, "/data\n/inbox", id="a folder with a line break"),
        pytest.param(parse.parse_folder, "/data\t", id="a folder with a tab"),
    ],
)
def test_a_bad_value_is_refused(parser: Callable[[str], Any], value: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parser(value)


def test_every_mistake_is_told_at_once_and_by_name() -> None:
    env = Env({"BALUPI_WOL_PORT": "abc", "BALUPI_NAS_IP": "nas"})
    assert env.parsed("WOL_PORT", "9", parse.parse_int(1, 65535), 9) == 9
    env.parsed("NAS_IP", "", parse.parse_ip, "")
    with pytest.raises(SettingsError) as error:
        env.raise_errors()
    first, second = str(error.value).splitlines()
    assert first == "  BALUPI_WOL_PORT: must be a whole number from 1 to 65535 (it is 'abc')"
    assert second.startswith("  BALUPI_NAS_IP: must be an IPv4 address")


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    assert Env({"BALUPI_KEY_FILE": str(tmp_path / "secret")}).secret("KEY") == "hush"


def test_an_unreadable_secret_file_is_told_without_its_path_content(tmp_path: Path) -> None:
    env = Env({"BALUPI_KEY_FILE": str(tmp_path / "missing")})
    assert env.secret("KEY") == ""
    assert env.errors == [
        "  BALUPI_KEY_FILE: cannot read the file it names: No such file or directory"
    ]
