"""The NAS on the network: what its web port does in every state, and what BaluHost answers."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from simhome.clock import Clock, ManualClock
from simhome.nas import SimNas
from simhome.nas_actions import UnknownActionError
from simhome.nas_stages import Face, NasState, NasTimings
from simhome.nas_users import NasUser

pytestmark = pytest.mark.enable_socket

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PORT = 8126
SECRET = "a household's secret, long enough"
USERS = (
    NasUser(id=1, username="admin", password="Admin-1", role="admin"),
    NasUser(id=2, username="family", password="Family-1"),
    NasUser(id=3, username="careful", password="Careful-1", totp_code="123456"),
)
QUICK = NasTimings(
    boot_port_seconds=0.05,
    boot_seconds=0.1,
    shutdown_answering_seconds=0.05,
    shutdown_port_seconds=0.1,
    shutdown_seconds=0.15,
    resume_seconds=0.05,
    restart_seconds=0.05,
)


def make_nas(block: str, clock: Clock, **options: Any) -> SimNas:
    return SimNas(
        host=f"{block}.53",
        port=PORT,
        mac="02:00:00:00:00:53",
        wol_hosts=(f"{block}.53",),
        wol_port=PORT,
        pi_url=f"http://{block}.2:{PORT}",
        handshake_secret=SECRET,
        users=USERS,
        secret_key="another secret",
        clock=clock,
        **options,
    )


class Client:
    """Asks the NAS; ``get`` and ``post`` return status, type and decoded answer."""

    def __init__(self, nas: SimNas, session: aiohttp.ClientSession) -> None:
        self._url = f"http://{nas.host}:{nas.port}"
        self._session = session

    async def get(self, path: str, token: str = "") -> tuple[int, str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._session.get(self._url + path, headers=headers) as answer:
            return answer.status, answer.content_type, _decoded(await answer.text())

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        async with self._session.post(self._url + path, data=json.dumps(body)) as answer:
            return answer.status, _decoded(await answer.text())

    async def login(self, username: str, password: str) -> tuple[int, Any]:
        return await self.post("/api/auth/login", {"username": username, "password": password})


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


Scenario = Callable[[SimNas, Client, ManualClock], Awaitable[None]]


def play(block: str, scenario: Scenario, *, clock: Clock | None = None, **options: Any) -> None:
    """Start a NAS on a clock that is moved by hand, run the scenario, stop it."""

    async def run() -> None:
        manual = ManualClock(START)
        nas = make_nas(block, clock or manual, **options)
        async with asyncio.timeout(20), running(nas), aiohttp.ClientSession() as session:
            await scenario(nas, Client(nas, session), manual)

    asyncio.run(run())


@asynccontextmanager
async def running(nas: SimNas) -> AsyncIterator[None]:
    await nas.start()
    try:
        yield
    finally:
        await nas.stop()


def connects(nas: SimNas, seconds: float = 0.2) -> str:
    """Tell what a TCP connect meets: open, refused or silent."""
    try:
        socket.create_connection((nas.host, nas.port), timeout=seconds).close()
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    return "open"


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; the deadline is that of ``play``."""
    while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
        await asyncio.sleep(0.005)


async def answered(asking: asyncio.Task[Any]) -> bool:
    """Tell whether an answer comes; where none should, this looks long enough to see a quick one."""
    done, _waiting = await asyncio.wait({asking}, timeout=0.05)
    return bool(done)


