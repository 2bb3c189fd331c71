"""Each fault of the simulated Pi-hole: what it does to a client, and that it ends."""

import asyncio
import http.client

import dns.exception
import pytest

from simhome.pihole import SimPihole
from simhome.tests.pihole_helpers import (
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
RECORD = f"10.0.0.1 {NAME}"
IN_VAIN_SECONDS = 0.15


def hosts(*items: str) -> dict[str, object]:
    return {"config": {"dns": {"hosts": list(items)}}}


async def outcome(pihole: SimPihole, deadline_seconds: float = 5.0) -> str:
    """Return how the API answers a login: a status, or the name of what goes wrong."""
    right = {"password": PASSWORD}
    try:
        answer = await ask(pihole, "POST", "/api/auth", right, deadline_seconds=deadline_seconds)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    return str(answer.status)


async def resolves(pihole: SimPihole, deadline_seconds: float = 5.0) -> bool:
    try:
        looked = await lookup(pihole, NAME, deadline_seconds=deadline_seconds)
    except (dns.exception.Timeout, OSError):
        return False
    return looked.addresses == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("fault", "login_outcome", "has_dns"),
    [
        pytest.param("down", "ConnectionRefusedError", False, id="down"),
        pytest.param("api_down", "ConnectionRefusedError", True, id="api_down"),
        pytest.param("silent", "TimeoutError", False, id="silent"),
        pytest.param("hang", "TimeoutError", True, id="hang"),
        pytest.param("slow", "TimeoutError", True, id="slow"),
        pytest.param("seats_full", "429", True, id="seats_full"),
        pytest.param("password_changed", "401", True, id="password_changed"),
        pytest.param("no_password", "200", True, id="no_password"),
        pytest.param("app_password", "200", True, id="app_password"),
        pytest.param("garbage", "200", True, id="garbage"),
        pytest.param("drop_dns", "200", False, id="drop_dns"),
    ],
)
def test_a_fault_begins_at_once_and_ends_at_once(
    fault: str, login_outcome: str, *, has_dns: bool
) -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            pihole.set_fault(fault)
            await pihole.settled()
            patience = IN_VAIN_SECONDS if login_outcome == "TimeoutError" else 5.0
            assert await outcome(pihole, patience) == login_outcome
            assert await resolves(pihole, 5.0 if has_dns else IN_VAIN_SECONDS) is has_dns
            faults = pihole.describe()["faults"]
            assert isinstance(faults, dict)
            assert list(faults) == [fault]
            pihole.clear_faults()
            async with asyncio.timeout(1):
                await pihole.settled()
            assert await outcome(pihole) == "200"
            assert await resolves(pihole)
            assert pihole.describe()["faults"] == {}

    asyncio.run(scenario())


def test_the_silent_host_does_not_even_refuse() -> None:
    """A connect must time out, not just the answer: nothing may accept the connection."""

    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            pihole.set_fault("silent")
            await pihole.settled()
            host = str(pihole.describe()["dns"]).partition(":")[0]
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(IN_VAIN_SECONDS):
                        await asyncio.open_connection(host, 8089)

    asyncio.run(scenario())


