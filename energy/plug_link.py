"""One plug's kept connection: identity, second chances, back-off. Lives in one event loop."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from balupi_site.lib.parse import is_loopback
from energy.backoff import FIRST_WAIT_S, Backoff
from energy.memory import NoMemory, Remembered, Wanted, clock_zone, memory_span, remembered
from energy.plug_finder import PlugFinder, wrong_device
from energy.readings import (
    FailureKind,
    Identity,
    Seen,
    Target,
    identity_from,
    is_same_plug,
    local_time_from,
    power_from,
    reading_from,
    region_from,
)
from energy.tapo import NO_SENSE, Announcement, Login, PlugError

logger = logging.getLogger(__name__)

NO_ANSWER = gettext_noop("The plug does not answer. Is it powered and in the Wi-Fi?")
NO_LOGIN = gettext_noop(
    "BALUPI_TAPO_USERNAME and BALUPI_TAPO_PASSWORD are not set; they are those of the Tapo app."
)
NOT_IN_DEV = gettext_noop("BALUPI_MODE=dev talks only to the simulated home, not to this address.")
_CLOSE_S = 1


class Session(Protocol):
    """What is needed of ``tapo.PlugSession``."""

    async def read(self) -> Mapping[str, Any]:
        """Return the answers by method."""
        ...

    async def energy_data(self, *, start_s: int, end_s: int) -> Mapping[str, Any] | int:
        """Return what the plug remembers, or an error code."""
        ...

    async def set_relay(self, *, on: bool) -> None:
        """Switch the relay."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class OpenSession(Protocol):
    """What is needed of ``tapo.PlugSession``'s class."""

    def __call__(self, *, host: str, connection: Mapping[str, Any], login: Login) -> Session:
        """Return a session that has not talked yet."""
        ...


T = TypeVar("T")
Act = Callable[[Session, Target], Awaitable[T]]


@dataclass(frozen=True)
class Household:
    """What all links share.

    Attributes:
        only_loopback: refuse to talk to other machines, as a trial must.
        monotonic: seconds that only grow.
        first_wait_s: how long a plug is left alone after a failure, at first.
    """

    login: Login
    only_loopback: bool
    finder: PlugFinder
    open_session: OpenSession
    monotonic: Callable[[], float]
    first_wait_s: float = FIRST_WAIT_S


