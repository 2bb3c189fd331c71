"""Plugs for tests, and the real python-kasa to talk to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from simhome.clock import Clock, ManualClock
from simhome.loads import BERLIN, ConstantLoad, Load
from simhome.plug import SimPlug

if TYPE_CHECKING:
    from kasa import DeviceConfig
    from kasa.protocols import BaseProtocol

USERNAME, PASSWORD = "Owner@example.com", "Correct horse 7"
NOON = datetime(2026, 1, 15, 11, 0, tzinfo=UTC)  # 12:00 in Berlin
PORT = 8123


def make_plug(
    block: str,
    number: int = 101,
    *,
    load: Load | None = None,
    clock: Clock | None = None,
    model: str = "P110",
    time_zone: ZoneInfo = BERLIN,
) -> SimPlug:
    """Return a plug that is not started, with everything its own that has to be."""
    return SimPlug(
        alias=f"Plug {number}",
        device_id=f"{number:040X}",
        mac=f"02:00:5E:00:00:{number % 256:02X}",
        host=f"{block}.{number}",
        port=PORT,
        load=load or ConstantLoad(60.0),
        credentials=(USERNAME, PASSWORD),
        clock=clock or ManualClock(NOON),
        model=model,
        time_zone=time_zone,
    )


@asynccontextmanager
async def on_network(*plugs: SimPlug) -> AsyncIterator[None]:
    """Start the plugs and stop them again."""
    try:
        for plug in plugs:
            await plug.start()
        yield
    finally:
        for plug in plugs:
            await plug.stop()


def config_for(
    plug: SimPlug, *, username: str = USERNAME, password: str = PASSWORD, timeout_s: float = 5
) -> DeviceConfig:
    """Return what python-kasa needs to reach a plug."""
    from kasa import (
        Credentials,
        DeviceConfig,
        DeviceConnectionParameters,
        DeviceEncryptionType,
        DeviceFamily,
    )

    return DeviceConfig(
        host=plug.host,
        credentials=Credentials(username, password),
        timeout=timeout_s,  # type: ignore[arg-type]  # aiohttp takes parts of seconds too
        connection_type=DeviceConnectionParameters(
            DeviceFamily.SmartTapoPlug,
            DeviceEncryptionType.Klap,
            login_version=2,
            https=False,
            http_port=plug.port,
        ),
    )


@asynccontextmanager
async def protocol_to(
    plug: SimPlug, *, timeout_s: float = 5, username: str = USERNAME, password: str = PASSWORD
) -> AsyncIterator[BaseProtocol]:
    """Yield python-kasa's lean way to a plug, not connected yet."""
    from kasa.device_factory import get_protocol

    config = config_for(plug, username=username, password=password, timeout_s=timeout_s)
    protocol = get_protocol(config)
    assert protocol is not None
    try:
        yield protocol
    finally:
        await protocol.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]], *, deadline_s: float = 20) -> None:
    """Run a scenario in a loop of its own; it fails when it takes longer than the deadline."""

    async def with_deadline() -> None:
        async with asyncio.timeout(deadline_s):
            await scenario()

    asyncio.run(with_deadline())
