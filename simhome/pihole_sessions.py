"""Sessions of the simulated Pi-hole: a fixed row of seats, and the limit on wrong passwords."""

import base64
import secrets
from dataclasses import dataclass, field

from simhome.clock import Clock
from simhome.pihole_config import MAX_SESSIONS, SESSION_TIMEOUT, PiholeConfig

# Failed password checks per clock second, for all clients together (Pi-hole notes, section 1).
_CHECKS_PER_SECOND = 3
_FOREVER_SECONDS = 10 * 365 * 86400


def _token() -> str:
    """Return 22 characters and a "=", the length seen in the recordings' content-length."""
    return base64.b64encode(secrets.token_bytes(16))[:23].decode()


@dataclass
class Session:
    """One seat in use; times are seconds since the epoch, as FTL shows them."""

    login_at: int
    last_active: int
    valid_until: int
    remote_address: str
    user_agent: str | None
    forwarded_for: str | None
    app: bool
    foreign: bool = False
    sid: str = field(default_factory=_token)
    csrf: str = field(default_factory=_token)


class Seats:
    """The sessions by seat number; a seat past its validity is free only for a new login."""

    def __init__(self, config: PiholeConfig, clock: Clock) -> None:
        """Start with all seats free."""
        self._config = config
        self._clock = clock
        self._taken: dict[int, Session] = {}

    @property
    def taken(self) -> dict[int, Session]:
        """The sessions by seat number, the lowest first."""
        return dict(sorted(self._taken.items()))

    @property
    def size(self) -> int:
        """How many seats there are (webserver.api.max_sessions)."""
        return self._config.number(MAX_SESSIONS)

    @property
    def timeout_seconds(self) -> int:
        """How long a session is valid after its last use (webserver.session.timeout)."""
        return self._config.number(SESSION_TIMEOUT)

    def find(self, sid: str) -> Session | None:
        """Return the session, an expired one too (auth_session_expiry_timeout_3s, step 4)."""
        return next((one for one in self._taken.values() if one.sid == sid), None)

    def renew(self, session: Session) -> None:
        """Let the validity start anew, as each authenticated request does."""
        session.last_active = self._now()
        session.valid_until = session.last_active + self.timeout_seconds

    def open(
        self,
        *,
        app: bool,
        remote_address: str,
        user_agent: str | None = None,
        forwarded_for: str | None = None,
    ) -> Session | None:
        """Take the first seat that is free or expired; None when all are in use."""
        now = self._now()
        for seat in range(self.size):
            old = self._taken.get(seat)
            if old is not None and old.valid_until >= now:
                continue
            session = Session(
                login_at=now,
                last_active=now,
                valid_until=now + self.timeout_seconds,
                remote_address=remote_address,
                user_agent=user_agent,
                forwarded_for=forwarded_for,
                app=app,
            )
            self._taken[seat] = session
            return session
        return None

    def close(self, session: Session) -> None:
        """Free the seat of ``session``; a second call does nothing."""
        self._taken = {seat: one for seat, one in self._taken.items() if one is not session}

    def free(self, seat: int) -> bool:
        """Free a seat by number; False if it was not in use."""
        return self._taken.pop(seat, None) is not None

    def clear(self) -> None:
        """End every session, as a change of password does."""
        self._taken.clear()

    def fill(self) -> None:
        """Let somebody else take all free seats and keep them."""
        while (session := self.open(app=False, remote_address="192.0.2.99")) is not None:
            session.user_agent = "dashboard without logout"
            session.foreign = True
            session.valid_until += _FOREVER_SECONDS

    def release_foreign(self) -> None:
        """Free the seats taken by ``fill``."""
        self._taken = {seat: one for seat, one in self._taken.items() if not one.foreign}

    def is_valid(self, session: Session) -> bool:
        """Return whether the session's time has not run out."""
        return session.valid_until >= self._now()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


class LoginLimit:
    """Password checks within the current clock second; successful ones do not count.

    An attempt counts when it starts: 12 wrong ones in parallel were 3 times 401 and 9 times 429
    (measurement auth_rate_limit_wrong_password).
    """

    def __init__(self, clock: Clock) -> None:
        """Start with no attempts."""
        self._clock = clock
        self._second = 0
        self._attempts = 0

    def enter(self) -> bool:
        """Count an attempt; False, uncounted, if this second has had its failures."""
        second = int(self._clock.now().timestamp())
        if second != self._second:
            self._second, self._attempts = second, 0
        if self._attempts >= _CHECKS_PER_SECOND:
            return False
        self._attempts += 1
        return True

    def succeed(self) -> None:
        """Take back the attempt that has just turned out to be right."""
        self._attempts = max(0, self._attempts - 1)