class PlugLink:
    """One plug: one session at most, one talk at a time, left alone for a while after a failure."""

    def __init__(self, household: Household) -> None:
        self._household = household
        self._lock = asyncio.Lock()
        self._session: Session | None = None
        self._address: tuple[str, Mapping[str, Any]] | None = None
        self._lost: Target | None = None
        self._moved: tuple[Target, Target] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.backoff = Backoff(household.first_wait_s)
        self.read_task: asyncio.Task[Any] | None = None

    @property
    def is_reading(self) -> bool:
        """Whether a read is under way."""
        return self.read_task is not None and not self.read_task.done()

    def is_due(self) -> bool:
        """Tell whether the plug may be asked again."""
        return self.backoff.is_due(self._household.monotonic())

    async def read(self, target: Target, *, timeout_s: float) -> Seen:
        """Return what the plug measures; PlugError where it does not within ``timeout_s``."""
        return await self._talk(target, look, timeout_s=timeout_s)

    async def switch(self, target: Target, *, on: bool, timeout_s: float) -> Seen:
        """Switch the relay and return what the plug says afterwards; PlugError where it did not."""

        async def act(session: Session, target: Target) -> Seen:
            await look(session, target)  # never switch a plug that is not the one meant
            await session.set_relay(on=on)
            seen = await look(session, target)
            if seen.reading.relay_on is not on:
                raise PlugError(FailureKind.UNREACHABLE, gettext_noop("The plug did not switch."))
            return seen

        return await self._talk(target, act, timeout_s=timeout_s)

    async def remember(
        self, target: Target, wanted: Wanted, *, timeout_s: float
    ) -> Remembered | NoMemory:
        """Return what the plug remembers of past hours; PlugError where it does not answer.

        A refusal of the firmware is an answer, not a failure.
        """

        async def act(session: Session, target: Target) -> Remembered | NoMemory:
            answers = await session.read()
            _identify(target, answers)
            if power_from(answers) is None:
                return NoMemory.REFUSED  # without a meter there is nothing to remember
            zone = clock_zone(local_time_from(answers), region_from(answers), wanted)
            if zone is None:
                return NoMemory.WRONG_CLOCK
            span = memory_span(wanted.hours, zone)
            answer = await session.energy_data(start_s=span.start_s, end_s=span.end_s)
            return remembered(answer, span, zone, wanted)

        return await self._talk(target, act, timeout_s=timeout_s)

    def found(self, announced: Announcement) -> None:
        """Take note of where a search has found the plug; of use if it is lost."""
        if self._lost is None or announced.problem:
            return
        target = replace(self._lost, host=announced.host, connection=announced.connection)
        if target != self._lost:
            logger.info("the plug %s is now at %s", target.mac, target.host)
            self._moved = self._lost, target
            self.backoff.reset()

    async def close(self) -> None:
        """End a read under way and close the connection."""
        if self.read_task is not None:
            self.read_task.cancel()
        self._drop_session()
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_S)

    async def _talk(self, target: Target, act: Act[T], *, timeout_s: float) -> T:
        """Do something with the plug under a deadline, and keep account of its failures."""
        started_s = self._household.monotonic()
        try:
            async with asyncio.timeout(timeout_s), self._lock:
                answer = await self._with_second_chance(target, act)
        except TimeoutError as timeout:
            self._failed(target, FailureKind.UNREACHABLE, started_s)
            raise PlugError(FailureKind.UNREACHABLE, NO_ANSWER) from timeout
        except PlugError as error:
            self._failed(target, error.kind, started_s)
            raise
        self.backoff.reset()
        self._lost = None
        return answer

    def _failed(self, target: Target, kind: FailureKind, started_s: float) -> None:
        self.backoff.failed(started_s=started_s, slowly=kind is FailureKind.NEEDS_SETTING)
        is_lost = kind in (FailureKind.UNREACHABLE, FailureKind.WRONG_DEVICE)
        self._lost = target if is_lost else None

    async def _with_second_chance(self, target: Target, act: Act[T]) -> T:
        if self._moved is not None and self._moved[0] == target:
            target = self._moved[1]
        self._check(target)
        if not target.connection:
            target = await self._with_connection(target)
        try:
            return await self._with_session(target, act)
        except PlugError as error:
            better = await self._better_target(target, error)
            if better is None:
                raise
        return await self._with_session(better, act)

    def _check(self, target: Target) -> None:
        login = self._household.login
        if not (login.username and login.password):
            raise PlugError(FailureKind.LOGIN_REFUSED, NO_LOGIN)
        if self._household.only_loopback and not is_loopback(target.host):
            raise PlugError(FailureKind.UNREACHABLE, NOT_IN_DEV)

    async def _with_connection(self, target: Target) -> Target:
        announced = await self._household.finder.probe(target)
        if announced is None:
            raise PlugError(FailureKind.UNREACHABLE, NO_ANSWER)
        return replace(target, connection=announced.connection)

    async def _better_target(self, target: Target, error: PlugError) -> Target | None:
        """Return how else to try at once, or None.

        Firmware 1.4.6 opens its port only after a discovery probe. A refused login may be another
        plug at the address, or an update that changed how to connect (Tapo notes, section 7).
        """
        if not (error.is_refused or error.kind is FailureKind.LOGIN_REFUSED):
            return None
        announced = await self._household.finder.probe(target)
        if announced is None:
            return None
        is_the_same_way = dict(announced.connection) == dict(target.connection)
        if is_the_same_way and not error.is_refused:
            return None
        return replace(target, connection=announced.connection)

    async def _with_session(self, target: Target, act: Act[T]) -> T:
        address = (target.host, target.connection)
        if self._address != address:
            self._drop_session()
        if self._session is None:
            self._session = self._household.open_session(
                host=target.host, connection=target.connection, login=self._household.login
            )
            self._address = address
        try:
            return await act(self._session, target)
        except BaseException:
            # Cancelled by the deadline too: the session's state is not known then.
            self._drop_session()
            raise

    def _drop_session(self) -> None:
        """Close the session beside everything else; closing must cost nobody time."""
        session, self._session, self._address = self._session, None, None
        if session is not None:
            task = asyncio.get_running_loop().create_task(_close_quietly(session))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def look(session: Session, target: Target) -> Seen:
    """Return what the plug says of itself; PlugError where it is another one than ``target``."""
    answers = await session.read()
    at = dt.datetime.now(dt.UTC)
    identity = _identify(target, answers)
    device_id = target.device_id or identity.device_id
    return Seen(target, identity, reading_from(answers, device_id=device_id, at=at))


def _identify(target: Target, answers: Mapping[str, Any]) -> Identity:
    """Return who answered; PlugError where it is another plug than ``target``."""
    try:
        identity = identity_from(answers)
    except ValueError as error:
        message = kept(NO_SENSE, what=str(error))
        raise PlugError(FailureKind.UNREACHABLE, message) from error
    if not is_same_plug(target, identity):
        raise wrong_device(target, identity.alias or identity.mac)
    return identity


async def _close_quietly(session: Session) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await session.close()
    except Exception as error:  # noqa: BLE001  # whatever a broken connection says at its end
        logger.debug("closing a plug's connection: %s", error)
