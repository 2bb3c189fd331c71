"""What the simulated BaluHost answers to requests that reach it.

Shapes, messages and status codes are those of BaluHost 1.38 (its health, auth, system, sleep and
power routes; FastAPI's own 404, 405 and 422) and of the dashboard contract.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from simhome.baluhost_accounts import (
    LOGINS_PER_MINUTE,
    ME_PER_MINUTE,
    RateLimit,
    TokenIssuer,
)
from simhome.nas_machine import NasMachine
from simhome.nas_stages import NasState
from simhome.nas_users import NasUser

_RETRY_AFTER_SECONDS = 60
_GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, stripped of everything about HTTP that BaluHost does not look at."""

    method: str
    path: str
    client: str
    authorization: str
    body: bytes
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A JSON answer."""

    content: object
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestRefusedError(Exception):
    """BaluHost answers with an error; ``answer`` is what it sends."""

    def __init__(
        self, status: HTTPStatus, detail: object, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.answer = Answer(content={"detail": detail}, status=status, headers=headers or {})


class BaluHost:
    """BaluHost's HTTP API as far as BaluPi meets it, on the state of the machine."""

    def __init__(self, *, machine: NasMachine, users: Sequence[NasUser], secret_key: str) -> None:
        self._machine = machine
        self.set_users(users)
        self._tokens = TokenIssuer(secret_key)
        self._logins = RateLimit(LOGINS_PER_MINUTE)
        self._codes = RateLimit(LOGINS_PER_MINUTE)
        self._me = RateLimit(ME_PER_MINUTE)
        self._routes: dict[str, tuple[str, Callable[[Asked], Answer]]] = {
            "/api/health": ("GET", self._health),
            "/api/ping": ("GET", self._health),
            "/api/auth/login": ("POST", self._login),
            "/api/auth/verify-2fa": ("POST", self._verify_2fa),
            "/api/auth/me": ("GET", self._show_me),
            "/api/system/info": ("GET", self._system_info),
            "/api/system/sleep/status": ("GET", self._sleep_status),
            "/api/power/status": ("GET", self._power_status),
        }

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request; it counts for soft sleep and for idleness."""
        self._machine.request(asked.path, asked.now)
        method, route = self._routes.get(asked.path, ("", None))
        if route is None:
            return _problem(HTTPStatus.NOT_FOUND, "Not Found")
        if asked.method != method:
            refusal = _problem(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed")
            return Answer(content=refusal.content, status=refusal.status, headers={"Allow": method})
        try:
            return route(asked)
        except RequestRefusedError as refused:
            return refused.answer

    def set_users(self, users: Sequence[NasUser]) -> None:
        """Have these users from now on; tokens of others open nothing any more."""
        self._users = {user.id: user for user in users}

    def forget(self) -> None:
        """Lose what is kept in memory, as a restart of BaluHost does."""
        for limit in (self._logins, self._codes, self._me):
            limit.forget()

    # Routes

    def _health(self, _asked: Asked) -> Answer:
        # BaluHost's health route says 1.0.0 whatever its version is.
        return Answer(content={"status": "ok", "version": "1.0.0"})

    def _login(self, asked: Asked) -> Answer:
        given = _fields(asked.body, "username", "password")
        _limit(self._logins, asked.client, asked.now)
        for user in self._users.values():
            if (user.username, user.password) == (given["username"], given["password"]):
                break
        else:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "Invalid credentials")
        if user.totp_code is not None:
            pending = self._tokens.pending_token(user, asked.now)
            return Answer(
                content={
                    "requires_2fa": True,
                    "pending_token": pending,
                    "token_type": "2fa_pending",
                }
            )
        return self._logged_in(user, asked.now)

    def _verify_2fa(self, asked: Asked) -> Answer:
        given = _fields(asked.body, "pending_token", "code")
        _limit(self._codes, asked.client, asked.now)
        user_id = self._tokens.user_id(given["pending_token"], "2fa_pending", asked.now)
        if user_id is None:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "Invalid or expired 2FA token")
        user = self._users.get(user_id)
        if user is None:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "User not found")
        if user.totp_code is None or user.totp_code != given["code"]:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "Invalid 2FA code")
        return self._logged_in(user, asked.now)

    def _logged_in(self, user: NasUser, now: datetime) -> Answer:
        token = self._tokens.access_token(user, now)
        return Answer(
            content={"access_token": token, "token_type": "bearer", "user": user.public()}
        )

    def _show_me(self, asked: Asked) -> Answer:
        user = self._user(asked)
        _limit(self._me, f"user:{user.id}", asked.now)
        return Answer(content=user.public())

    def _system_info(self, asked: Asked) -> Answer:
        self._user(asked)
        uptime = float(self._machine.uptime_seconds(asked.now))
        return Answer(
            content={
                "cpu": {
                    "usage": 3.1,
                    "cores": 6,
                    "frequency_mhz": 1400.0,
                    "temperature_celsius": 41.0,
                    "model": "AMD Ryzen 5 5600G with Radeon Graphics",
                },
                "memory": {
                    "total": 16 * _GIB,
                    "used": 5 * _GIB,
                    "free": 11 * _GIB,
                    "speed_mts": 3200,
                    "type": "DDR4",
                },
                "disk": {
                    "total": 4000787030016,
                    "used": 1203487232000,
                    "free": 2797299798016,
                },
                "uptime": uptime,
                "system_uptime": uptime,
                "dev_mode": False,
            }
        )

    def _sleep_status(self, asked: Asked) -> Answer:
        self._user(asked)
        machine = self._machine
        asleep = machine.state is NasState.SOFT_SLEEP
        return Answer(
            content={
                "current_state": "soft_sleep" if asleep else "awake",
                "state_since": machine.since.isoformat(),
                "idle_seconds": machine.idle_seconds,
                "idle_threshold_seconds": machine.timings.idle_after_seconds or 0.0,
                "activity_metrics": {
                    "cpu_usage_avg": 3.1,
                    "disk_io_avg_mbps": 0.0,
                    "active_uploads": 0,
                    "active_downloads": 0,
                    "http_requests_per_minute": float(machine.requests_last_minute(asked.now)),
                },
                "paused_services": ["monitoring_orchestrator", "disk_io_monitor"] if asleep else [],
                "spun_down_disks": ["/dev/sda", "/dev/sdb"] if asleep else [],
                "auto_idle_enabled": machine.timings.idle_after_seconds is not None,
                "schedule_enabled": False,
                "escalation_enabled": False,
            }
        )

    def _power_status(self, asked: Asked) -> Answer:
        self._user(asked)
        asleep = self._machine.state is NasState.SOFT_SLEEP
        return Answer(
            content={
                "current_profile": "idle" if asleep else "low",
                "current_frequency_mhz": 400.0 if asleep else 1100.0,
                "target_frequency_range": "400-800 MHz" if asleep else "800-1200 MHz",
                "active_demands": [],
                "auto_scaling_enabled": True,
                "is_dev_mode": False,
                "is_using_linux_backend": True,
                "linux_backend_available": True,
                "can_switch_backend": False,
                "permission_status": None,
                "last_profile_change": self._machine.since.isoformat(),
                "cooldown_remaining_seconds": None,
            }
        )

    def _user(self, asked: Asked) -> NasUser:
        """Return who asks; the messages are those of BaluHost's ``get_current_user``."""
        scheme, _, token = asked.authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RequestRefusedError(
                HTTPStatus.UNAUTHORIZED,
                "No authentication token provided",
                {"WWW-Authenticate": "Bearer"},
            )
        user_id = self._tokens.user_id(token, "access", asked.now)
        if user_id is None:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "Could not validate credentials")
        user = self._users.get(user_id)
        if user is None:
            raise RequestRefusedError(HTTPStatus.UNAUTHORIZED, "User no longer exists")
        return user


def _problem(status: HTTPStatus, detail: str) -> Answer:
    return Answer(content={"detail": detail}, status=status)


def _limit(limit: RateLimit, client: str, now: datetime) -> None:
    """Count a call; the answer to one too many is that of BaluHost's rate limit handler."""
    if limit.allows(client, now):
        return
    refused = RequestRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "")
    refused.answer = Answer(
        content={
            "error": "Too Many Requests",
            "detail": "Rate limit exceeded. Please try again later.",
            "retry_after": _RETRY_AFTER_SECONDS,
        },
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
    )
    raise refused


def _fields(body: bytes, *names: str) -> dict[str, str]:
    """Return the text fields of a JSON body; FastAPI's 422 has a list as its detail."""
    try:
        value = json.loads(body)
    except ValueError:
        raise RequestRefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            [{"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error"}],
        ) from None
    given = value if isinstance(value, dict) else {}
    wrong = [name for name in names if not isinstance(given.get(name), str)]
    if wrong:
        raise RequestRefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            [{"type": "missing", "loc": ["body", name], "msg": "Field required"} for name in wrong],
        )
    return {name: given[name] for name in names}
