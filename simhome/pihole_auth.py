"""Who is asking: session ids in all their disguises, and the endpoints below /api/auth."""

import asyncio
import enum
import json
import secrets
from urllib.parse import parse_qsl, unquote

from simhome.pihole_config import APP_PASSWORD_HASH, PASSWORD_HASH, PiholeConfig, password_hash
from simhome.pihole_http import ApiError, ApiRequest, Body, Reply, no_content
from simhome.pihole_sessions import LoginLimit, Seats, Session
from simhome.pihole_timing import Timing

_NO_SID = "no SID provided"
_UNKNOWN = "session unknown"
_NO_PASSWORD = "no password set"  # noqa: S105 - FTL's message
_INCORRECT = "password incorrect"
_DELETED_COOKIE = (
    "sid=deleted; SameSite=Lax; Path=/; Max-Age=-1; Expires=Thu, 01 Jan 1970 00:00:00 GMT;"
)
# /api/auth says 1800 whatever the timeout is (auth_session_expiry_timeout_3s, steps 0 and 5).
_AUTH_COOKIE_SECONDS = 1800


class Check(enum.Enum):
    """What FTL says of a password."""

    CORRECT = "password correct"
    APP_CORRECT = "app-password correct"
    INCORRECT = "password incorrect"
    LIMITED = "rate limited"


def session_cookie(session: Session, max_age_seconds: int) -> str:
    """Return the Set-Cookie of every authenticated answer (auth_login_basic, step 3)."""
    return f"sid={session.sid}; SameSite=Lax; Path=/; Max-Age={max_age_seconds}; HttpOnly"


class Auth:
    """Logins, logouts and the session of a request (Pi-hole notes, section 1)."""

    def __init__(
        self, config: PiholeConfig, seats: Seats, limit: LoginLimit, timing: Timing
    ) -> None:
        """Guard with the passwords in ``config``."""
        self._config = config
        self._seats = seats
        self._limit = limit
        self._timing = timing
        self.logins = 0

    @property
    def is_open(self) -> bool:
        """Whether no password is set, so that everything is allowed to everybody."""
        return not self._config.text(PASSWORD_HASH)

    def require(self, request: ApiRequest) -> Session | None:
        """Return the session of a protected request and renew it; None if no password is set.

        Raises:
            ApiError: 401; missing, unknown and expired ids look the same.
        """
        if self.is_open:
            return None
        session, _ = self._identify(request, csrf=True)
        if session is None:
            raise ApiError(401, "unauthorized", "Unauthorized")
        return session

    async def login(self, request: ApiRequest, _: Session | None) -> Reply:
        """POST /api/auth."""
        old, _reason = self._identify(request, csrf=False)
        password, totp = _credentials(request)
        if not password:
            if self.is_open:
                return self._status(None, _NO_PASSWORD)
            return self._status(old, "correct password" if old else _INCORRECT)
        if self.is_open:
            return self._status(None, _INCORRECT)
        check = await self._check(password)
        if check is Check.LIMITED:
            raise ApiError(429, "rate_limiting", "Rate-limiting login attempts")
        if check is Check.INCORRECT:
            return self._status(old, _INCORRECT)
        if check is Check.CORRECT and self._config.totp_enabled:
            _refuse_totp(totp)
        session = self._sit_down(request, check) or old
        if session is None:
            hint = "increase webserver.api.max_sessions"
            raise ApiError(429, "api_seats_exceeded", "API seats exceeded", hint)
        return self._status(session, check.value)

    async def show(self, request: ApiRequest, _: Session | None) -> Reply:
        """GET /api/auth."""
        if self.is_open:
            return self._status(None, _NO_PASSWORD)
        session, reason = self._identify(request, csrf=False)
        return self._status(session, reason)

    async def logout(self, request: ApiRequest, _: Session | None) -> Reply:
        """DELETE /api/auth."""
        if self.is_open:  # 401 although "valid" (auth_no_password_set, step 10)
            return Reply(401, self._session_body(None, _NO_PASSWORD))
        session, reason = self._identify(request, csrf=False)
        if session is None:
            return Reply(401, self._session_body(None, reason))
        self._seats.close(session)
        goodbye = no_content()
        return Reply(goodbye.status, cookie=_DELETED_COOKIE, headers=goodbye.headers)

    async def list_sessions(self, _: ApiRequest, session: Session | None) -> Reply:
        """GET /api/auth/sessions."""
        seats = self._seats.taken.items()
        return Reply(body={"sessions": [self._row(seat, one, session) for seat, one in seats]})

    async def free_seat(self, request: ApiRequest, _: Session | None) -> Reply:
        """DELETE /api/auth/session/{id} (auth_seats_exceeded, steps 23-25)."""
        text = unquote(request.path.rstrip("/").rpartition("/")[2])
        if not text.isdecimal():  # not recorded
            raise ApiError(400, "bad_request", "Missing or invalid session ID")
        if int(text) >= self._seats.size:
            raise ApiError(400, "bad_request", "Session ID out of bounds")
        if not self._seats.free(int(text)):
            raise ApiError(400, "bad_request", "Session ID not in use")
        return no_content("application/json; charset=utf-8")

    async def propose_app_password(self, _: ApiRequest, __: Session | None) -> Reply:
        """GET /api/auth/app: nothing is stored (auth_create_app_password, step 0)."""
        password = secrets.token_urlsafe(32)
        return Reply(body={"app": {"password": password, "hash": password_hash(password)}})

    def _identify(self, request: ApiRequest, *, csrf: bool) -> tuple[Session | None, str]:
        """Return the session and FTL's message; a cookie needs a CSRF header where ``csrf``."""
        sid, by_cookie = _session_id(request)
        if not sid:
            return None, _NO_SID
        session = self._seats.find(sid)
        if session is None:
            return None, _UNKNOWN
        if by_cookie and csrf and request.header("X-CSRF-TOKEN") != session.csrf:
            return None, _UNKNOWN
        self._seats.renew(session)
        return session, "correct password"

    async def _check(self, password: str) -> Check:
        """Check against the main password, then the app password.

        The first check of a right app password fails and counts, so the third login in a second
        finds the limit used up in its second check and is told "incorrect"
        (auth_app_password_burst, steps 2 and 3; auth_wrong_then_right_app_password, step 1).
        """
        main = await self._compare(password, self._config.text(PASSWORD_HASH))
        app_hash = self._config.text(APP_PASSWORD_HASH)
        if main is not Check.INCORRECT or not app_hash:
            return main
        app = await self._compare(password, app_hash)
        return Check.APP_CORRECT if app is Check.CORRECT else Check.INCORRECT

    async def _compare(self, password: str, wanted_hash: str) -> Check:
        if not self._limit.enter():
            await asyncio.sleep(self._timing.rate_limit_seconds)
            return Check.LIMITED
        await asyncio.sleep(self._timing.password_check_seconds)
        if password_hash(password) != wanted_hash:
            return Check.INCORRECT
        self._limit.succeed()
        return Check.CORRECT

    def _sit_down(self, request: ApiRequest, check: Check) -> Session | None:
        session = self._seats.open(
            app=check is Check.APP_CORRECT,
            remote_address=request.remote_address,
            user_agent=request.header("User-Agent") or None,
            forwarded_for=request.header("X-Forwarded-For") or None,
        )
        self.logins += session is not None
        return session

    def _status(self, session: Session | None, message: str) -> Reply:
        """Return the session object: 200 for a session or an open daemon, else 401."""
        body = self._session_body(session, message)
        if session is not None:
            return Reply(200, body, session_cookie(session, _AUTH_COOKIE_SECONDS))
        if self.is_open:
            return Reply(200, body)
        return Reply(401, body, _DELETED_COOKIE)

    def _session_body(self, session: Session | None, message: str) -> Body:
        valid = session is not None or self.is_open
        shown: Body = {"valid": valid, "totp": self._config.totp_enabled, "sid": None}
        if session is not None:
            shown |= {"sid": session.sid, "csrf": session.csrf}
        shown |= {"validity": self._seats.timeout_seconds if session else -1, "message": message}
        return {"session": shown}

    def _row(self, seat: int, session: Session, own: Session | None) -> Body:
        return {
            "id": seat,
            "current_session": session is own,
            "valid": self._seats.is_valid(session),
            "tls": {"login": False, "mixed": False},
            "login_at": session.login_at,
            "last_active": session.last_active,
            "valid_until": session.valid_until,
            "remote_addr": session.remote_address,
            "user_agent": session.user_agent,
            "x_forwarded_for": session.forwarded_for,
            "app": session.app,
            "cli": False,
        }


