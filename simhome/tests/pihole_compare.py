"""Compares an answer with a recorded one: exactly, with placeholders, or only by its shape."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

# Endpoints whose figures live: their answers are compared by shape.
_LIVE = (
    "/api/stats/",
    "/api/history",
    "/api/padd",
    "/api/info/system",
    "/api/info/ftl",
    "/api/info/host",
    "/api/info/database",
    "/api/info/sensors",
    "/api/endpoints",
)
# Members that are times, wherever they are.
_TIMES = {"took", "login_at", "last_active", "valid_until"}
# Objects whose members are named after clients.
_KEYED_BY_CLIENT = {"data", "clients"}
_PLACEHOLDER = re.compile(r"<[A-Z_]+\d*>")
_CUT = "..."
# A body may be this much shorter in the recording only because of its placeholders.
_PLACEHOLDERS_SAVE_BYTES = 1000


class Placeholders:
    """What <SID>, <CSRF2> and the like stand for; two never stand for the same."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, expected: str, got: str) -> None:
        """Remember ``got`` if ``expected`` is a placeholder seen for the first time."""
        is_new = _PLACEHOLDER.fullmatch(expected) and expected not in self._known
        if is_new and got and got not in self._known.values():
            self._known[expected] = got

    def fill(self, text: str) -> str:
        """Return ``text`` with the known placeholders replaced."""
        for name, value in self._known.items():
            text = text.replace(f"{name}(urlencoded)", quote(value, safe=""))
            text = text.replace(name, value)
        return text


def body_differences(
    path: str, recorded: Mapping[str, object], got: object, known: Placeholders
) -> list[str]:
    """Return how the JSON ``got`` from ``path`` differs from the recorded response's."""
    if path.startswith(_LIVE):
        return _different_shape("", recorded["json"], got)
    return _Exactly(known, may_have_more=_is_cut(recorded)).differences("", recorded["json"], got)


def text_differences(where: str, recorded: object, got: object, known: Placeholders) -> list[str]:
    """Return how a header differs."""
    return _Exactly(known, may_have_more=False).differences(where, recorded, got)


class _Exactly:
    """Everything equal, except times, which are compared by shape; placeholders are learnt."""

    def __init__(self, known: Placeholders, *, may_have_more: bool) -> None:
        self._known = known
        self._may_have_more = may_have_more

    def differences(self, where: str, expected: object, got: object) -> list[str]:
        if _member(where) in _TIMES:
            return _different_shape(where, expected, got)
        if expected == "(full config, cut)":
            return [] if isinstance(got, dict) and "config" in got else [f"{where}: {got!r}"]
        if isinstance(expected, dict) and isinstance(got, dict):
            return self._members(where, expected, got)
        if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
            return [
                line
                for index, (one, other) in enumerate(zip(expected, got, strict=True))
                for line in self.differences(f"{where}[{index}]", one, other)
            ]
        if isinstance(expected, str) and isinstance(got, str):
            self._known.learn(expected, got)
            expected = self._known.fill(expected)
        same = expected == got and isinstance(expected, bool) == isinstance(got, bool)
        return [] if same else [f"{where}: {got!r}, recorded {expected!r}"]

    def _members(
        self, where: str, expected: dict[str, object], got: dict[str, object]
    ) -> list[str]:
        names = expected.keys() - {_CUT}
        if not self._may_have_more:
            names |= got.keys()
        return [
            line
            for name in sorted(names)
            for line in self.differences(f"{where}.{name}", expected.get(name), got.get(name))
        ]


def _is_cut(response: Mapping[str, object]) -> bool:
    """Return whether the recorder left out parts of the body, marked or not."""
    headers = response["headers"]
    assert isinstance(headers, dict)
    shown = len(json.dumps(response["json"], separators=(",", ":")))
    return int(headers["content-length"]) > shown + _PLACEHOLDERS_SAVE_BYTES


def _different_shape(where: str, expected: object, got: object) -> list[str]:
    """Compare member names and types; an empty list or object has any shape, as null has."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return _different_members(where, expected, got)
    if isinstance(expected, list) and isinstance(got, list):
        kept = [one for one in expected if not (isinstance(one, str) and one.startswith(_CUT))]
        return [
            line
            for sample in kept[:1]
            for one in got
            for line in _different_shape(f"{where}[]", sample, one)
        ]
    if expected is None and not isinstance(got, dict | list):
        return []
    is_same = not isinstance(expected, dict | list) and _kind(expected) == _kind(got)
    return [] if is_same else [f"{where}: {got!r}, recorded {expected!r}"]


def _different_members(
    where: str, expected: dict[str, object], got: dict[str, object]
) -> list[str]:
    if _member(where) in _KEYED_BY_CLIENT and expected.keys() <= got.keys():
        return []
    if expected.keys() != got.keys():
        return [f"{where}: members differ: {sorted(expected.keys() ^ got.keys())}"]
    return [
        line
        for name in expected
        for line in _different_shape(f"{where}.{name}", expected[name], got[name])
    ]


def _member(where: str) -> str:
    return where.rpartition(".")[2]


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__
