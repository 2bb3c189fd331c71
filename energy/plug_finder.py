"""Finding plugs on the network, in a loop beside the one that polls."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import Protocol

from django.utils.translation import gettext_noop

from balupi_site.lib.kept import kept
from energy import tapo
from energy.addresses import flaw_of_host
from energy.loop_thread import LoopThread
from energy.readings import FailureKind, Target, normal_mac
from energy.tapo import Announcement, PlugError

logger = logging.getLogger(__name__)

_PROBE_S = 2


class Discover(Protocol):
    """What is needed of ``tapo.discover``."""

    async def __call__(self, target: str, *, timeout_s: int) -> list[Announcement]:
        """Return who answers at ``target``."""
        ...


class PlugFinder:
    """Sends discovery probes; its own loop, because the first one makes an RSA key (long on a Pi)."""

    #: How long a search of the whole network listens, in whole seconds.
    search_s = 5

    def __init__(self, discover: Discover = tapo.discover) -> None:
        self._discover = discover
        self._loop = LoopThread("plug-finder")

    def start_search(self, target: str) -> Future[list[Announcement]]:
        """Ask all devices behind ``target``; the result may be OSError where nothing can be sent."""
        return self._loop.submit(self._ask(target, timeout_s=self.search_s))

    async def _ask(self, target: str, *, timeout_s: int) -> list[Announcement]:
        """Return who answers from an address that a plug may have; a forged answer may tell any."""
        found = await self._discover(target, timeout_s=timeout_s)
        return [each for each in found if not flaw_of_host(each.host)]

    async def search(self, target: str) -> list[Announcement]:
        """Return who answers, nobody where nothing can be sent."""
        return await self._answers(target, timeout_s=self.search_s)

    async def _answers(self, target: str, *, timeout_s: int) -> list[Announcement]:
        future = self._loop.submit(self._ask(target, timeout_s=timeout_s))
        try:
            return await asyncio.wrap_future(future)
        except OSError as error:
            logger.debug("no probe sent to %s: %s", target, error)
            return []

    async def probe(self, target: Target) -> Announcement | None:
        """Ask one address who it is; None where nobody answers.

        Raises:
            PlugError: another device answers, or the plug cannot be used as it is set.
        """
        found = await self._answers(target.host, timeout_s=_PROBE_S)
        announced = next((each for each in found if each.host == target.host), None)
        if announced is None:
            return None
        if announced.mac != normal_mac(target.mac):
            raise wrong_device(target, announced.mac)
        if announced.problem:
            raise PlugError(FailureKind.NEEDS_SETTING, announced.problem)
        return announced

    def stop(self) -> None:
        """End searches that run."""
        self._loop.stop()


def wrong_device(target: Target, who: str) -> PlugError:
    """Return the error that another device answers at a plug's address."""
    return PlugError(
        FailureKind.WRONG_DEVICE,
        kept(
            gettext_noop(
                "Another device (%(who)s) answers at %(address)s; this plug's new address is being "
                "searched."
            ),
            who=who,
            address=target.host,
        ),
    )
