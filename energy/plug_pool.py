"""All plugs' connections in one event loop, for callers in any thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop

from energy import tapo
from energy.backoff import FIRST_WAIT_S
from energy.loop_thread import LoopThread
from energy.memory import NoMemory, Remembered, Wanted
from energy.plug_finder import PlugFinder
from energy.plug_link import NO_ANSWER, Household, OpenSession, PlugLink
from energy.readings import Failure, FailureKind, Seen, Target, normal_mac
from energy.tapo import Announcement, Login, PlugError

logger = logging.getLogger(__name__)

#: How often at most the network is searched for plugs that have vanished.
SEARCH_INTERVAL_S = 300.0
#: How much longer than the loop's own deadline a thread waits for the loop.
_GRACE_S = 2.0

Result = Seen | Failure
#: None: the plug is in back-off.
MemoryResult = Remembered | NoMemory | Failure | None


class PlugPool:
    """The one owner of all plug connections in this process."""

    def __init__(
        self,
        login: Login,
        *,
        timeout_s: float,
        search_target: str,
        only_loopback: bool,
        interval_s: float = FIRST_WAIT_S,
        open_session: OpenSession = tapo.PlugSession,
        finder: PlugFinder | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare without talking.

        Args:
            login: the Tapo account.
            timeout_s: the deadline of each plug's read.
            search_target: where to search for plugs that have vanished.
            only_loopback: refuse to talk to other machines, as a trial must.
            interval_s: of the polls; a lost one must not cost the next one too.
            open_session: how a connection is made.
            finder: how plugs are found.
            monotonic: seconds that only grow.
        """
        self._timeout_s = timeout_s
        self._search_target = search_target
        self._finder = finder or PlugFinder()
        self._household = Household(
            login,
            only_loopback,
            self._finder,
            open_session,
            monotonic,
            first_wait_s=min(interval_s, FIRST_WAIT_S),
        )
        self._loop = LoopThread("plugs")
        self._links: dict[str, PlugLink] = {}
        self._search_task: asyncio.Task[None] | None = None  # held: the loop alone would lose it
        self._searched_at_s = float("-inf")

    def iter_results(self, targets: Iterable[Target], *, at_once: bool = False) -> Iterator[Result]:
        """Start to read all plugs at the same time; each result comes as soon as it is there.

        Left out are plugs in back-off and those whose read is still under way for somebody else:
        a plug that hangs holds up nobody.

        Args:
            targets: the plugs.
            at_once: a person asks: forget back-offs and join reads under way.
        """
        results: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
        sweep = self._loop.submit(self._sweep(list(targets), results.put, at_once=at_once))
        sweep.add_done_callback(lambda _sweep: results.put(None))
        return self._as_they_come(results)

    def _as_they_come(self, results: queue.SimpleQueue[Result | None]) -> Iterator[Result]:
        try:
            while (result := results.get(timeout=self._timeout_s + _GRACE_S)) is not None:
                yield result
        except queue.Empty:
            logger.error("the plugs' event loop does not answer")  # noqa: TRY400  # says nothing more

    def read_now(self, target: Target, *, wait_s: float, at_once: bool = False) -> Result | None:
        """Read one plug, or join a read under way.

        Args:
            target: the plug.
            wait_s: how long to wait; the read goes on until its own deadline.
            at_once: forget a back-off.

        Returns:
            None where the plug is in back-off or the wait was too short.
        """
        future = self._loop.submit(self._read_or_join(target, wait_s=wait_s, at_once=at_once))
        try:
            return future.result(wait_s + _GRACE_S)
        except FutureTimeoutError:
            return None

    def switch(self, target: Target, *, on: bool, wait_s: float) -> Seen:
        """Switch a plug's relay and return what it says afterwards.

        Raises:
            PlugError: it could not be reached, is another plug, or did not switch.
        """
        future = self._loop.submit(self._switch(target, on=on, wait_s=wait_s))
        try:
            return future.result(wait_s + _GRACE_S)
        except FutureTimeoutError:
            raise PlugError(FailureKind.UNREACHABLE, NO_ANSWER) from None

    def start_remembering(self, target: Target, wanted: Wanted) -> Future[MemoryResult]:
        """Ask a plug for past hours, after a read under way if there is one.

        It may take twice the deadline of a read; the future never raises a PlugError.
        """
        return self._loop.submit(self._remember(target, wanted))

    def discover(self, target: str) -> list[Announcement]:
        """Return the devices that answer a probe; OSError where none can be sent."""
        search = self._finder.start_search(target)
        return search.result(self._finder.search_s + _GRACE_S)

    def close(self) -> None:
        """End running reads at once and close all connections; a later call starts anew."""
        with contextlib.suppress(FutureTimeoutError):
            self._loop.submit(self._close_links()).result(_GRACE_S)
        self._finder.stop()
        self._loop.stop()

    # What follows runs in the loop, one step at a time, so it needs no locks.

    async def _sweep(
        self, targets: list[Target], put: Callable[[Result], None], *, at_once: bool
    ) -> None:
        def hand_over(task: asyncio.Task[Result]) -> None:
            if not task.cancelled():
                put(task.result())

        tasks = []
        for target in targets:
            is_joined = self._link(target).is_reading
            task = self._start_read(target, at_once=at_once)
            if task is not None and (at_once or not is_joined):
                task.add_done_callback(hand_over)
                tasks.append(task)
        if tasks:
            await asyncio.wait(tasks)

    async def _read_or_join(self, target: Target, *, wait_s: float, at_once: bool) -> Result | None:
        task = self._start_read(target, at_once=at_once)
        if task is None:
            return None
        done, _pending = await asyncio.wait([task], timeout=wait_s)
        return task.result() if done else None

    def _start_read(self, target: Target, *, at_once: bool) -> asyncio.Task[Result] | None:
        """Return the plug's read, the one under way if there is one; None while in back-off."""
        link = self._link(target)
        if link.is_reading:
            return link.read_task
        if at_once:
            link.backoff.reset()
        if not link.is_due():
            return None
        link.read_task = asyncio.get_running_loop().create_task(self._read(link, target))
        return link.read_task

    async def _read(self, link: PlugLink, target: Target) -> Result:
        try:
            return await link.read(target, timeout_s=self._timeout_s)
        except PlugError as error:
            if error.kind in (FailureKind.UNREACHABLE, FailureKind.WRONG_DEVICE):
                self._search_soon()
            is_first = link.backoff.failures == 1
            return Failure(target, error.kind, str(error), is_first=is_first)
        except Exception:  # an edge: one plug's surprise must not end the others' polling
            logger.exception("reading the plug at %s failed", target.host)
            message = gettext_noop("Reading the plug failed; see the log.")
            return Failure(target, FailureKind.UNREACHABLE, message)

    async def _switch(self, target: Target, *, on: bool, wait_s: float) -> Seen:
        return await self._link(target).switch(target, on=on, timeout_s=wait_s)

    async def _remember(self, target: Target, wanted: Wanted) -> MemoryResult:
        link = self._link(target)
        if link.read_task is not None:
            await asyncio.wait([link.read_task])
        if not link.is_due():
            return None
        try:
            # Half the deadline: a poll that has to wait for this has the other half.
            return await link.remember(target, wanted, timeout_s=self._timeout_s / 2)
        except PlugError as error:
            is_first = link.backoff.failures == 1
            return Failure(target, error.kind, str(error), is_first=is_first)
        except Exception:  # an edge: one plug's surprise must not end the others' filling
            logger.exception("reading the memory of the plug at %s failed", target.host)
            message = gettext_noop("Reading the plug's memory failed; see the log.")
            return Failure(target, FailureKind.UNREACHABLE, message)

    def _search_soon(self) -> None:
        """Search for vanished plugs beside everything else, unless it was done a moment ago."""
        now_s = self._household.monotonic()
        if now_s - self._searched_at_s >= SEARCH_INTERVAL_S:
            self._searched_at_s = now_s
            self._search_task = asyncio.get_running_loop().create_task(self._search())

    async def _search(self) -> None:
        for announced in await self._finder.search(self._search_target):
            if announced.mac in self._links:
                self._links[announced.mac].found(announced)

    async def _close_links(self) -> None:
        links, self._links = self._links, {}
        await asyncio.gather(*(link.close() for link in links.values()))

    def _link(self, target: Target) -> PlugLink:
        return self._links.setdefault(normal_mac(target.mac), PlugLink(self._household))