def test_going_down_breaks_open_connections_off() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            host = str(pihole.describe()["dns"]).partition(":")[0]
            reader, writer = await asyncio.open_connection(host, 8089)
            writer.write(b"GET /api/info/login HTTP/1.1\r\nHost: pi.hole\r\n\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            pihole.set_fault("down")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.transport.abort()

    asyncio.run(scenario())


def test_slow_is_slow_but_answers() -> None:
    async def scenario() -> float:
        async with running(make_pihole()) as pihole:
            pihole.set_fault("slow", seconds=0.1)
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert (await ask(pihole, "GET", "/api/info/login")).status == 200
            return loop.time() - began

    assert asyncio.run(scenario()) >= 0.1


def test_full_seats_leave_open_sessions_alone_and_can_be_freed() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            pihole.set_fault("seats_full")
            refused = await ask(pihole, "POST", "/api/auth", {"password": PASSWORD})
            assert refused.field("error.key") == "api_seats_exceeded"
            listed = await ask(pihole, "GET", "/api/auth/sessions", sid=sid)
            rows = listed.field("sessions")
            assert isinstance(rows, list)
            assert len(rows) == 16
            assert (await ask(pihole, "DELETE", "/api/auth/session/7", sid=sid)).status == 204
            await login(pihole)
            pihole.clear_faults()
            assert pihole.describe()["sessions"] == 2

    asyncio.run(scenario())


def test_a_changed_password_ends_sessions_and_the_new_one_works() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            pihole.set_fault("password_changed", password="another")
            assert (await ask(pihole, "GET", "/api/dns/blocking", sid=sid)).status == 401
            other = await login(pihole, "another")
            pihole.clear_faults()
            assert (await ask(pihole, "GET", "/api/dns/blocking", sid=other)).status == 401
            await login(pihole)

    asyncio.run(scenario())


def test_without_a_password_everything_is_open() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            pihole.set_fault("no_password")
            answer = await ask(pihole, "GET", "/api/auth")
            assert answer.field("session.message") == "no password set"
            assert (await ask(pihole, "PATCH", "/api/config", hosts(RECORD))).status == 200
            assert pihole.hosts == [RECORD]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("app_sudo", "status"),
    [pytest.param(False, 403, id="may read"), pytest.param(True, 200, id="may write")],
)
def test_an_app_password_writes_only_with_app_sudo(status: int, *, app_sudo: bool) -> None:
    async def scenario() -> Answered:
        async with running(make_pihole()) as pihole:
            pihole.set_fault("app_password", app_sudo=app_sudo)
            sid = await login(pihole)
            shown = await ask(pihole, "GET", "/api/config/webserver/api/app_sudo", sid=sid)
            assert shown.field("config.webserver.api.app_sudo") is app_sudo
            return await ask(pihole, "PATCH", "/api/config", hosts(RECORD), sid=sid)

    assert asyncio.run(scenario()).status == status


def test_read_only_refuses_a_patch() -> None:
    async def scenario() -> None:
        async with running(make_pihole()) as pihole:
            sid = await login(pihole)
            pihole.set_fault("read_only")
            refused = await ask(pihole, "PATCH", "/api/config", hosts(RECORD), sid=sid)
            assert (refused.status, refused.field("error.key")) == (403, "forbidden")
            pihole.clear_faults()
            again = await ask(pihole, "PATCH", "/api/config", hosts(RECORD), sid=sid)
            assert again.status == 200

    asyncio.run(scenario())


def test_forced_hosts_cannot_be_changed_and_are_gone_afterwards() -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            sid = await login(pihole)
            pihole.set_fault("env_forced", hosts=["10.0.0.77 forced.local"])
            assert (await lookup(pihole, "forced.local")).addresses == ["10.0.0.77"]
            refused = await ask(pihole, "PATCH", "/api/config", hosts(RECORD), sid=sid)
            assert (refused.status, refused.field("error.hint")) == (400, "dns.hosts")
            path = "/api/config/dns/hosts?detailed=true"
            detail = await ask(pihole, "GET", path, sid=sid)
            assert detail.field("config.dns.hosts.flags.env_var") is True
            pihole.clear_faults()
            assert pihole.hosts == [RECORD]
            assert await resolves(pihole)

    asyncio.run(scenario())


def test_the_foreign_writer_takes_the_name_again_and_again() -> None:
    foreign = f"10.0.0.66 {NAME}"

    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD, "10.0.0.5 printer.local"))) as pihole:
            sid = await login(pihole)
            pihole.set_fault("foreign_writer", address="10.0.0.66", interval=0.01)
            for _ in range(2):
                await until(lambda: pihole.hosts == ["10.0.0.5 printer.local", foreign])
                wanted = hosts("10.0.0.5 printer.local", RECORD)
                assert (await ask(pihole, "PATCH", "/api/config", wanted, sid=sid)).status == 200
            await until(lambda: foreign in pihole.hosts)
            pihole.clear_faults()
            wanted = hosts(RECORD)
            assert (await ask(pihole, "PATCH", "/api/config", wanted, sid=sid)).status == 200
            assert await resolves(pihole)
            await until(lambda: "foreign_writer" not in {t.get_name() for t in asyncio.all_tasks()})
            assert pihole.describe()["crashes"] == 0

    asyncio.run(scenario())


