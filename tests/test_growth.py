"""What docs/growing.md promises: several workers and web processes, two machines, another site."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT
from tests.grown import SAMPLE_INTERVAL_S, Grown, Note, grown_household, other_site
from tests.postgres import Cluster, running_postgres

pytestmark = [pytest.mark.household, pytest.mark.enable_socket]

PLUGS = "/api/tapo/devices"
POLL, STORE = "energy.tasks.poll_plugs", "energy.tasks.store_samples"
_MACHINE = """
import sys, django
django.setup()
from balupi_site.lib.locks import HouseholdLock
lock, lost = HouseholdLock("test"), []
def lose_line():
    lost.append(lock._connection.connection)  # the server does not hear that it is given up
    lock._connection.connection = None
    return True
def is_unused():
    from balupi_site.backup.postgres import users_of_database
    return users_of_database() == 0
others = {"lose_line": lose_line, "is_unused": is_unused}
for line in sys.stdin:
    method = line.strip()
    print((others.get(method) or getattr(lock, method))(), flush=True)
"""


class Machine:
    """A process that shares nothing with the others but the database, and may hold a lock."""

    def __init__(self, url: str, data_dir: Path, *, site: str = "") -> None:
        data_dir.mkdir()
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "balupi_site.settings",
            "BALUPI_ENV_FILE": "/dev/null",
            "BALUPI_DATA_DIR": str(data_dir),
            "BALUPI_DATABASE_URL": url,
            "BALUPI_SITE": site,
        }
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        command = [sys.executable, "-c", _MACHINE]
        self.process = subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)  # noqa: S603

    def does(self, method: str) -> bool:
        """Call a method of its lock."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{method}\n")
        self.process.stdin.flush()
        said: str = self.process.stdout.readline()
        return said.strip() == "True"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def machines(cluster: Cluster, tmp_path: Path) -> Iterator[list[Machine]]:
    """Two of them."""
    with ExitStack() as all_ended:
        made = [Machine(cluster.url(), tmp_path / name) for name in ("one", "two")]
        for each in made:
            all_ended.enter_context(each.process)
            all_ended.callback(each.process.kill)
        yield made


def _break_connections(cluster: Cluster) -> None:
    """End what is connected, as a restart of the server does; the locks are free then."""
    with psycopg.connect(cluster.url()) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
        )


def _until_lock_is_had(cluster: Cluster, *, by: Machine) -> None:
    """Have it looked after until a session at the server holds the lock again."""
    deadline_s = time.monotonic() + 10
    with psycopg.connect(cluster.url()) as connection:
        count = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
        ended = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()"
        while connection.execute(count).fetchone() != (1,) or connection.execute(
            ended
        ).fetchone() != (1,):
            assert time.monotonic() < deadline_s
            assert by.does("is_kept")
            connection.rollback()


def test_a_lock_holds_over_machines_until_its_holder_dies_or_another_one_has_it(
    cluster: Cluster, machines: list[Machine]
) -> None:
    one, two = machines
    assert one.does("take")
    assert not two.does("take")
    _break_connections(cluster)
    assert one.does("is_kept"), "it takes what nobody else has taken meanwhile"
    assert not two.does("take")
    one.does("lose_line")
    assert one.does("is_kept"), (
        "only its own former session has it, which the server does not miss yet"
    )
    _until_lock_is_had(cluster, by=one)
    assert not two.does("take")
    _break_connections(cluster)
    assert two.does("take")
    assert not one.does("is_kept"), "it must learn that it is another one's"
    two.process.kill()
    two.process.wait()
    deadline_s = time.monotonic() + 10  # until the server has noticed
    while not one.does("is_kept"):
        assert time.monotonic() < deadline_s


@pytest.mark.parametrize(("site", "is_unused"), [("garage", True), ("", False)])
def test_the_worker_of_a_site_does_not_keep_a_failed_update_from_being_taken_back(
    cluster: Cluster, tmp_path: Path, site: str, is_unused: bool
) -> None:
    """A restore refuses while anybody else is connected; that one cannot be stopped from home."""
    url = cluster.new_database(f"restored{site}")
    with ExitStack() as all_ended:
        one, home = Machine(url, tmp_path / "one", site=site), Machine(url, tmp_path / "home")
        for each in (one, home):
            all_ended.enter_context(each.process)
            all_ended.callback(each.process.kill)
        assert one.does("take"), "it is connected, and stays so"
        assert home.does("is_unused") == is_unused


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    with grown_household(tmp_path_factory.mktemp("grown")) as running:
        yield running


