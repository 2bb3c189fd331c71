"""deploy/update.sh in a Pi-like machine: forward, back where it fails, whole wherever it is killed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.home_machine import PIP, source_machine
from tests.pi_machine import PiMachine
from tests.releases import Source

pytestmark = pytest.mark.household

#: Where the update may be killed, in its order; up to "finish" the old release must come back.
STEPS = (
    *("make-release", "preflight", "online-backup", "stop", "backup", "migrate", "migrated"),
    *("switch", "place-files", "restart", "start", "health", "finish"),
)
STEPS_BACK = ("restore", "switch-back", "start-old")
#: Where a power cut ends them, and what tells an update to end.
CUTS, SIGNALS = ("migrated", "health"), ("TERM", "KILL")
#: What is tried without --every-step: each time costs a quarter of a minute.
USUAL = {"migrate", "finish", "health", "switch-back", "TERM"}

SETTINGS = f"""
BALUPI_MODE=prod
BALUPI_SECRET_KEY={hashlib.sha512(b"a key").hexdigest()}
BALUPI_HANDSHAKE_SECRET={hashlib.sha256(b"a secret").hexdigest()}
BALUPI_DATA_DIR=/var/lib/balupi
BALUPI_STATIC_DIR=/opt/balupi/current/static
BALUPI_REDIS_URL=unix:///run/balupi-redis/redis.sock
BALUPI_NAS_URL=http://127.66.0.53:8000
BALUPI_NAS_IP=127.66.0.53
BALUPI_NAS_MAC_ADDRESS=02:00:00:00:00:53
BALUPI_PI_IP=127.66.0.2
BALUPI_PIHOLE_URL=http://127.66.0.2:8080
BALUPI_WOL_BROADCAST=127.255.255.255
"""
INSTALL = """
set -euo pipefail
getent group www-data >/dev/null || groupadd --system www-data
useradd --system --user-group --home-dir /var/lib/balupi --no-create-home --shell /usr/sbin/nologin balupi
install -d -o balupi -g www-data -m 0710 /var/lib/balupi
chown -R root:balupi /etc/balupi && chmod 0750 /etc/balupi && chmod 0640 /etc/balupi/balupi.env
. /source/deploy/lib.sh && . /source/deploy/services.sh && . /source/deploy/release.sh
id=$(make_release /source)
switch_release "$id"
/source/deploy/install.sh --refresh
balupi migrate --verbosity 0
balupi shell --verbosity 0 --command \
  'from django.contrib.auth.models import User; User.objects.create_superuser("owner", "", "a password")'
