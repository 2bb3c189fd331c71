"""``python -m simhome``: start a simulated household, or change one that runs."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from simhome.control_client import (
    DONE,
    FAILED,
    WRONG_COMMAND,
    ControlError,
    ask,
    parsed_options,
    wait_until,
)

_EXAMPLES = """\
examples:
  python -m simhome --dir /tmp/home run
  python -m simhome --dir /tmp/home status
  python -m simhome --dir /tmp/home nas crash
  python -m simhome --dir /tmp/home nas slow --seconds 3
  python -m simhome --dir /tmp/home nas timings boot_seconds=5 boot_port_seconds=2
  python -m simhome --dir /tmp/home plug Monitor fault slow seconds=2
  python -m simhome --dir /tmp/home plug NAS off
  python -m simhome --dir /tmp/home pihole clear
  python -m simhome --dir /tmp/home wait nas.state=running 'plugs.NAS.power_w>30' --timeout 30

Every command but run prints one JSON object. Exit code 0: it took effect; 1: it was not possible,
or no home is running; 2: the command makes no sense. "at" is the moment it took effect.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], dict[str, object] | None] = options.command
    try:
        answer = command(options)
    except ControlError as error:
        _print({"ok": False, "error": str(error)})
        return error.exit_code
    if answer is not None:
        _print(answer)
    return DONE


def _init(options: argparse.Namespace) -> dict[str, object]:
    from simhome.config import ConfigError  # noqa: PLC0415 - control commands start faster
    from simhome.new_home import load_or_create_config  # noqa: PLC0415

    try:
        config = load_or_create_config(options.dir, nas_port=options.nas_port)
    except ConfigError as error:
        raise ControlError(str(error), FAILED) from error
    return {"ok": True, **config.to_json(), "addresses": config.addresses()}


def _run(options: argparse.Namespace) -> None:
    import asyncio  # noqa: PLC0415 - control commands start faster
    import logging  # noqa: PLC0415

    from simhome.config import ConfigError  # noqa: PLC0415
    from simhome.control import run_home  # noqa: PLC0415
    from simhome.home import HomeError  # noqa: PLC0415
    from simhome.new_home import load_or_create_config  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        config = load_or_create_config(options.dir, nas_port=options.nas_port)
        asyncio.run(run_home(config, folder=options.dir))
    except (ConfigError, HomeError) as error:
        raise ControlError(str(error), FAILED) from error


def _status(options: argparse.Namespace) -> dict[str, object]:
    return ask(options.dir, "/status")


def _nas(options: argparse.Namespace) -> dict[str, object]:
    values = parsed_options(options.options)
    if options.seconds is not None:
        values["seconds"] = options.seconds
    return ask(options.dir, "/nas", {"action": options.action, "options": values})


def _plug(options: argparse.Namespace) -> dict[str, object]:
    fault, values = _fault_and_values(options)
    return ask(
        options.dir,
        "/plug",
        {"alias": options.alias, "command": options.what, "fault": fault, "options": values},
    )


def _pihole(options: argparse.Namespace) -> dict[str, object]:
    fault, values = _fault_and_values(options)
    return ask(options.dir, "/pihole", {"command": options.what, "fault": fault, "options": values})


def _fault_and_values(options: argparse.Namespace) -> tuple[str | None, dict[str, object]]:
    """Split ``fault NAME key=value...`` from commands that have no name behind them."""
    words: list[str] = options.options
    if options.what == "fault" and words and "=" not in words[0]:
        return words[0], parsed_options(words[1:])
    return None, parsed_options(words)


def _wait(options: argparse.Namespace) -> dict[str, object]:
    return wait_until(options.dir, options.conditions, timeout_seconds=options.timeout)


class _Parser(argparse.ArgumentParser):
    """Tells errors as JSON too, for programs read them."""

    def error(self, message: str) -> NoReturn:
        _print({"ok": False, "error": message, "usage": self.format_usage().strip()})
        sys.exit(WRONG_COMMAND)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="python -m simhome", description=__doc__, epilog=_EXAMPLES, formatter_class=raw
    )
    parser.add_argument(
        "--dir", type=Path, required=True, help="the home's folder; home.json in it has settings"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def add(name: str, command: Callable[..., object], about: str, epilog: str = "") -> _Parser:
        sub: _Parser = commands.add_parser(
            name, help=about, description=about, epilog=epilog, formatter_class=raw
        )
        sub.set_defaults(command=command)
        return sub

    for name, command, about in (
        ("init", _init, "make home.json with free addresses if there is none, and print it"),
        ("run", _run, "play the household until Ctrl-C or SIGTERM"),
    ):
        sub = add(name, command, about)
        sub.add_argument("--nas-port", type=int, help="web port of NAS and Pi, kept in home.json")
    add("status", _status, "print the state of everything")
    nas = add("nas", _nas, "do something to the NAS", _nas_epilog())
    nas.add_argument("action", help="see below")
    nas.add_argument("options", nargs="*", metavar="name=value")
    nas.add_argument("--seconds", type=float, help="the same as seconds=N")
    plug = add("plug", _plug, "do something to a plug")
    plug.add_argument("alias", help="its name, such as NAS, Monitor, Freezer")
    _add_what(plug, "fault NAME, clear, on, off, move host=ADDRESS, swap with=ALIAS")
    pihole = add("pihole", _pihole, "do something to the Pi-hole")
    _add_what(pihole, "fault NAME, clear")
    wait = add("wait", _wait, "wait until the status is as wanted")
    wait.add_argument("conditions", nargs="+", help="such as nas.state=running; also != < > <= >=")
    wait.add_argument("--timeout", type=float, default=30.0, help="seconds, 30 if not given")
    return parser


def _add_what(parser: argparse.ArgumentParser, commands: str) -> None:
    parser.add_argument("what", metavar="command", help=f"{commands}; a wrong one lists them all")
    parser.add_argument("options", nargs="*", metavar="name=value")


def _nas_epilog() -> str:
    from simhome.nas_actions import ACTIONS  # noqa: PLC0415 - only for the help

    width = max(map(len, ACTIONS)) + 2
    return "actions:\n" + "\n".join(f"  {n:<{width}}{a.help}" for n, a in ACTIONS.items())


def _print(answer: dict[str, object]) -> None:
    print(json.dumps(answer, indent=2))  # noqa: T201 - this is the command's answer


if __name__ == "__main__":
    sys.exit(main())
