"""deploy/install.sh and uninstall.sh in a Pi-like machine, with a simulated home beside them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.home_machine import PIP, HomeMachine
from tests.pi_machine import PiMachine

pytestmark = pytest.mark.household

#: What an installation may change outside /var: names, owners, modes and contents.
LOOK = r"""
find /etc/{balupi,nginx,samba,passwd,group,systemd/system,systemd/journald.conf.d} /usr/local/bin \
  /opt/balupi -not -path "*/.venv/*" -not -path "*/venvs/*/*" -printf "%p %U %G %m %l\n" | sort
find /etc/balupi /etc/systemd/system /etc/nginx /usr/local/bin /opt/balupi/releases -not -path "*/.venv/*" \
  -type f -exec sha256sum {} + | sort
"""
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
connection.request("GET", sys.argv[2], headers={"Host": sys.argv[1], "Accept": "text/html"})
answer = connection.getresponse()
print(answer.status, answer.getheader("Cache-Control"), answer.read().decode(errors="replace")[:3000])
"""


class Pi(HomeMachine):
    """A machine, and the home that it is installed in."""

    def __init__(self, machine: PiMachine, home: dict[str, Any]) -> None:
        super().__init__(machine, home)
        block = home["block"]
        self.env = PIP | {
            "BALUPI_NAS_IP": f"{block}.53",
            "BALUPI_NAS_URL": f"http://{block}.53:{home['nas_port']}",
            "BALUPI_NAS_MAC_ADDRESS": home["nas_mac"],
            "BALUPI_PI_IP": f"{block}.2",
            "BALUPI_DNS_NAMES": "baluhost.local,baluhost.lan",
            "BALUPI_PIHOLE_URL": f"http://{block}.2:{home['pihole_port']}",
            "BALUPI_PIHOLE_DNS": f"{block}.2:{home['dns_port']}",
            "BALUPI_PIHOLE_PASSWORD": home["pihole_password"],
            "BALUPI_TAPO_USERNAME": home["tapo_username"],
            "BALUPI_TAPO_PASSWORD": home["tapo_password"],
            "BALUPI_TAPO_DISCOVERY_TARGET": f"{block}.255",
            "BALUPI_WOL_BROADCAST": "127.255.255.255",
            "BALUPI_WOL_PORT": str(home["wol_port"]),
            "BALUPI_HANDSHAKE_SECRET": home["handshake_secret"],
            "BALUPI_INSTALL_ADMIN": "owner",
            "BALUPI_INSTALL_ADMIN_PASSWORD": "a password of mine",
        }

    def install(self, **more: str) -> str:
        """Run the installer; what it said."""
        command = ["/source/deploy/install.sh", "--yes"]
        return self.machine.run(command, env={**self.env, **more}, timeout_s=240).stdout

    def look(self) -> str:
        """Return everything of the system that an installation may change."""
        return self.machine.run(["bash", "-c", LOOK]).stdout

    def ask(self, host: str, path: str) -> str:
        """GET a page at port 80 under a host name: status, caching and the beginning of its text."""
        return self.machine.run(["python3", "-c", ASK, host, path]).stdout

    def ask_refused(self) -> bool:
        """Tell whether nobody answers at port 80."""
        asked = self.machine.run(["python3", "-c", ASK, "baluhost.local", "/"], check=False)
        return "ConnectionRefusedError" in asked.stdout

    def as_user(self, user: str, *words: str) -> int:
        """Return the exit code of a command of a user."""
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *words]
        return self.machine.run(command, check=False).returncode