def test_while_it_restarts_nothing_answers() -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            pihole.set_fault("restart", seconds=3600)
            await pihole.settled()
            assert pihole.describe()["state"] == "restarting"
            assert await outcome(pihole) == "ConnectionRefusedError"
            assert not await resolves(pihole, IN_VAIN_SECONDS)
            pihole.set_fault("restart", seconds=0)
            await until(lambda: pihole.describe()["state"] == "running")
            await pihole.settled()
            assert await outcome(pihole) == "200"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("clean", "message"),
    [
        pytest.param(True, "correct password", id="clean"),
        pytest.param(False, "session unknown", id="kill -9"),
    ],
)
def test_a_restart_ends_by_itself(message: str, *, clean: bool) -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            sid = await login(pihole)
            pihole.set_fault("restart", seconds=0.02, clean=clean)
            await until(lambda: pihole.describe()["state"] == "running")
            await pihole.settled()
            answer = await ask(pihole, "GET", "/api/auth", sid=sid)
            assert answer.field("session.message") == message
            assert await resolves(pihole)
            assert pihole.describe()["starts"] == 2

    asyncio.run(scenario())


def test_garbage_is_a_200_that_is_no_json() -> None:
    async def scenario() -> Answered:
        async with running(make_pihole()) as pihole:
            pihole.set_fault("garbage")
            return await ask(pihole, "GET", "/api/auth")

    answer = asyncio.run(scenario())
    assert answer.status == 200
    with pytest.raises(ValueError, match="Expecting value"):
        _ = answer.json


def test_a_lost_write_was_answered_with_success() -> None:
    async def scenario() -> None:
        async with running(make_pihole(hosts=(RECORD,))) as pihole:
            sid = await login(pihole)
            pihole.set_fault("lost_write", seconds=0.05)
            wanted = f"10.0.0.2 {NAME}"
            answer = await ask(pihole, "PATCH", "/api/config", hosts(wanted), sid=sid)
            assert answer.field("config.dns.hosts") == [wanted]
            await until(lambda: pihole.hosts == [RECORD])
            assert await resolves(pihole)
            pihole.clear_faults()
            await ask(pihole, "PATCH", "/api/config", hosts(wanted), sid=sid)
            assert pihole.hosts == [wanted]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("nonsense", {}, id="no such fault"),
        pytest.param("down", {"seconds": 1}, id="no such option"),
        pytest.param("slow", {"seconds": "long"}, id="no number"),
    ],
)
def test_a_wrong_order_is_refused(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault|Fault|float"):
        make_pihole().set_fault(name, **options)


def test_faults_may_be_set_before_the_start() -> None:
    async def scenario() -> None:
        pihole = make_pihole(hosts=(RECORD,))
        pihole.set_fault("api_down")
        async with running(pihole):
            assert await outcome(pihole) == "ConnectionRefusedError"
            assert await resolves(pihole)

    asyncio.run(scenario())


def test_a_pihole_that_crashed_serves_again_when_it_is_started_anew() -> None:
    async def scenario() -> None:
        pihole = make_pihole(hosts=(RECORD,))
        async with running(pihole):
            pihole.set_fault("restart", seconds=3600)
        async with running(pihole):
            assert await outcome(pihole) == "200"
            assert await resolves(pihole)

    asyncio.run(scenario())


def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    async def scenario() -> None:
        pihole = make_pihole()
        host = str(pihole.describe()["dns"]).partition(":")[0]
        loop = asyncio.get_running_loop()
        taken = await loop.create_server(asyncio.Protocol, host, 5453)
        try:
            with pytest.raises(OSError, match="address already in use"):
                await pihole.start()
            with pytest.raises(ConnectionRefusedError):
                await ask(pihole, "GET", "/api/auth")
        finally:
            taken.close()

    asyncio.run(scenario())
