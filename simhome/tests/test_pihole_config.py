"""Config writes of the simulated Pi-hole: what lasts, and what kills."""

import asyncio
import http.client
import json
from pathlib import Path

import pytest

from simhome.pihole_config import HOSTS, READ_ONLY
from simhome.pihole_daemon import DaemonGoneError
from simhome.pihole_timing import Timing
from simhome.tests.pihole_helpers import (
    FAST,
    PASSWORD,
    Answered,
    ask,
    login,
    lookup,
    make_pihole,
    running,
    until,
)

pytestmark = pytest.mark.enable_socket

NAME = "baluhost.local"
# Long enough for two requests to meet.
SLOW_WRITES = Timing(password_check_seconds=0, config_write_seconds=0.3, crash_seconds=0.05)


def hosts(*items: str) -> dict[str, object]:
    return {"config": {"dns": {"hosts": list(items)}}}


async def two_at_once(state: Path | None = None) -> tuple[list[object], dict[str, object]]:
    pihole = make_pihole(hosts=(f"10.0.0.1 {NAME}",), timing=SLOW_WRITES, state_file=state)
    async with running(pihole):
        sid = await login(pihole)
        results = await asyncio.gather(
            ask(pihole, "PATCH", "/api/config", hosts(f"10.0.0.2 {NAME}"), sid=sid),
            ask(pihole, "PUT", "/api/config/dns/hosts/10.0.0.3%20printer.local", sid=sid),
            return_exceptions=True,
        )
        described = pihole.describe()
        await until(lambda: pihole.describe()["state"] == "running")
        await pihole.settled()
        assert (await lookup(pihole, NAME)).addresses == ["10.0.0.1"]
        gone = await ask(pihole, "GET", "/api/auth", sid=sid)
        assert gone.field("session.message") == "session unknown"
        return list(results), described


def test_two_config_writes_at_once_kill_the_daemon_and_nothing_is_written() -> None:
    results, described = asyncio.run(two_at_once())
    # measurement hosts_concurrent_writers: ConnectionResetError and RemoteDisconnected
    reset = (ConnectionResetError, http.client.RemoteDisconnected)
    assert [isinstance(result, reset) for result in results] == [True, True]
    assert described["crashes"] == 1
    assert described["config_writes"] == 0
    assert described["hosts"] == [f"10.0.0.1 {NAME}"]


