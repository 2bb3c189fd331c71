"""deploy/site.sh in a machine of another house: a worker for the plugs there, and nothing else."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.home_machine import PIP, HomeMachine

pytestmark = pytest.mark.household

DATABASE = "postgres://balupi@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379/0"
#: What home has: here it is in the same machine, which BaluPi cannot know.
STORES = """
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
as_postgres="runuser --user postgres --"
install --directory --owner postgres /var/home-db
$as_postgres "$programs/initdb" -D /var/home-db -A trust -U balupi -E UTF8 --locale=C --no-sync
systemd-run --quiet --unit=home-db --property=User=postgres "$programs/postgres" -D /var/home-db \
  -c unix_socket_directories= -c fsync=off
systemd-run --quiet --unit=home-redis redis-server --port 6379 --save ''
until "$programs/pg_isready" --host 127.0.0.1 && redis-cli ping; do sleep 0.2; done
"""
#: What home's update has done before.
TABLES = """
cd / && BALUPI_ENV_FILE=/etc/balupi/balupi.env setpriv --reuid=balupi --regid=balupi --clear-groups \
  /opt/balupi/releases/*/.venv/bin/python /opt/balupi/releases/*/manage.py migrate
"""


@pytest.fixture(scope="module")
def elsewhere(machine_at_home: HomeMachine) -> HomeMachine:
    machine_at_home.machine.run(["bash", "-euc", STORES])
    return machine_at_home


def settings_of(elsewhere: HomeMachine) -> str:
    """Return what the owner fills in."""
    home = elsewhere.home
    filled = {
        "BALUPI_SITE": "garage",
        "BALUPI_SECRET_KEY": secrets.token_urlsafe(50),
        "BALUPI_DATABASE_URL": DATABASE,
        "BALUPI_REDIS_URL": REDIS,
        "BALUPI_TAPO_USERNAME": home["tapo_username"],
        "BALUPI_TAPO_PASSWORD": home["tapo_password"],
        "BALUPI_TAPO_DISCOVERY_TARGET": f"{home['block']}.255",
        "BALUPI_TIME_ZONE": "Europe/Berlin",
        "BALUPI_MODE": "dev",  # or no plug could have an address of this machine
        "BALUPI_DATA_DIR": "/var/lib/balupi",
    }
    return "".join(f"{name}={value}\n" for name, value in filled.items())


def test_a_worker_elsewhere_is_installed_finds_its_plugs_and_goes(elsewhere: HomeMachine) -> None:
    machine = elsewhere.machine

    def install() -> tuple[int, str]:
        done = machine.run(["/source/deploy/site.sh"], env=PIP, check=False)
        return done.returncode, done.stdout

    code, said = install()
    assert (code, "Please fill in /etc/balupi/balupi.env" in said) == (1, True), said
    machine.write("/etc/balupi/balupi.env", settings_of(elsewhere), mode=0o644)
    code, said = install()
    assert (code, "update home first" in said) == (1, True), said
    machine.run(["bash", "-euc", TABLES])
    code, said = install()
    assert (code, "The worker of the site garage runs." in said) == (0, True), said

    closed = machine.run(["stat", "-c", "%U %G %a", "/etc/balupi/balupi.env"]).stdout.strip()
    assert closed == "root balupi 640"
    units = machine.run(["ls", "/etc/systemd/system"]).stdout.split()
    assert [unit for unit in units if unit.startswith("balupi")] == ["balupi-worker.service"]
    elsewhere.start_home()
    assert "Freezer" in machine.run(["balupi", "discover_plugs", "--site", "garage"]).stdout
    elsewhere.wait_until("balupi list_plugs | grep -E 'Freezer.* [0-9.]+ W'")
    found = json.loads(machine.run(["balupi", "doctor", "--json"], check=False).stdout)["findings"]
    assert [each for each in found if each["level"] == "fail"] == []
    home_s = {each["area"] for each in found if "The Pi at home" in each["found"]}
    assert home_s >= {"nas", "pihole", "names", "handshake", "inbox"}

    worker = ["systemctl", "show", "--property=MainPID", "--value", "balupi-worker"]
    before = machine.run(worker).stdout
    code, said = install()
    assert code == 0, said
    assert machine.run(worker).stdout == before

    machine.run(["/source/deploy/uninstall.sh", "--purge", "--yes"])
    assert machine.run(["pgrep", "--full", "manage.py run_"], check=False).stdout == ""
    gone = ["/var/lib/balupi", "/etc/balupi", "/opt/balupi", "/usr/local/bin/balupi"]
    assert machine.run(["ls", "-d", *gone], check=False).stdout.count("No such file") == len(gone)