systemctl enable --quiet --now balupi-redis balupi-web balupi-worker
systemctl enable --quiet balupi-recover
balupi release healthy
"""
#: What an update says that has not even begun.
REFUSED = re.compile("Another update is under way|Failed to start|installed already")
UNTIL_ENDED = """
is_ended() {
  local working=--state=active,activating,deactivating unit
  [ -z "$(systemctl list-units --no-legend $working 'balupi-update-*')" ] || return 1
  for unit in redis web worker; do systemctl --quiet is-active "balupi-$unit" || return 1; done
}
for n in {1..180}; do ! is_ended || exit 0; sleep 0.5; done
exit 1
"""
#: What may say why not: states, how often each was started again, and the last words of all.
WHY = """
systemctl show --property=Id,ActiveState,SubState,Result,NRestarts balupi-{redis,web,worker}
cat /run/balupi-update.log
journalctl --no-pager --output=short-precise --lines=60 --unit='balupi-*'
"""
#: Schema and rows, but for what the worker writes as it goes.
LOOK = """
import json, sqlite3
moving = {"sqlite_sequence", "django_celery_beat_periodictask", "django_celery_beat_periodictasks", %s}
db = sqlite3.connect("/var/lib/balupi/balupi.sqlite3", timeout=20)
schema = db.execute("select type, name, sql from sqlite_master order by type, name").fetchall()
tables = [name for kind, name, _ in schema if kind == "table" and name not in moving]
rows = {name: db.execute(f'select * from "{name}" order by 1').fetchall() for name in tables}
print(json.dumps([schema, rows], default=repr))
"""
MOVING = '"nasctl_nasstatus", "nasctl_statechange", "pihole_namestatus", "events_event"'
WAITING = "while not os.path.exists('/var/lib/balupi/go-on'): time.sleep(0.05)"


class Pi:
    """A machine with BaluPi installed."""

    def __init__(self, machine: PiMachine, source: Source, env: dict[str, str]) -> None:
        self.machine, self.source, self.env = machine, source, env
        machine.write("/etc/balupi/balupi.env", SETTINGS, 0o640)
        machine.run(["bash", "-c", INSTALL], env=env)
        self.base = self.installed()

    def update(self, *words: str, stop_at: str = "", in_unit: bool = True) -> tuple[int, str]:
        """Run update.sh; exit code and what it said."""
        env = {**self.env, "BALUPI_UPDATE_STOP_AT": stop_at}
        if not in_unit:
            env["BALUPI_UPDATE_UNIT"] = "yes"
        command = ["/source/deploy/update.sh", *words]
        done = self.machine.run(command, env=env, check=False)
        return done.returncode, done.stdout

    def installed(self) -> str:
        """Return the id of the release that ``current`` leads to."""
        return self.machine.run(["readlink", "/opt/balupi/current"]).stdout.strip().split("/")[-1]

    def look(self) -> Any:
        """Return schema and rows that only an update may change."""
        as_user = ["setpriv", "--reuid=balupi", "--regid=balupi", "--init-groups"]
        look = [*as_user, "python3", "-c", LOOK % MOVING]
        return json.loads(self.machine.run(look).stdout)

    def assert_whole(self, release: str, look: Any) -> None:
        """Assert that this release runs with this database, and that nothing is left half done."""
        # What a killed update leaves to systemd, its second half, may still be at work on a busy machine.
        ended = self.machine.run(["bash", "-c", UNTIL_ENDED], check=False)
        assert ended.returncode == 0, self.machine.run(["bash", "-c", WHY], check=False).stdout
        assert self.installed() == release
        self.machine.run(["balupi", "release", "healthy"])
        left = self.machine.run(["find", "/opt/balupi", "-maxdepth", "1", "-name", "*.journal*"])
        assert not left.stdout
        assert self.look() == look


@pytest.fixture
def usual(request: pytest.FixtureRequest, step: str) -> None:
    """Leave out what is not tried every time; before a machine is made for it."""
    if step not in USUAL and not request.config.getoption("--every-step"):
        pytest.skip("only with --every-step")


def _refuse_to_start(folder: Path) -> None:
    wsgi = folder / "balupi_site" / "wsgi.py"
    wsgi.write_text(wsgi.read_text() + '\nraise RuntimeError("this release cannot serve")\n')


def _want_a_setting(folder: Path) -> None:
    settings = folder / "balupi_site" / "settings.py"
    text = settings.read_text()
    wanted = 'if not env.text("NEW"):\n    env.error("NEW", "is missing: new in this release")\n'
    assert "_forbid_loops()\n\n" in text
    settings.write_text(text.replace("_forbid_loops()\n\n", f"_forbid_loops()\n{wanted}\n"))


@pytest.fixture(scope="module")
def pi(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheels: Path
) -> Iterator[Pi]:
    """Give a machine with the base release; each test leaves it so."""
    folder = tmp_path_factory.mktemp("update")
    source = Source(folder / "source")
    source.branch("good", act="pass")
    source.branch("same")
    source.branch("waits", act=WAITING)
    source.branch("unable", act='raise RuntimeError("no more room")')
    source.branch("silent", act="pass", edit=_refuse_to_start)
    source.branch("wants", edit=_want_a_setting)
    source.use("base")
    below = request.config.getoption("--pi-root")
    with source_machine(folder, source, below=below, wheels=wheels) as machine:
        yield Pi(machine, source, PIP)


PLAIN = """
set -euo pipefail
mkdir /root/plain && cp -r /source/. /root/plain && cd /root/plain && rm -rf .git
mkdir -p data .venv/bin && echo secret >data/secrets.json && echo secret >.env
. deploy/lib.sh && . deploy/services.sh && . deploy/release.sh
first=$(make_release /root/plain)
[ "$(make_release /root/plain)" = "$first" ]
cd "/opt/balupi/releases/$first"
[ -z "$(find . -name secrets.json)" ]
[ ! -e .env ] && [ ! -e data ] && [ -e .complete ] && [ -e static/staticfiles.json ]
[ -z "$(find . -not -user root -o -perm /022 -not -type l)" ]
rm .complete && echo broken >manage.py
[ "$(make_release /root/plain)" = "$first" ]
grep -q django "/opt/balupi/releases/$first/manage.py"
"""


class Outage:
    """How long pages did not come, asked from inside the machine."""

    SCRIPT = """
import http.client, select, sys, time
longest, last = 0.0, time.monotonic()
while not select.select([sys.stdin], [], [], 0.02)[0]:
    try:
        asked = http.client.HTTPConnection("127.0.0.1", 8000, timeout=2)
        asked.request("GET", "/api/ping", headers={"Host": "localhost"})
        if asked.getresponse().status == 200:
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
    except (OSError, http.client.HTTPException):
        pass
