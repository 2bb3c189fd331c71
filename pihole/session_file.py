"""The one Pi-hole session that all our processes share, in a file that only we can read.

Pi-hole has 16 seats and one login costs a second of CPU on a small Pi (Pi-hole notes, section 1),
so a session is kept and found again, also after a restart of ours.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

logger = logging.getLogger(__name__)

#: After a confirmed wrong password nobody of us asks again for this long: a login costs Pi-hole a
#: second of CPU, and others share its limit of login attempts. A password that is put right soon
#: must not keep the names wrong; one that stays wrong needs a person anyway.
_FIRST_REFUSALS = 12
_FIRST_REFUSAL_LASTS = timedelta(seconds=15)
_REFUSAL_LASTS = timedelta(minutes=10)


@dataclass(frozen=True)
class SharedSession:
    """A session id, or when the password was refused; both None: nothing is known."""

    sid: str | None = None
    refused_at: str | None = None  # ISO 8601
    refusals: int = 0  # in a row


class SessionFile:
    """The file's place and whose session it is: another URL or password finds nothing in it."""

    def __init__(self, *, url: str, password: str) -> None:
        self._path: Path = settings.DATA_DIR / "pihole-session.json"
        self._key = salted_hmac("pihole.session_file", f"{url}\0{password}").hexdigest()

    def load(self) -> SharedSession:
        """Return what was stored for this URL and password."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            if stored.pop("key") == self._key:
                return SharedSession(**stored)
        return SharedSession()

    def is_refused(self, now: datetime) -> bool:
        """Tell whether this very password was refused so lately that it is not tried again yet."""
        known = self.load()
        with suppress(ValueError, TypeError):
            is_new = known.refusals <= _FIRST_REFUSALS
            lasts = _FIRST_REFUSAL_LASTS if is_new else _REFUSAL_LASTS
            # A clock that was set back meanwhile must not make this longer.
            return abs(now - datetime.fromisoformat(known.refused_at or "")) < lasts
        return False

    def save_refusal(self, now: datetime) -> None:
        """Store that the password was refused, once more."""
        refusals = self.load().refusals + 1
        self.save(SharedSession(refused_at=now.isoformat(), refusals=refusals))

    def save(self, session: SharedSession) -> bool:
        """Store it in one step; False where the disk does not take it (told in the log)."""
        text = json.dumps({"key": self._key, **asdict(session)})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(self._path)
        except OSError as error:
            logger.warning("the Pi-hole session cannot be kept for the next look: %s", error)
            return False
        return True

    def forget(self) -> None:
        """Remove what is stored; a second call does nothing."""
        with suppress(OSError):
            self._path.unlink()
