"""The files of deploy/ as the programs that read them see them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from balupi_site.nginx_site import nginx_site
from tests.conftest import ROOT
from tests.nginx import NGINX, whole_configuration

TESTPARM = "/usr/bin/testparm"
SCRIPTS = sorted({*ROOT.glob("deploy/**/*.sh"), ROOT / "deploy" / "balupi", ROOT / ".ci" / "run"})
#: What a person starts, or a developer.
PROGRAMS = [each for each in ROOT.glob("deploy/*.sh") if each.stat().st_mode & 0o100]
LONG = ".".join(["a" * 60] * 4) + ".lan"


def said_by(*command: str | Path) -> tuple[int, str]:
    """Run a program; its exit code and all that it said."""
    done = subprocess.run(  # noqa: S603
        list(map(str, command)), capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("names", [("baluhost.local", "nas.lan", LONG), ()])
@pytest.mark.parametrize("has_ipv6", [True, False])
def test_nginx_takes_the_site_whatever_the_names_are(
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    *,
    has_ipv6: bool,
) -> None:
    settings.DNS_NAMES = names
    settings.MORE_WEB_PORTS = (8001, 8002)
    settings.ALLOWED_HOSTS = [*names, "192.0.2.2", "localhost", "[::1]", "[fd00::2]", "pi.lan"]
    monkeypatch.setattr("balupi_site.nginx_site._IPV6", ROOT if has_ipv6 else tmp_path / "none")
    # A high port, which needs no root: "-t" binds it for a moment, and does not mind if somebody has it.
    site = nginx_site((ROOT / "deploy" / "nginx.conf").read_text(), listen="48080")
    conf = tmp_path / "nginx.conf"
    conf.write_text(whole_configuration(tmp_path, site))

    code, said = said_by(NGINX, "-t", "-c", conf, "-e", tmp_path / "error.log")

    assert code == 0, said
    assert "[warn]" not in said
    assert ("listen [::]:48080" in site, "# listen [::]" in site) == (True, not has_ipv6)


def test_samba_takes_its_file_without_a_warning() -> None:
    code, said = said_by(TESTPARM, "-s", "--skip-logic-checks", ROOT / "deploy" / "smb.conf")
    assert code == 0, said
    # Where Samba has never run, which says nothing of the file.
    said = re.sub("WARNING: (lock|pid) directory /run/samba does not exist", "", said)
    for word in ("WARNING", "Unknown parameter", "deprecated", "ERROR", "Ignoring"):
        assert word not in said
    assert "force user = balupi" in said


def test_scripts_are_clean() -> None:
    code, said = said_by("shellcheck", "--external-sources", *SCRIPTS)
    assert code == 0, said
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_bash_that_stops_at_an_error(script: Path) -> None:
    code, said = said_by("bash", "-n", script)
    assert code == 0, said
    text = script.read_text()
    is_program = text.startswith("#!")
    assert is_program == bool(script.stat().st_mode & 0o111), "executable, and says with what"
    if is_program and "bash" in text.partition("\n")[0]:
        assert "set -euo pipefail" in text


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.name)
def test_a_script_that_is_asked_for_help_tells_its_use_and_does_nothing(
    script: Path, tmp_path: Path
) -> None:
    for name in ("bash", "dirname", "readlink", "sed"):  # there is nothing to do anything with
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    done = subprocess.run(  # noqa: S603  # an argv list
        [tmp_path / "bash", script, "--help"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 100


@pytest.mark.parametrize(
    ("settings_line", "url_file", "is_wanted"),
    [
        pytest.param("", None, False, id="nothing is said"),
        pytest.param(
            "BALUPI_DATABASE_URL=sqlite:////srv/balupi/postgres.sqlite3", None, False, id="SQLite"
        ),
        pytest.param("BALUPI_DATABASE_URL=postgres://a:b@host/name", None, True, id="an address"),
        pytest.param(
            "export BALUPI_DATABASE_URL='PostgreSQL://host/name'", None, True, id="quoted"
        ),
        pytest.param(
            "BALUPI_DATABASE_URL_FILE={file}", "\n  postgres://host/name\n", True, id="a file"
        ),
        pytest.param("BALUPI_DATABASE_URL_FILE=/nothing", None, False, id="a file that is missing"),
        pytest.param("", "postgres://host/name", True, id="a move is being prepared"),
    ],
)
def test_the_driver_is_installed_where_postgresql_is_named(
    tmp_path: Path, settings_line: str, url_file: str | None, *, is_wanted: bool
) -> None:
    file = tmp_path / "database.url"
    if url_file is not None:
        file.write_text(url_file)
    (tmp_path / "balupi.env").write_text(settings_line.format(file=file))
    asked = (
        ". deploy/lib.sh && . deploy/release.sh && python=python3"
        f" settings_file={tmp_path}/balupi.env && wants_postgres"
    )
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", "-c", asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0 if is_wanted else 1, "")


@pytest.mark.parametrize(
    ("folder", "left"),
    [
        pytest.param("disk/data", {"disk/inbox/scan", "disk/photo", "home/letter"}, id="a folder"),
        pytest.param("disk/data/", {"disk/inbox/scan", "disk/photo", "home/letter"}, id="a slash"),
        pytest.param("disk//", "all", id="the whole disk"),
        pytest.param("disk/../home", "all", id="out of the disk"),
        pytest.param("disk/link", "all", id="a link out of the disk"),
        pytest.param("disk/inbox", "all", id="the inbox itself"),
        pytest.param("disk/gone", "all", id="nothing there"),
        pytest.param(
            "disk/with",
            {"disk/data/db", "disk/with/in/inbox/scan", "disk/photo", "home/letter"},
            id="the inbox in it",
        ),
    ],
)
def test_a_purge_deletes_the_data_folder_on_the_disk_and_nothing_else(
    tmp_path: Path, folder: str, left: set[str] | str
) -> None:
    inbox = "disk/with/in/inbox" if folder == "disk/with" else "disk/inbox"
    names = {"disk/data/db", f"{inbox}/scan", "disk/photo", "home/letter"}
    for name in {*names, "disk/with/.db"} if folder == "disk/with" else names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "disk" / "link").symlink_to(tmp_path / "home")

    places = f"{tmp_path}/disk {tmp_path}/{folder} {tmp_path}/{inbox} {tmp_path}/disk/backups"
    code, said = said_by(
        "/bin/bash", "-euc", f". {ROOT}/deploy/install/purge.sh && purge_below {places}"
    )

    assert (code, said) == (0, "")
    files = [each for each in tmp_path.rglob("*") if each.is_file() and not each.is_symlink()]
    found = {str(each.relative_to(tmp_path)) for each in files}
    assert found == (names if left == "all" else left)
    assert (tmp_path / "disk" / "link").is_symlink()
    if folder.startswith("disk/data"):
        assert not (tmp_path / "disk" / "data").exists()


_PARTS_OF_SITE = """
for name in tell_help check_machine need_packages use_python make_user make_folders write_settings \\
  close_settings install_command reload_units service_enable service_restart prune_releases say \\
  changed current_release; do eval "$name() { :; }"; done