def test_two_workers_share_the_work_and_run_nothing_twice(grown: Grown) -> None:
    trial, begun_s = grown.trial, time.time()
    helper = grown.start_worker()
    files = {f"photo {number}.jpg": bytes([number]) * 50_000 for number in range(20)}
    inbox, nas_inbox = Path(trial.facts["inbox"]), Path(trial.facts["nas_inbox"])
    for name, content in files.items():
        (inbox / name).write_bytes(content)
    trial.wait_until(lambda: not any(inbox.glob("*.jpg")), "the inbox is empty", 90)
    assert {each.name: each.read_bytes() for each in nas_inbox.glob("*.jpg")} == files
    moved = grown.rows("SELECT name, count(*) FROM handshake_inboxfile GROUP BY name")
    assert sorted(moved) == sorted((name, 1) for name in files)

    wakes = grown.rows("SELECT count(*) FROM nasctl_wake")
    assert wakes == [(0,)]
    trial.simhome("nas", "crash")
    trial.wait_until(lambda: trial.nas_state() == "offline", "the crash is seen")
    second = replace(trial, facts={**trial.facts, "url": grown.second_url})
    with ThreadPoolExecutor() as both:
        asked = list(both.map(lambda web: web.post("/api/nas/wol"), (trial, second)))
    assert sorted(code for code, _body in asked) in ([200, 200], [200, 409]), asked
    trial.wait_until(lambda: trial.nas_state() == "online", "the NAS is back")
    assert grown.rows("SELECT count(*) FROM nasctl_wake") == [(1,)]
    assert grown.rows(
        "SELECT to_state, count(*) FROM nasctl_statechange WHERE to_state = 'booting' GROUP BY 1"
    ) == [("booting", 1)]

    trial.wait_until(lambda: time.time() > begun_s + 35, "each regular task was due again")
    notes = [note for note in grown.notes() if note.at_s > begun_s]
    _ran_once(notes, trial.pid("worker"))
    _regular_tasks_were_sent_once(notes)
    assert _sample_gaps_s(grown) > 0.6 * SAMPLE_INTERVAL_S
    done_by = Counter(note.pid for note in notes if note.what == "begun")
    assert done_by[helper.pid] > 0, done_by
    assert done_by[trial.pid("worker")] > 0, done_by


def _ran_once(notes: list[Note], leader: int) -> None:
    """Check that what was sent began exactly once, and the plugs' tasks where the plugs are."""
    begun = Counter(note.id for note in notes if note.what == "begun")
    assert begun
    assert set(begun.values()) == {1}
    settled_s = notes[-1].at_s - 5
    lost = [n for n in notes if n.what == "sent" and n.at_s < settled_s and n.id not in begun]
    # Looks at the names are dropped where one is under way; what comes back later is not due yet.
    assert [note for note in lost if note.regular] == []
    plugs_at = {n.pid for n in notes if n.what == "begun" and n.task in {POLL, STORE}}
    assert plugs_at == {leader}


def _regular_tasks_were_sent_once(notes: list[Note]) -> None:
    """Check that nobody but one beat sends: two would halve the time between two of a kind."""
    sent: dict[str, list[float]] = {}
    for note in notes:
        if note.what == "sent" and note.regular:
            sent.setdefault(note.regular, []).append(note.at_s)
    polls = sent["poll the plugs"]
    assert len(polls) >= 6
    gaps_s = [after - before for before, after in pairwise(polls)]
    assert min(gaps_s) > 0.6 * SAMPLE_INTERVAL_S, gaps_s
    assert len({note.pid for note in notes if note.what == "sent" and note.regular}) == 1


def _sample_gaps_s(grown: Grown) -> float:
    """Return the shortest time between two samples of one plug."""
    [(shortest_s,)] = grown.rows(
        "SELECT min(extract(epoch FROM at - before))::float FROM (SELECT at, lag(at) OVER "
        "(PARTITION BY plug_id ORDER BY at) AS before FROM energy_powersample) AS pairs"
    )
    return float(shortest_s)


