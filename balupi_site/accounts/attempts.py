"""How often one may try to get in, and what the same try again is answered."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from balupi_site.accounts.refusals import BusyError, LoginRefusedError
from balupi_site.lib.errors import BaluPiError, TooManyAttemptsError, TransientError
from balupi_site.lib.throttle import Limit
from balupi_site.lib.waiting import waiting_for_outside

logger = logging.getLogger(__name__)
_T = TypeVar("_T")

#: Failures of one user from one address.
USER_FAILURES = Limit("login-user", attempts=8, seconds=600)
#: Failures of all users from one address: generous, for a proxy may stand for the household.
ADDRESS_FAILURES = Limit("login-address", attempts=60, seconds=600)
CODE_FAILURES = Limit("login-code", attempts=20, seconds=600)
#: BaluHost takes five logins and five codes a minute from an address, and all of ours come from the Pi's.
NAS_LOGINS = Limit("nas-login", attempts=5, seconds=60)
NAS_CODES = Limit("nas-code", attempts=5, seconds=60)
#: So many of them one address may use up for nothing, or it would keep all others out.
LOGIN_SHARE = Limit("nas-login-share", attempts=3, seconds=60)
CODE_SHARE = Limit("nas-code-share", attempts=3, seconds=60)
#: Logins and codes from an address that nobody could decide, mostly while the NAS sleeps: each is a look.
UNANSWERED = Limit("login-unanswered", attempts=20, seconds=60)
#: Tokens that may be the NAS's and that it was not asked about yet: from an address, and of all.
UNKNOWN_TOKENS = Limit("unknown-token", attempts=20, seconds=60)
NAS_TOKENS = Limit("nas-token", attempts=60, seconds=60)
#: A flood of wrong passwords must not fill the log of events.
REFUSALS_RECORDED = Limit("login-recorded", attempts=1, seconds=60)

#: The NAS-built page sends a login that failed a second time at once (contract, "Traps").
REFUSAL_LASTS_S = 10
NO_ANSWER_LASTS_S = 3


def require_patience(*waits_s: int) -> None:
    """Raise TooManyAttemptsError if any of these waits is not over."""
    wait_s = max(waits_s)
    if wait_s:
        minutes = -(-wait_s // 60)
        text = ngettext(
            "Too many attempts; try again in a minute.",
            "Too many attempts; try again in %(minutes)s minutes.",
            minutes,
        )
        raise TooManyAttemptsError(text % {"minutes": minutes}, wait_s=wait_s)


class AtOnce:
    """So many tries of one key at the same time: failures count when they end, guesses come in swarms."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        """Try; TooManyAttemptsError while others do."""
        with self._lock:
            if self._under_way[key] >= self._most:
                require_patience(1)
            self._under_way[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[key] -= 1
                if not self._under_way[key]:
                    del self._under_way[key]


@contextmanager
def place_to_wait() -> Iterator[None]:
    """Take one of the two places to wait for the NAS; BusyError where both are taken."""
    with ExitStack() as place:
        try:
            place.enter_context(waiting_for_outside())
        except TransientError as error:
            raise BusyError from error
        yield


def keyed_hash(*parts: str) -> str:
    """Return a hash that stands for secrets; without our key nobody can try passwords against it."""
    text = "\x00".join(f"{len(part)}:{part}" for part in parts)
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


#: Until when, by the monotonic clock, and what. In this process only: it is for seconds, and what is
#: written for each guess would wear the card.
_answers: dict[str, tuple[float, LoginRefusedError | TransientError]] = {}
_answers_lock = threading.Lock()
_MOST_ANSWERS = 500


def remember(key: str, error: LoginRefusedError | TransientError, *, lasts_s: int) -> None:
    """Keep the answer for whoever asks the same within ``lasts_s`` seconds."""
    with _answers_lock:
        _answers.pop(key, None)
        while len(_answers) >= _MOST_ANSWERS:
            del _answers[next(iter(_answers))]  # the oldest
        _answers[key] = (time.monotonic() + lasts_s, error)


def raise_remembered(key: str) -> None:
    """Raise what the same try was answered with a few seconds ago, if it was."""
    with _answers_lock:
        until_s, error = _answers.get(key, (0.0, None))
        if error is not None and time.monotonic() >= until_s:
            del _answers[key]
            error = None
    if isinstance(error, LoginRefusedError):
        raise LoginRefusedError(str(error), reason=error.reason)
    if error is not None:
        raise type(error)(str(error))


def forget_answers() -> None:
    """Forget all remembered answers."""
    with _answers_lock:
        _answers.clear()


@dataclass
class _Flight(Generic[_T]):
    done: threading.Event = field(default_factory=threading.Event)
    results: list[_T] = field(default_factory=list)
    error: BaluPiError | None = None


class Flights(Generic[_T]):
    """Lets one thread ask; those that ask the same meanwhile get its answer.

    ``patience_s``: how long they wait for it. ``take_places``: they wait in one of the two places for that.
    """

    def __init__(self, *, patience_s: float, take_places: bool) -> None:
        self._patience_s, self._take_places = patience_s, take_places
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[_T]] = {}

    def ask(self, key: str, question: Callable[[], _T]) -> _T:
        """Return the answer, or raise the BaluPiError, of this question or the same one under way."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = _Flight()
        if flight is not None:
            return self._follow(flight)
        try:
            mine.results.append(question())
        except BaluPiError as error:
            mine.error = error
            raise
        finally:
            with self._lock:
                del self._flights[key]
            mine.done.set()
        return mine.results[0]

    def _follow(self, flight: _Flight[_T]) -> _T:
        with place_to_wait() if self._take_places else nullcontext():
            flight.done.wait(self._patience_s)
        if flight.error is not None:
            raise flight.error
        if not flight.results:
            raise TransientError(_("The same is being asked already; try again in a moment."))
        return flight.results[0]