die() { echo "$*" >&2; exit 1; }
setting() { echo garage; }
make_release() { echo new; }
manage() { echo "checks with $*" >&2; [ "$home_is" = there ]; }
switch_release() { echo "switches to $1" >&2; }
readlink() { echo /nowhere; }
put() { false; }
is_outdated() { false; }
"""


@pytest.mark.parametrize("home", ["there", "away"])
def test_a_site_keeps_its_release_where_home_cannot_be_asked_for_the_new_one(
    tmp_path: Path, home: str
) -> None:
    """After a switch the next start, perhaps without a line, would be of a release home does not know."""
    (tmp_path / "install").mkdir()
    parts = "lib services release install/checks install/system install/finish"
    for part in parts.split():
        (tmp_path / f"{part}.sh").write_text(_PARTS_OF_SITE if part == "lib" else "")
    script = (ROOT / "deploy" / "site.sh").read_text()
    (tmp_path / "site.sh").write_text(script.replace("/run/lock", str(tmp_path)))
    done = subprocess.run(  # noqa: S603
        ["bash", str(tmp_path / "site.sh")],  # noqa: S607
        env={
            "PATH": "/usr/bin:/bin",
            "home_is": home,
            "root": "/nowhere",
            "settings_file": "/dev/null",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stderr.splitlines()
    assert said[0] == "checks with new migrate --check"
    if home == "there":
        assert (done.returncode, said[1:]) == (0, ["switches to new"])
    else:
        assert done.returncode == 1
        assert [line[:14] for line in said[1:]] == ["PostgreSQL of "]


def test_what_a_purge_leaves_is_told(tmp_path: Path) -> None:
    data = tmp_path / "measured"
    data.mkdir()
    settings_file = tmp_path / "balupi.env"
    settings_file.write_text(
        f"BALUPI_DATA_DIR={data}\nBALUPI_DATABASE_URL=postgres://balupi:k3y@localhost/balupi\n"
    )
    read = f". {ROOT}/deploy/uninstall.sh && settings_file={settings_file} && read_places"

    code, said = said_by("/bin/bash", "-euc", f"{read} && tell_what_stays 1")

    assert code == 0, said
    assert f"Not all of {data} was deleted" in said
    assert "dropdb" in said
    assert "k3y" not in said
    settings_file.write_text("")
    code, said = said_by("/bin/bash", "-euc", f"{read} && tell_what_stays ''")
    assert (code, "dropdb" in said, "/var/lib/balupi" in said) == (0, False, True)