print(longest)
"""

    def __init__(self, machine: PiMachine) -> None:
        command = machine.command(["python3", "-c", self.SCRIPT])
        self._asking = subprocess.Popen(  # noqa: S603  # the tests' own words
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def end(self) -> float:
        """Return the longest time without an answer, in seconds."""
        return float(self._asking.communicate(timeout=20)[0])  # the end of its input ends it


def test_an_update_brings_code_and_database_and_may_be_undone(pi: Pi) -> None:
    before = pi.look()
    pi.source.use("good")
    outage = Outage(pi.machine)
    code, said = pi.update()
    away_s = outage.end()
    assert code == 0, said
    release = pi.installed()
    assert release != pi.base
    after = pi.look()
    assert after[1]["update_probe"] == [[1]]
    pi.assert_whole(release, after)
    assert "installed already" in pi.update()[1]

    code, said = pi.update("--rollback")
    assert code == 1
    assert "--rollback --yes" in said
    code, said = pi.update("--rollback", "--yes")
    assert code == 0, said
    pi.assert_whole(pi.base, before)
    print(f"\npages away with a migration: {away_s:.1f} s")


def test_without_a_migration_nothing_is_put_back_and_pages_are_away_for_a_moment(pi: Pi) -> None:
    before = pi.look()
    pi.source.use("same")
    outage = Outage(pi.machine)
    code, said = pi.update()
    away_s = outage.end()
    assert code == 0, said
    pi.assert_whole(pi.installed(), before)
    kept = pi.machine.run(["ls", "/opt/balupi/releases"]).stdout.split()
    assert pi.base in kept
    assert len(kept) <= 3, "older ones than two are removed"
    code, said = pi.update("--rollback")
    assert code == 0, said
    pi.assert_whole(pi.base, before)
    print(f"\npages away without a migration: {away_s:.1f} s")


def test_a_folder_without_git_makes_a_release_of_its_files_alone(pi: Pi) -> None:
    pi.source.use("base")
    pi.machine.run(["bash", "-c", PLAIN], env=pi.env)


@pytest.mark.parametrize(
    ("branch", "words"),
    [
        ("unable", "could not be changed"),
        ("silent", "this release cannot serve"),
        ("wants", "BALUPI_NEW: is missing: new in this release"),
    ],
)
def test_what_fails_is_taken_back(pi: Pi, branch: str, words: str) -> None:
    before = pi.look()
    pi.source.use(branch)
    code, said = pi.update()
    assert code == 1
    assert words in said
    pi.assert_whole(pi.base, before)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("usual")
def test_killed_at_a_step_it_ends_by_itself(pi: Pi, step: str) -> None:
    before = pi.look()
    pi.source.use("good")
    code, said = pi.update(stop_at=step)
    assert code != 0
    assert not REFUSED.search(said), said
    if step != "finish":
        pi.assert_whole(pi.base, before)
        return
    assert "it stays" in said
    pi.assert_whole(pi.installed(), pi.look())
    assert pi.look()[1]["update_probe"] == [[1]]
    assert pi.update("--rollback", "--yes")[0] == 0
    pi.assert_whole(pi.base, before)


@pytest.mark.parametrize("step", CUTS)
@pytest.mark.usefixtures("usual")
def test_a_power_cut_is_mended_at_the_next_start(pi: Pi, step: str) -> None:
    before = pi.look()
    pi.source.use("good")
    # Not as a unit of systemd, which would mend it before the power is cut.
    assert pi.update(stop_at=step, in_unit=False)[0] != 0
    assert "Under way or cut off" in pi.update("--status")[1]
    pi.machine.cut_power()
    pi.machine.start()
    pi.assert_whole(pi.base, before)


@pytest.mark.parametrize("step", STEPS_BACK)
@pytest.mark.usefixtures("usual")
def test_the_way_back_may_be_cut_off_too(pi: Pi, step: str) -> None:
    before = pi.look()
    pi.source.use("silent")
    code, said = pi.update(stop_at=step)
    assert code != 0
    assert "Under way or cut off" in pi.update("--status")[1], said
    pi.source.use("wants")  # the next update ends the first one before anything else
    said = pi.update()[1]
    assert said.index("was cut off") < said.index("BALUPI_NEW: is missing")
    pi.assert_whole(pi.base, before)


@pytest.mark.parametrize("step", SIGNALS)
@pytest.mark.usefixtures("usual")
def test_told_to_end_in_the_middle_of_a_migration_it_goes_back(pi: Pi, step: str) -> None:
    before = pi.look()
    pi.source.use("waits")
    command = pi.machine.command(["/source/deploy/update.sh"])
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **pi.env}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        ends_s = time.monotonic() + 60
        changing = "test -e /var/lib/balupi/balupi.sqlite3 && pgrep -f 'manage.py migrat[e]'"
        while pi.machine.run(["bash", "-c", changing], check=False).returncode:
            assert time.monotonic() < ends_s
            time.sleep(0.1)
        code, said = pi.update()
        assert code == 1
        assert "Another update is under way" in said
        kill = ["systemctl", "kill", f"--signal={step}", "balupi-update-*.service"]
        pi.machine.run([*kill, "--kill-who=main"] if step == "TERM" else kill)
        pi.machine.run(["touch", "/var/lib/balupi/go-on"])
        assert running.wait(60) != 0
    pi.machine.run(["rm", "/var/lib/balupi/go-on"])
    pi.assert_whole(pi.base, before)