def _credentials(request: ApiRequest) -> tuple[str, object]:
    """Return password and totp (None if missing) of a login (auth_login_basic, steps 8-11)."""
    payload = request.json()
    if not isinstance(payload, dict) or "password" not in payload:
        raise ApiError(400, "bad_request", "No password found in JSON payload")
    password = payload["password"]
    if not isinstance(password, str):
        raise ApiError(400, "bad_request", "Field password has to be of type 'string'")
    return password, payload.get("totp")


def _refuse_totp(totp: object) -> None:
    """Refuse the second factor (auth_totp_enabled, steps 1-2); right codes were never measured."""
    if totp is None:
        raise ApiError(400, "bad_request", "No 2FA token found in JSON payload")
    raise ApiError(401, "unauthorized", "Invalid 2FA token")


def _session_id(request: ApiRequest) -> tuple[str, bool]:
    """Return the session id ("" if none) and whether it came as a cookie.

    Order: body, header, cookie, query (Pi-hole notes, section 1; auth_sid_transport).
    """
    sent = _sid_in_body(request.body) or request.header("X-FTL-SID") or request.header("sid")
    if sent:
        return sent, False
    for pair in request.header("Cookie").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == "sid":
            return value, True
    # A raw "+" in a query arrives as a space; both spellings worked (auth_sid_transport, 4-5).
    return request.query.get("sid", "").replace(" ", "+"), False


def _sid_in_body(body: bytes) -> str:
    text = body.decode(errors="replace")
    if not text.lstrip().startswith("{"):
        return dict(parse_qsl(text)).get("sid", "").replace(" ", "+")
    try:
        payload = json.loads(text)
    except json.JSONDecodeError:
        return ""
    sid = payload.get("sid")
    return sid if isinstance(sid, str) else ""
