"""What BaluHost on the simulated NAS answers."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from simhome.clock import ManualClock
from simhome.nas import SimNas
from simhome.nas_actions import UnknownActionError
from simhome.tests.nas_play import Client, play, until

pytestmark = pytest.mark.enable_socket


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


def _base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