def test_the_other_worker_goes_on_where_the_one_that_leads_is_killed(grown: Grown) -> None:
    """And the one that comes back in its place helps."""
    trial = grown.trial
    leader, killed_s = trial.pid("worker"), time.time()
    os.kill(leader, signal.SIGKILL)

    def led_by() -> set[int]:
        return {
            note.pid for note in grown.notes() if note.task == POLL and note.at_s > killed_s + 1
        }

    trial.wait_until(lambda: bool(led_by()), "somebody polls again", 30)
    trial.wait_until(
        lambda: trial.pid("worker") not in {0, leader}, "the killed one is started again", 30
    )
    before = len(grown.notes())
    trial.wait_until(
        lambda: Counter(n.task for n in grown.notes()[before:] if n.what == "begun")[POLL] >= 3,
        "the sweeps go on",
        40,
    )
    notes = grown.notes()[before:]
    beats = {note.pid for note in notes if note.what == "sent" and note.regular}
    assert len(beats) == 1
    assert max(Counter(note.id for note in notes if note.what == "begun").values()) == 1
    assert trial.nas_state() == "online"
    devices = trial.get("/api/energy/current")[1]["devices"]
    assert all(device["is_online"] and device["age_s"] < 30 for device in devices), devices


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="only root makes network namespaces"
)
def test_another_site_s_worker_talks_to_plugs_that_only_it_reaches_and_bridges_a_cut_line(
    grown: Grown, tmp_path: Path
) -> None:
    trial = grown.trial

    def plugs(site_name: str) -> list[dict[str, Any]]:
        return [p for p in trial.get(PLUGS)[1] if p["site"] == site_name]

    def oldest_s(site_name: str) -> float:
        return max(float((each["latest"] or {}).get("age_s", 999)) for each in plugs(site_name))

    with other_site(tmp_path / "garage") as site:
        home, line = grown.start(*site.simhome("run")), site.start_line(grown)
        worker = grown.start_worker(*site.inside(), **site.settings())
        found = trial.manage("discover_plugs", "--site", "garage", timeout_s=90)
        assert "3 found, 3 added" in found.stdout, found.stdout + found.stderr
        first = plugs("garage")[0]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((first["host"], site.home["plug_port"]), timeout=5)
        trial.wait_until(lambda: oldest_s("garage") < 2 * SAMPLE_INTERVAL_S, "they are live")
        # Found is not yet known to the sweeps there, which go on with what the last one knew.
        sampled = (
            "SELECT count(DISTINCT plug_id) FROM energy_powersample JOIN energy_smartplug AS plug "
            "ON plug.id = plug_id WHERE site = 'garage'"
        )
        trial.wait_until(lambda: grown.rows(sampled) == [(3,)], "a sweep there has read them")
        assert trial.post(f"{PLUGS}/{first['device_id']}/off")[1]["relay_on"] is False
        relays = [plug["relay_on"] for plug in site.status()["plugs"].values()]
        assert relays.count(False) == 1

        line.kill()
        line.wait()
        cut_s = time.time()
        trial.wait_until(lambda: all(map(_says_nobody_answers, plugs("garage"))), "they say why")
        assert oldest_s("") < 3 * SAMPLE_INTERVAL_S, "home is undisturbed"
        cut_for_s = time.time() - cut_s
        line = site.start_line(grown)
        trial.wait_until(lambda: all(p["status"] == "ok" for p in plugs("garage")), "it is back")
        least = int(cut_for_s / SAMPLE_INTERVAL_S) - 2
        assert least > 0
        counted = (
            "SELECT count(*) FROM energy_powersample JOIN energy_smartplug AS plug "
            "ON plug.id = plug_id WHERE site = 'garage' AND at > to_timestamp(%s) "
            "AND at < to_timestamp(%s) GROUP BY plug_id"
        )

        def all_is_stored() -> bool:
            counts = grown.rows(counted, cut_s, cut_s + cut_for_s)
            return [count >= least for (count,) in counts] == [True] * 3

        trial.wait_until(all_is_stored, "what was read meanwhile is stored at home")
        for process in (worker, home, line):
            process.terminate()
            process.wait(20)


def _says_nobody_answers(plug: dict[str, Any]) -> bool:
    return "No worker answers for the site garage" in plug["status_message"]