@pytest.mark.parametrize(
    ("ports", "moved"),
    [
        ("80o,443os,[::]:80o,[::]:443os", "8080o,443os,[::]:8080o,[::]:443os"),
        ("80r,443s", "8080,443s"),
        ("127.0.0.1:80", "127.0.0.1:8080"),
        ("+80,180,8080", "+8080,180,8080"),
        ("443s,80,[::1]:80o", "443s,8080,[::1]:8080o"),
    ],
)
def test_only_port_80_of_pihole_moves_and_it_talks_plain_http_there(ports: str, moved: str) -> None:
    words = '. deploy/install/pihole.sh && moved_ports "$@"'

    command = ["bash", "-euc", words, "-", ports, "8080"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.strip() == moved


@pytest.fixture(scope="module")
def pi(machine_at_home: HomeMachine) -> Pi:
    return Pi(machine_at_home.machine, machine_at_home.home)


@pytest.fixture(scope="module")
def installed(pi: Pi) -> Pi:
    """Give the machine with BaluPi installed, and its home at work."""
    said = pi.install()
    assert f"BaluPi is at http://{pi.env['BALUPI_PI_IP']}/" in said, said
    pi.start_home()
    pi.wait_until("balupi doctor --only pihole nas-health worker beat")
    return pi


def test_a_second_run_asks_nothing_and_changes_nothing(installed: Pi) -> None:
    before = installed.look()

    said = installed.install()

    assert "Everything is as it should be; nothing was changed." in said
    assert installed.look() == before


def test_a_changed_setting_is_taken_up_by_what_runs(installed: Pi) -> None:
    machine = installed.machine
    before = machine.run(["systemctl", "show", "-P", "MainPID", "balupi-web"]).stdout

    said = installed.install(BALUPI_ALLOWED_HOSTS="pi.example")

    assert "balupi-web has taken up settings and code" in said
    assert "(3 changes)" in said  # nginx's site and two services; ask.py tells of the settings
    assert machine.run(["systemctl", "show", "-P", "MainPID", "balupi-web"]).stdout != before
    assert installed.ask("pi.example", "/").startswith("302 ")
    assert "nothing was changed" in installed.install()


def test_the_doctor_finds_nothing_wrong_with_the_installation(installed: Pi) -> None:
    installed.machine.run(["balupi", "discover_plugs"])

    said = installed.machine.run(["balupi", "doctor", "--json"], check=False).stdout

    findings = json.loads(said)["findings"]
    assert [each for each in findings if each["level"] == "fail"] == []
    for_setup = [each for each in findings if each["area"] == "setup" and each["level"] != "ok"]
    assert for_setup == []


@pytest.mark.parametrize(
    ("host", "path", "told"),
    [
        pytest.param("PI", "/", "302 ", id="the page, behind its login"),
        pytest.param("PI", "/static/balupi/manifest.webmanifest", "200 public", id="a file"),
        pytest.param("baluhost.local", "/photos", "503 no-store", id="the wake page"),
        pytest.param("baluhost.lan", "/", "503 no-store", id="under the other name"),
        pytest.param("foreign.example", "/", "421 ", id="a foreign name"),
        pytest.param("PI", "/static/../../../etc/passwd", "4", id="a way out"),
    ],
)
def test_port_80_answers_as_the_names_ask(installed: Pi, host: str, path: str, told: str) -> None:
    said = installed.ask(installed.env["BALUPI_PI_IP"] if host == "PI" else host, path)

    assert said.startswith(told)
    assert "root:x:0" not in said


def test_secrets_and_data_are_closed_to_everybody_else(installed: Pi) -> None:
    machine = installed.machine
    wanted = {
        "/etc/balupi/balupi.env": "root balupi 640",
        "/var/lib/balupi": "balupi www-data 710",
        "/var/lib/balupi/balupi.sqlite3": "balupi balupi 640",
        "/run/balupi-redis": "balupi balupi 700",
    }
    seen = {path: machine.run(["stat", "-c", "%U %G %a", path]).stdout.strip() for path in wanted}
    assert seen == wanted
    for file in ("/etc/balupi/balupi.env", "/var/lib/balupi/balupi.sqlite3"):
        assert installed.as_user("nobody", "cat", file) != 0
        assert installed.as_user("www-data", "cat", file) != 0
    assert installed.as_user("balupi", "touch", "/opt/balupi/current/manage.py") != 0


def test_root_runs_no_command_by_itself(installed: Pi) -> None:
    words = ["/opt/balupi/current/.venv/bin/python", "/opt/balupi/current/manage.py", "migrate"]

    done = installed.machine.run(
        words, env={"BALUPI_ENV_FILE": "/etc/balupi/balupi.env"}, check=False
    )

    assert done.returncode == 1
    assert "sudo balupi migrate" in done.stdout


def test_it_comes_back_after_a_power_cut(installed: Pi) -> None:
    installed.machine.cut_power()
    installed.machine.start()

    up = "until balupi doctor --quick --only database redis worker >/dev/null; do sleep 0.5; done"
    installed.machine.run(["timeout", "100", "bash", "-c", up])

    assert installed.ask("baluhost.local", "/").startswith("503 no-store")


def test_more_workers_and_web_processes_outlive_the_first_and_go_with_it(installed: Pi) -> None:
    machine = installed.machine
    more = ["balupi-worker@2", "balupi-web@8001"]
    machine.run(["sed", "-i", "$aBALUPI_MORE_WEB_PORTS=8001", "/etc/balupi/balupi.env"])
    machine.run(["systemctl", "enable", "--now", *more])
    machine.run(["/source/deploy/install.sh", "--refresh"])

    def pids() -> list[str]:
        shown = machine.run(["systemctl", "show", "--property=MainPID", "--value", *more])
        return shown.stdout.split()

    before = pids()
    assert "0" not in before
    assert "server 127.0.0.1:8001" in machine.read("/etc/nginx/sites-available/balupi")

    leads = "journalctl --unit balupi-worker@2 --grep 'this worker leads now'"
    machine.run(["systemctl", "kill", "--signal=KILL", "balupi-worker", "balupi-web"])
    installed.wait_until(leads)
    installed.wait_until("systemctl is-active balupi-worker balupi-web")
    assert pids() == before

    machine.run(["balupi", "restart"])
    assert not set(pids()) & {*before, "0"}
    machine.run(["systemctl", "stop", "balupi-w*"])
    assert pids() == ["0", "0"]
    machine.run(["systemctl", "start", "balupi-web", "balupi-worker"])
    installed.wait_until("systemctl is-active " + " ".join(more))


def test_nginx_comes_back_when_it_dies(installed: Pi) -> None:
    """Debian's own unit leaves it dead, and with it the names and the pages."""
    main = "systemctl show --property=MainPID --value nginx"
    died = f"old=$({main}); systemctl kill --kill-who=all --signal=KILL nginx"
    is_another = f"new=$({main}); [ $new -gt 0 ] && [ $new != $old ]"
    answers = "(exec 3<>/dev/tcp/127.0.0.1/80) 2>/dev/null"
    until = f"for n in {{1..60}}; do {is_another} && {answers} && exit; sleep 0.5; done; exit 1"
    installed.machine.run(["bash", "-c", f"{died}; {until}"])
    assert installed.ask("baluhost.local", "/").startswith("503 no-store")


def test_it_goes_and_leaves_the_data_and_comes_again_with_them(installed: Pi) -> None:
    machine = installed.machine
    said = machine.run(["/source/deploy/uninstall.sh"]).stdout

    assert "/var/lib/balupi" in said
    machine.run(["test", "!", "-e", "/opt/balupi"])
    left = "systemctl list-unit-files --no-legend 'balupi*'; systemctl --no-legend list-units 'balupi*'"
    assert machine.run(["bash", "-c", left]).stdout == ""
    assert machine.run(["pgrep", "--full", "manage.py run_"], check=False).stdout == ""
    assert installed.ask_refused()

    assert "account owner" not in installed.install()
    users = "from django.contrib.auth.models import User; print(User.objects.get().username)"
    assert "owner" in machine.run(["balupi", "shell", "--verbosity", "0", "-c", users]).stdout

    # As with a data disk that holds the data, too, and a share that somebody uses.
    on_disk = "mkdir -p /srv/balupi/data /srv/balupi/inbox && touch /srv/balupi/{data,inbox}/file"
    account = "groupadd balupi-inbox && useradd scanner && usermod -aG balupi-inbox scanner"
    moved = (
        "sed -i 's|^BALUPI_DATA_DIR=.*|BALUPI_DATA_DIR=/srv/balupi/data|' /etc/balupi/balupi.env"
    )
    machine.run(["bash", "-euc", f"{on_disk}; {account}; {moved}"])
    said = machine.run(["/source/deploy/uninstall.sh", "--purge", "--yes"]).stdout
    assert "The accounts of the share stay: scanner." in said
    assert machine.run(["ls", "/srv/balupi"]).stdout.split() == ["inbox"]
    gone = ["/var/lib/balupi", "/etc/balupi", "/opt/balupi", "/usr/local/bin/balupi"]
    assert machine.run(["ls", "-d", *gone], check=False).stdout.count("No such file") == len(gone)
