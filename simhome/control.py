"""The control server: lets tests and people change a running home over HTTP with JSON."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web

from simhome.config import HomeConfig
from simhome.home import HomeError, SimHome
from simhome.nas_actions import ActionRefusedError, UnknownActionError
from simhome.nas_status import moment
from simhome.plug import SimPlug, swap_hosts

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, object]]]


class ControlServer:
    """Answers GET /status, POST /nas, /plug and /pihole; an error has "ok" false and "error".

    400 means that the command makes no sense, 409 that it is not possible now. "at" is the moment
    from which on the command had its effect.
    """

    def __init__(self, home: SimHome) -> None:
        self._home = home
        app = web.Application()
        app.router.add_get("/status", self._status)
        for path, handler in (
            ("/nas", self._nas),
            ("/plug", self._plug),
            ("/pihole", self._pihole),
        ):
            app.router.add_post(path, _json_handler(handler))
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen.

        Raises:
            HomeError: the address is taken.
        """
        config = self._home.config
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, config.control_host, config.control_port, shutdown_timeout=0.1
        )
        try:
            await site.start()
        except OSError as error:
            raise HomeError(f"control: {error}") from error

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _status(self, _request: web.Request) -> web.Response:
        return _answer({"ok": True, **self._home.describe()})

    async def _nas(self, command: dict[str, Any]) -> dict[str, object]:
        at = self._home.nas.act(str(command.get("action")), command.get("options") or {})
        return {"at": moment(at), "nas": self._home.nas.describe()}

    async def _plug(self, command: dict[str, Any]) -> dict[str, object]:
        plug = self._named_plug(command.get("alias"))
        name, options = command.get("command"), command.get("options") or {}
        at = self._home.clock.now()
        if name == "fault":
            plug.set_fault(_fault_name(command, plug.FAULTS), **options)
        elif name == "clear":
            plug.clear_faults()
        elif name in ("on", "off"):
            plug.relay_on = name == "on"
        elif name == "move":
            await plug.move_to(_option(options, "host"))
        elif name == "swap":
            await swap_hosts(plug, self._named_plug(_option(options, "with")))
        else:
            raise UnknownActionError(
                f"unknown command {name!r}; there are: fault, clear, on, off, move host=ADDRESS,"
                " swap with=ALIAS"
            )
        return {"at": moment(at), "plug": plug.describe()}

    async def _pihole(self, command: dict[str, Any]) -> dict[str, object]:
        pihole, name = self._home.pihole, command.get("command")
        at = self._home.clock.now()
        if name == "fault":
            pihole.set_fault(_fault_name(command, pihole.FAULTS), **(command.get("options") or {}))
        elif name == "clear":
            pihole.clear_faults()
        else:
            raise UnknownActionError(f"unknown command {name!r}; there are: fault, clear")
        await pihole.settled()
        return {"at": moment(at), "pihole": pihole.describe()}

    def _named_plug(self, alias: object) -> SimPlug:
        plug = self._home.plugs.get(str(alias))
        if plug is None:
            there = ", ".join(self._home.plugs)
            raise UnknownActionError(f"there is no plug {alias!r}; there are: {there}")
        return plug


async def run_home(config: HomeConfig, *, folder: Path) -> None:
    """Play the household until SIGTERM or SIGINT; print one line when everything listens.

    Raises:
        HomeError: an address is taken.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    home = SimHome(config, folder=folder)
    control = ControlServer(home)
    try:
        await home.start()
        await control.start()
        addresses = " ".join(f"{name}={value}" for name, value in config.addresses().items())
        print(f"simhome ready: {addresses}", flush=True)  # noqa: T201 - people wait for this line
        await stopping.wait()
    finally:
        await control.stop()
        await home.stop()


def _json_handler(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            command = dict(await request.json())
            return _answer({"ok": True, **await handler(command)})
        except (ActionRefusedError, OSError) as error:
            return _answer({"ok": False, "error": str(error)}, HTTPStatus.CONFLICT)
        except (UnknownActionError, ValueError, TypeError) as error:
            return _answer({"ok": False, "error": str(error)}, HTTPStatus.BAD_REQUEST)

    return handle


def _fault_name(command: dict[str, Any], known: tuple[str, ...]) -> str:
    name = command.get("fault")
    if name not in known:
        problem = "fault needs a name" if name is None else f"unknown fault {name!r}"
        raise UnknownActionError(f"{problem}; there are: {', '.join(known)}")
    return str(name)


def _option(options: dict[str, Any], name: str) -> str:
    if name not in options:
        raise UnknownActionError(f"this command needs {name}=...")
    return str(options[name])


def _answer(content: dict[str, object], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=json.dumps(content), status=status, content_type="application/json")