_shared: PlugPool | None = None
_shared_lock = threading.Lock()


def shared_pool() -> PlugPool:
    """Return this process's pool, made from the settings at the first call."""
    global _shared  # noqa: PLW0603  # one per process, guarded by the lock
    with _shared_lock:
        if _shared is None:
            tapo.load()
            _shared = PlugPool(
                _login(),
                timeout_s=settings.ENERGY_PLUG_TIMEOUT_SECONDS,
                search_target=settings.TAPO_DISCOVERY_TARGET,
                only_loopback=not settings.IS_PROD,
                interval_s=settings.ENERGY_SAMPLE_INTERVAL_SECONDS,
            )
        return _shared


def close_connections() -> None:
    """Close all plugs' connections; running reads end at once. For the end of the process."""
    global _shared  # one per process, guarded by the lock
    with _shared_lock:
        pool, _shared = _shared, None
    if pool is not None:
        pool.close()


def credentials_digest() -> str:
    """Return 64 characters that change with the Tapo account, and tell nothing of it."""
    login = _login()
    value = f"{login.username}\0{login.password}"
    return salted_hmac("energy.credentials", value, algorithm="sha256").hexdigest()


def _login() -> Login:
    return Login(settings.TAPO_USERNAME, settings.TAPO_PASSWORD)