class TestReachability:
    @pytest.mark.parametrize(
        ("action", "meets"),
        [
            pytest.param("crash", "silent"),
            pytest.param("suspend", "silent"),
            pytest.param("freeze", "silent"),
            pytest.param("power_cut", "silent"),
            pytest.param("refuse", "refused"),
            pytest.param("hang", "open"),
            pytest.param("backend_dead", "open"),
            pytest.param("html_200", "open"),
            pytest.param("slow", "open"),
            pytest.param("soft_sleep", "open"),
        ],
    )
    def test_a_connect_meets_what_the_state_says_at_once(
        self, block: str, action: str, meets: str
    ) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            assert connects(nas) == "open"
            nas.act(action)
            assert connects(nas) == meets

        play(block, scenario)

    @pytest.mark.parametrize("fault", ["freeze", "hang", "refuse", "backend_dead", "html_200"])
    def test_recovery_is_served_at_once(self, block: str, fault: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act(fault)
            connects(nas)
            nas.act("recover")
            started = time.monotonic()
            assert (await client.get("/api/health"))[0] == 200
            assert time.monotonic() - started < 0.2

        play(block, scenario)

    def test_a_request_under_way_is_lost_in_a_crash(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("slow", {"seconds": 0.01})
            asking = asyncio.create_task(client.login("admin", "Admin-1"))
            await until(lambda: nas.requests["/api/auth/login"])
            nas.act("crash")
            assert not await answered(asking)
            nas.act("power_on")
            with pytest.raises(aiohttp.ClientError):
                await asking

        play(block, scenario)

    def test_who_hangs_is_answered_after_recovery(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("hang")
            asking = asyncio.create_task(client.get("/api/health"))
            await until(lambda: nas.requests["/api/health"])
            assert not await answered(asking)
            nas.act("unhang")
            assert (await asking)[0] == 200

        play(block, scenario)

    def test_who_gives_up_leaves_nothing_behind(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("hang")
            before = len(asyncio.all_tasks())
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.get("/api/health"), 0.05)
            await until(lambda: len(asyncio.all_tasks()) <= before)

        play(block, scenario)

    def test_a_slow_nas_takes_its_time(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("slow", {"seconds": 0.15})
            started = time.monotonic()
            assert (await client.get("/api/health"))[0] == 200
            assert time.monotonic() - started >= 0.15

        play(block, scenario)

    def test_connections_are_counted_apart_from_requests(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            connects(nas)
            connects(nas)
            await client.get("/api/health")  # on a third one, which is kept
            nas.act("freeze")
            nas.act("recover")
            await client.get("/api/health")
            told = nas.describe()
            assert told["connections"] == 3
            assert told["requests"] == {"/api/health": 2}
            assert told["requests_last_minute"] == 2

        play(block, scenario)


class TestFrontServer:
    @pytest.mark.parametrize("path", ["/", "/login", "/system", "/assets/index.js"])
    def test_it_serves_the_page_itself(self, block: str, path: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("soft_sleep")
            status, kind, page = await client.get(path)
            assert (status, kind) == (200, "text/html")
            assert "This is the NAS balunas" in page
            assert nas.machine.state is NasState.SOFT_SLEEP
            assert nas.machine.requests_last_minute(START) == 0

        play(block, scenario)

    @pytest.mark.parametrize("action", ["backend_dead", "restart_service"])
    def test_it_answers_502_for_a_backend_that_is_not_there(self, block: str, action: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act(action)
            status, kind, page = await client.get("/api/system/info")
            assert (status, kind) == (502, "text/html")
            assert "502 Bad Gateway" in page
            assert (await client.get("/"))[0] == 200

        play(block, scenario)

    def test_something_else_answers_200_html_to_everything(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("html_200")
            for path in ("/", "/api/health", "/api/system/info", "/health"):
                assert (await client.get(path))[:2] == (200, "text/html")

        play(block, scenario)


class TestBaluHost:
    def test_health_is_baluhosts(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            answer = await client.get("/api/health")
            assert answer == (200, "application/json", {"status": "ok", "version": "1.0.0"})

        play(block, scenario)

    @pytest.mark.parametrize(
        "path",
        ["/api/auth/me", "/api/system/info", "/api/system/sleep/status", "/api/power/status"],
    )
    def test_without_a_good_token_it_is_401_json(self, block: str, path: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            missing = {"detail": "No authentication token provided"}
            assert await client.get(path) == (401, "application/json", missing)
            wrong = {"detail": "Could not validate credentials"}
            assert await client.get(path, "a.b.c") == (401, "application/json", wrong)

        play(block, scenario)

    @pytest.mark.parametrize(
        ("username", "password", "role"),
        [pytest.param("admin", "Admin-1", "admin"), pytest.param("family", "Family-1", "user")],
    )
    def test_a_login_opens_the_api(
        self, block: str, username: str, password: str, role: str
    ) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            status, answer = await client.login(username, password)
            assert (status, answer["token_type"]) == (200, "bearer")
            assert (answer["user"]["username"], answer["user"]["role"]) == (username, role)
            token = answer["access_token"]
            assert (await client.get("/api/auth/me", token))[2] == answer["user"]
            assert (await client.get("/api/system/info", token))[2]["cpu"]["cores"] == 6
            assert (await client.get("/api/power/status", token))[2]["current_profile"] == "low"
            nas.act("soft_sleep")
            sleep = await client.get("/api/system/sleep/status", token)
            assert sleep[2]["current_state"] == "soft_sleep"

        play(block, scenario)

    def test_the_token_names_the_user_by_number_and_lives_15_minutes(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, clock: ManualClock) -> None:
            token = (await client.login("family", "Family-1"))[1]["access_token"]
            claims = json.loads(_base64(token.split(".")[1]))
            assert (claims["sub"], claims["type"]) == ("2", "access")
            assert claims["exp"] - claims["iat"] == 900
            clock.advance(899)
            assert (await client.get("/api/auth/me", token))[0] == 200
            clock.advance(1)
            assert (await client.get("/api/auth/me", token))[0] == 401

        play(block, scenario)

    def test_a_forged_token_is_refused(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            family = (await client.login("family", "Family-1"))[1]["access_token"].split(".")
            admin = (await client.login("admin", "Admin-1"))[1]["access_token"].split(".")
            forged = ".".join((family[0], admin[1], family[2]))
            assert (await client.get("/api/auth/me", forged))[0] == 401

        play(block, scenario)

    def test_a_wrong_password_is_refused(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            refused = (401, {"detail": "Invalid credentials"})
            assert await client.login("admin", "Family-1") == refused
            assert await client.login("nobody", "Family-1") == refused

        play(block, scenario)

    def test_the_second_factor_is_asked_for(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            status, answer = await client.login("careful", "Careful-1")
            assert (status, answer["requires_2fa"]) == (200, True)
            assert answer["token_type"] == "2fa_pending"
            assert "access_token" not in answer
            pending = answer["pending_token"]
            assert (await client.get("/api/auth/me", pending))[0] == 401
            code = {"pending_token": pending, "code": "654321"}
            wrong = await client.post("/api/auth/verify-2fa", code)
            assert wrong == (401, {"detail": "Invalid 2FA code"})
            code["code"] = "123456"
            status, answer = await client.post("/api/auth/verify-2fa", code)
            assert (status, answer["user"]["username"]) == (200, "careful")
            assert (await client.get("/api/auth/me", answer["access_token"]))[0] == 200
            code["pending_token"] = answer["access_token"]
            assert (await client.post("/api/auth/verify-2fa", code))[0] == 401

        play(block, scenario)

    def test_a_user_can_be_changed(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            token = (await client.login("family", "Family-1"))[1]["access_token"]
            nas.act("user", {"name": "family", "password": "New-1", "is_active": False})
            assert (await client.login("family", "Family-1"))[0] == 401
            status, answer = await client.login("family", "New-1")
            assert (status, answer["user"]["is_active"]) == (200, False)
            nas.act("user", {"name": "family", "gone": True})
            assert (await client.login("family", "New-1"))[0] == 401
            assert (await client.get("/api/auth/me", token))[0] == 401
            for wrong in ({"name": "nobody"}, {"name": "admin", "gone": "yes"}, {"id": 3}):
                with pytest.raises(UnknownActionError):
                    nas.act("user", wrong)

        play(block, scenario)

    def test_only_logins_can_hang(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("hang_logins")
            hanging = asyncio.create_task(client.login("admin", "Admin-1"))
            await until(lambda: nas.requests["/api/auth/login"])
            assert (await client.get("/api/health"))[0] == 200
            assert not hanging.done()
            nas.act("unhang_logins")
            assert (await hanging)[0] == 200

        play(block, scenario)

    def test_five_logins_a_minute_are_enough(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, clock: ManualClock) -> None:
            for _ in range(5):
                assert (await client.login("admin", "wrong"))[0] == 401
            status, answer = await client.login("admin", "Admin-1")
            assert (status, answer["retry_after"]) == (429, 60)
            clock.advance(60)
            assert (await client.login("admin", "Admin-1"))[0] == 200

        play(block, scenario)

    def test_a_restart_of_the_service_forgets_the_logins_but_not_the_tokens(
        self, block: str
    ) -> None:
        async def scenario(nas: SimNas, client: Client, clock: ManualClock) -> None:
            token = (await client.login("admin", "Admin-1"))[1]["access_token"]
            for _ in range(5):
                await client.login("admin", "wrong")
            nas.act("calls_off")
            nas.act("restart_service")
            clock.advance(6)
            assert (await client.login("admin", "Admin-1"))[0] == 200
            assert (await client.get("/api/auth/me", token))[0] == 200

        play(block, scenario)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({"username": "admin"}, id="no password"),
            pytest.param({"username": 1, "password": None}, id="no text"),
            pytest.param([], id="no object"),
        ],
    )
    def test_a_login_that_is_none_is_422(self, block: str, body: object) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            status, answer = await client.post("/api/auth/login", body)
            assert status == 422
            assert isinstance(answer["detail"], list)

        play(block, scenario)

    def test_unknown_paths_and_methods_are_refused(self, block: str) -> None:
        async def scenario(_nas: SimNas, client: Client, _clock: ManualClock) -> None:
            assert (await client.get("/api/none"))[::2] == (404, {"detail": "Not Found"})
            assert (await client.get("/api/auth/login"))[0] == 405
            assert (await client.post("/api/health", {}))[0] == 405

        play(block, scenario)

    def test_health_ends_soft_sleep_and_the_probe_path_does_not(self, block: str) -> None:
        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("soft_sleep")
            await client.get("/api/system/info")
            assert nas.describe()["state"] == "soft_sleep"
            await client.get("/api/health")
            assert nas.describe()["state"] == "running"

        play(block, scenario)


class Pi:
    """What the NAS calls: notes the calls and what the NAS answered at that moment."""

    def __init__(self, block: str) -> None:
        self._host = f"{block}.2"
        self.nas: SimNas | None = None
        self.calls: list[tuple[str, Face, bool]] = []

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        assert self.nas is not None
        has_body = bool(await request.read())
        name = request.path.removeprefix("/api/handshake/nas-")
        self.calls.append((name, self.nas.machine.face, has_body))
        return web.json_response({"acknowledged": True})

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = web.Server(self._handle, access_log=None)
        listener = await asyncio.get_running_loop().create_server(server, self._host, PORT)
        try:
            yield
        finally:
            listener.close()
            await server.shutdown(0.1)


def play_with_pi(block: str, scenario: Scenario, pi: Pi, **options: Any) -> None:
    """Play on the real clock with short times and somebody who takes the calls."""

    async def with_pi(nas: SimNas, client: Client, clock: ManualClock) -> None:
        pi.nas = nas
        async with pi.listening():
            await scenario(nas, client, clock)

    play(block, with_pi, clock=Clock(), timings=QUICK, **options)


class TestLife:
    def test_woken_by_a_packet_it_boots_calls_and_serves(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            assert connects(nas) == "silent"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                packet = b"\xff" * 6 + bytes.fromhex("020000000053") * 16
                udp.sendto(packet, (nas.host, PORT))
                udp.sendto(packet, (nas.host, PORT))
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert (await client.get("/api/health"))[0] == 200
            assert pi.calls == [("coming-online", Face.FRONT_502, False)]
            told = nas.describe()
            assert told["magic_packets"] == {"heard": {nas.host: 2}, "ignored": 0, "woke": 1}
            (sent,) = nas.calls
            assert (sent.call, sent.status, sent.acknowledged) == ("nas-coming-online", 200, True)

        play_with_pi(block, scenario, pi, state=NasState.OFF)

    def test_it_shuts_down_in_order(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("shutdown")
            await until(lambda: nas.machine.state is NasState.OFF)
            assert pi.calls == [("going-offline", Face.HEALTHY, True)]
            assert connects(nas) == "silent"
            assert nas.power_w(Clock().now()) == 1.2

        play_with_pi(block, scenario, pi)

    def test_a_service_restart_makes_the_pair_of_calls(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("restart_service")
            assert (await client.get("/api/health"))[0] == 502
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert [name for name, _, _ in pi.calls] == ["going-offline", "coming-online"]
            assert {face for _, face, _ in pi.calls} == {Face.FRONT_502}

        play_with_pi(block, scenario, pi)

    def test_suspend_and_resume_make_no_calls(self, block: str) -> None:
        pi = Pi(block)

        async def scenario(nas: SimNas, client: Client, _clock: ManualClock) -> None:
            nas.act("suspend")
            nas.act("resume")
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert (await client.get("/api/health"))[0] == 200
            assert pi.calls == []

        play_with_pi(block, scenario, pi)

    def test_a_crash_in_the_middle_of_a_call_ends_the_call(self, block: str) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("shutdown")
            nas.act("crash")
            for _turn in range(20):
                await asyncio.sleep(0)  # what was about to call has had its chance
            assert list(nas.calls) == []
            assert nas.machine.state is NasState.CRASHED

        play_with_pi(block, scenario, Pi(block))

    def test_without_a_pi_it_boots_all_the_same(self, block: str) -> None:
        async def scenario(nas: SimNas, _client: Client, _clock: ManualClock) -> None:
            nas.act("power_on")
            await until(lambda: nas.machine.state is NasState.RUNNING)
            assert nas.calls[0].error is not None

        play(block, scenario, clock=Clock(), timings=QUICK, state=NasState.OFF)


def test_an_address_that_is_taken_is_named(block: str) -> None:
    async def scenario() -> None:
        nas = make_nas(block, Clock())
        with socket.create_server((nas.host, nas.port)):
            with pytest.raises(OSError, match=rf"TCP {nas.host}:{nas.port}: Address already"):
                await nas.start()
            await nas.stop()

    asyncio.run(scenario())


def _base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
