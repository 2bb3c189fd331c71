"""Rules: which snapshots of the NAS are whole, and how one is served."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

#: BaluHost's lie around 2 kB; a list of some thousand users would still fit.
MAX_BYTES = 1024 * 1024
_MAX_NUMBER = 2**63
_MAX_DEPTH = 32
#: A body may hold hundreds of thousands; the first ones say enough.
_MAX_ERRORS = 20

_COUNT, _TEXT = "a number that is not negative", "text"
#: What the NAS-built page reads without asking whether it is there (dashboard contract), and what
#: ours does. "*" stands for any key; a list has one shape for all its items.
_SHAPE: Mapping[str, Any] = {
    "storage": {
        "arrays": [{"name": _TEXT, "level": _TEXT, "state": _TEXT, "devices": []}],
        "total_bytes": _COUNT,
        "used_bytes": _COUNT,
    },
    "smart_health": {"*": {"status": _TEXT}},
    "services": {"vpn": {"active_clients": _COUNT}, "shares": {"active_shares": _COUNT}},
    "users": {"total": _COUNT},
    "files_summary": {"total_files": _COUNT},
}

#: The NAS-built page paints only "active" green; BaluHost calls a healthy array "optimal".
_HEALTHY_HERE, _HEALTHY_THERE = "optimal", "active"


class SnapshotError(Exception):
    """A snapshot that is not whole; ``errors`` names the first fields and what each must be."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in errors.items()))
        self.errors = dict(errors)


def read_snapshot(body: bytes) -> dict[str, Any]:
    """Return the snapshot in a body; keys that we do not know are kept.

    Raises:
        SnapshotError: it is none, or not whole.
    """
    try:
        value = json.loads(body.decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise SnapshotError({"body": "must be a JSON object in UTF-8"}) from error
    if not isinstance(value, dict):
        raise SnapshotError({"body": "must be a JSON object"})
    # First what could not even be told of: keys become names of fields.
    for check in (_unstorable(value, "", 0), _errors(value, _SHAPE, "")):
        if errors := dict(islice(check, _MAX_ERRORS)):
            raise SnapshotError(errors)
    return value


def served(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return a snapshot as the NAS-built page understands it.

    A healthy array's ``state`` becomes "active"; what BaluHost said is in ``reported_state``.
    """
    storage = snapshot["storage"]
    arrays = [
        {**array, "state": _state_there(array["state"]), "reported_state": array["state"]}
        for array in storage["arrays"]
    ]
    return {**snapshot, "storage": {**storage, "arrays": arrays}}


def _state_there(state: str) -> str:
    return _HEALTHY_THERE if state.lower() == _HEALTHY_HERE else state


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


def _errors(value: object, shape: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # a nested table
    if isinstance(shape, str):
        if not _is(value, shape):
            yield path, f"must be {shape}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield path, "must be a list"
        else:
            for number, item in enumerate(value if shape else ()):
                yield from _errors(item, shape[0], f"{path}[{number}]")
    elif not isinstance(value, dict):
        yield path or "body", "must be an object"
    else:
        keys = value if "*" in shape else shape
        for key in keys:
            below = f"{path}.{key}" if path else key
            yield from _errors(value.get(key), shape.get("*", shape.get(key)), below)


def _is(value: object, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < _MAX_NUMBER  # type: ignore[operator]  # a number, see above


def _unstorable(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Name what could not be given back as JSON, or kept by a database."""
    if depth > _MAX_DEPTH:
        yield path, "is nested too deeply"
    elif isinstance(value, str):
        if "\0" in value or not _is_unicode(value):
            yield path, "must be Unicode text without NUL"
    elif isinstance(value, int) and abs(value) >= _MAX_NUMBER:
        yield path, "is too large a number"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unstorable(item, f"{path}[{number}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if "\0" in key or not _is_unicode(key):
                yield path or "body", "must have Unicode keys without NUL"
            else:
                yield from _unstorable(item, below, depth + 1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, such as "\ud800"
        return False
    return True
