"""Talks to a running home; kept light, because every control command starts anew."""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

DONE, FAILED, WRONG_COMMAND = 0, 1, 2
"""Exit codes: it took effect; it did not; it makes no sense."""

_ANSWER_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.05
_CONDITION = re.compile(r"(?P<path>[^=<>!]+)(?P<relation>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_MISSING = object()


class ControlError(Exception):
    """A command that came to nothing; ``exit_code`` says whose fault it was."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def ask(folder: Path, path: str, command: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Send a command to the home in a folder, or read its status without one.

    Raises:
        ControlError: no home is running there, or it refused.
    """
    host, port = _control_address(folder)
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        if command is None:
            connection.request("GET", path)
        else:
            body, headers = json.dumps(command), {"Content-Type": "application/json"}
            connection.request("POST", path, body=body, headers=headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ControlError(f"no home answers at {host}:{port}: {error}", FAILED) from error
    finally:
        connection.close()
    if not answer.get("ok"):
        wrong = response.status == http.client.BAD_REQUEST
        raise ControlError(str(answer.get("error")), WRONG_COMMAND if wrong else FAILED)
    return answer


def wait_until(
    folder: Path, conditions: Iterable[str], *, timeout_seconds: float
) -> dict[str, object]:
    """Wait until all conditions on the status hold, such as ``nas.state=running``.

    A home that does not answer (yet) is waited for as well.

    Raises:
        ControlError: one cannot be read, or did not hold in time; the message tells its value.
    """
    checks = [_Condition(text) for text in conditions]
    started = time.monotonic()
    while True:
        found, problem = _look(folder, checks)
        waited = time.monotonic() - started
        if not problem:
            return {"ok": True, "waited_seconds": round(waited, 3), **found}
        if waited > timeout_seconds:
            raise ControlError(f"not within {timeout_seconds:g} s: {problem}", FAILED)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _look(folder: Path, checks: "Iterable[_Condition]") -> tuple[dict[str, object], str]:
    """Return what was found by path, and what is not as wanted, "" if everything is."""
    try:
        status = ask(folder, "/status")
    except ControlError as error:
        return {}, str(error)
    found = {check.path: check.value_in(status) for check in checks}
    failing = [check.path for check in checks if not check.holds(status)]
    problem = "; ".join(f"{path} is {found[path]!r}" for path in failing)
    return {"at": status["at"], **found}, problem


def parsed_options(pairs: Iterable[str]) -> dict[str, object]:
    """Return the options of a command written as ``name=value``; JSON values where they are some.

    Raises:
        ControlError: one has no "=".
    """
    options: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ControlError(f"write options as name=value, not {pair!r}", WRONG_COMMAND)
        options[name] = _parsed(value)
    return options


class _Condition:
    """A path into the status, a relation, a value."""

    _RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
        "=": lambda found, wanted: found == wanted,
        "!=": lambda found, wanted: found != wanted,
        "<": lambda found, wanted: found < wanted,
        ">": lambda found, wanted: found > wanted,
        "<=": lambda found, wanted: found <= wanted,
        ">=": lambda found, wanted: found >= wanted,
    }

    def __init__(self, text: str) -> None:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise ControlError(f"write a condition as path=value, not {text!r}", WRONG_COMMAND)
        self.path = match["path"].strip()
        self._holds = self._RELATIONS[match["relation"]]
        self._wanted = _parsed(match["value"].strip())

    def holds(self, status: Mapping[str, Any]) -> bool:
        try:
            return self._holds(self.value_in(status), self._wanted)
        except TypeError:  # nothing is above or below None
            return False

    def value_in(self, status: Mapping[str, Any]) -> object:
        value: Any = status
        for step in self.path.split("."):
            if isinstance(value, list) and step.lstrip("-").isdigit():
                value = dict(enumerate(value)).get(int(step) % max(len(value), 1), _MISSING)
            else:
                value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
            if value is _MISSING:
                raise ControlError(
                    f"the status has no {self.path}: {step} is not there", WRONG_COMMAND
                )
        return value


def _parsed(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _control_address(folder: Path) -> tuple[str, int]:
    """Read where the control server is, without the rest of the settings."""
    path = folder / "home.json"
    try:
        settings = json.loads(path.read_text())
        return f"{settings['block']}.1", int(settings["control_port"])
    except FileNotFoundError as error:
        raise ControlError(f"there is no home in {folder} ({path} is missing)", FAILED) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ControlError(f"{path} cannot be read: {error!r}", FAILED) from error