def test_a_write_that_was_under_way_when_the_daemon_died_is_not_written() -> None:
    async def scenario() -> None:
        daemon = make_pihole(timing=Timing(config_write_seconds=0.01)).daemon
        change = {HOSTS: [f"10.0.0.2 {NAME}"]}
        writes = [daemon._write(lambda: change, save=True, restart=True) for _ in range(2)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        daemon.close()
        assert [type(result) for result in results] == [DaemonGoneError, DaemonGoneError]
        assert daemon.config.hosts == []

    asyncio.run(scenario())


def test_a_dead_daemon_is_away_until_it_is_restarted() -> None:
    lasting = Timing(password_check_seconds=0, config_write_seconds=0.3, crash_seconds=3600)

    async def scenario() -> None:
        async with running(make_pihole(timing=lasting)) as pihole:
            sid = await login(pihole)
            path = "/api/config/dns/hosts/10.0.0."
            puts = (ask(pihole, "PUT", f"{path}{n}%20x.local", sid=sid) for n in (1, 2))
            await asyncio.gather(*puts, return_exceptions=True)
            assert pihole.describe()["state"] == "crashed"
            await pihole.settled()
            with pytest.raises(ConnectionRefusedError):
                await ask(pihole, "GET", "/api/auth")
            pihole.set_fault("restart", seconds=0)
            await until(lambda: pihole.describe()["state"] == "running")
            await pihole.settled()
            assert (await ask(pihole, "GET", "/api/auth")).status == 401

    asyncio.run(scenario())


def test_one_writer_with_readers_is_safe() -> None:
    async def scenario() -> None:
        timing = Timing(password_check_seconds=0)
        async with running(make_pihole(timing=timing)) as pihole:
            sid = await login(pihole)
            for number in range(3):
                wanted = hosts(f"10.0.0.{number} {NAME}")
                patch = ask(pihole, "PATCH", "/api/config", wanted, sid=sid)
                reads = [ask(pihole, "GET", "/api/config/dns/hosts", sid=sid) for _ in range(4)]
                answers = await asyncio.gather(patch, *reads)
                assert [answer.status for answer in answers] == [200] * 5
            assert pihole.describe()["crashes"] == 0
            assert pihole.describe()["config_writes"] == 3

    asyncio.run(scenario())


def test_a_patch_that_changes_nothing_is_no_write() -> None:
    async def scenario() -> None:
        pihole = make_pihole(hosts=(f"10.0.0.1 {NAME}",), timing=SLOW_WRITES)
        async with running(pihole):
            sid = await login(pihole)
            same = [
                ask(pihole, "PATCH", "/api/config", hosts(f"10.0.0.1 {NAME}"), sid=sid)
                for _ in range(2)
            ]
            answers = await asyncio.gather(*same)
            assert [answer.status for answer in answers] == [200, 200]
            assert pihole.describe()["config_writes"] == 0

    asyncio.run(scenario())


def test_records_survive_a_restart_of_the_simulation(tmp_path: Path) -> None:
    state = tmp_path / "new" / "pihole.json"

    async def scenario() -> None:
        async with running(make_pihole(hosts=("10.0.0.9 old.local",), state_file=state)) as pihole:
            sid = await login(pihole)
            await ask(pihole, "PATCH", "/api/config", hosts(f"10.0.0.2 {NAME}"), sid=sid)
        assert [path.name for path in state.parent.iterdir()] == ["pihole.json"]
        again = make_pihole(hosts=("10.0.0.9 old.local",), state_file=state)
        async with running(again):
            assert again.hosts == [f"10.0.0.2 {NAME}"]
            assert (await lookup(again, NAME)).addresses == ["10.0.0.2"]

    asyncio.run(scenario())


def test_what_is_put_in_read_only_mode_is_not_saved(tmp_path: Path) -> None:
    state = tmp_path / "pihole.json"

    async def scenario() -> None:
        async with running(make_pihole(state_file=state)) as pihole:
            pihole.daemon.config.fix(READ_ONLY, value=True)
            sid = await login(pihole)
            put = await ask(pihole, "PUT", f"/api/config/dns/hosts/10.0.0.2%20{NAME}", sid=sid)
            assert put.status == 201
            assert (await lookup(pihole, NAME)).addresses == ["10.0.0.2"]
            assert not state.exists()

    asyncio.run(scenario())


def test_a_thousand_records_fit_and_five_thousand_do_not() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            for count, status in ((1000, 200), (5000, 400)):  # hosts_many_records
                items = [f"10.{n // 250}.0.{n % 250} host-{n}.local" for n in range(count)]
                answer = await ask(pihole, "PATCH", "/api/config", hosts(*items), sid=sid)
                assert answer.status == status
            assert answer.field("error.message") == "No request body data"
            assert len(pihole.hosts) == 1000

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        pytest.param({"misc": {"readOnly": 1}}, "misc.readOnly: not of type boolean", id="number"),
        pytest.param(
            {"dns": {"cnameRecords": [1]}},
            "dns.cnameRecords: array has invalid elements",
            id="array of numbers",
        ),
    ],
)
def test_a_value_of_another_type_changes_nothing(change: dict[str, object], hint: str) -> None:
    async def scenario() -> Answered:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            wanted = {"config": {**change, "webserver": {"api": {"app_sudo": True}}}}
            answer = await ask(pihole, "PATCH", "/api/config", wanted, sid=sid)
            assert pihole.describe()["config_writes"] == 0
            return answer

    answer = asyncio.run(scenario())
    assert (answer.status, answer.field("error.hint")) == (400, hint)


def test_the_whole_tree_is_answered_in_detail_with_types() -> None:
    async def scenario() -> Answered:
        async with running(make_pihole(timing=FAST)) as pihole:
            sid = await login(pihole)
            return await ask(pihole, "GET", "/api/config?detailed=true", sid=sid)

    answer = asyncio.run(scenario())
    assert answer.field("config.webserver.session.timeout.type") == "integer"
    assert answer.field("config.dns.upstreams.type") == "string array"


def test_a_kept_connection_serves_several_requests() -> None:
    async def scenario() -> list[int]:
        async with running(make_pihole()) as pihole:

            def talk() -> list[int]:
                host = str(pihole.describe()["dns"]).partition(":")[0]
                connection = http.client.HTTPConnection(host, 8089, timeout=5)
                statuses = []
                for _ in range(3):
                    body = json.dumps({"password": PASSWORD})
                    connection.request("POST", "/api/auth", body=body)
                    response = connection.getresponse()
                    response.read()
                    statuses.append(response.status)
                connection.close()
                return statuses

            return await asyncio.to_thread(talk)

    assert asyncio.run(scenario()) == [200, 200, 200]
