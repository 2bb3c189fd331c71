"""Rules: facts as plain JSON that every database takes, and what a change has changed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

#: Longer texts tell nobody more, and what a visitor may choose must not fill the card.
LONGEST_TEXT = 300
_MOST_ENTRIES = 50
_HIDDEN = "***"
#: Fields whose values are never told.
_SECRET = re.compile(
    r"passw|secret|token|key\b|_key|hash|digest|credential|session|otp", re.IGNORECASE
)

Fact = str | float | bool | list[Any] | dict[str, Any] | None


def plain_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text that can be stored: no NUL (PostgreSQL), no half characters, not too long."""
    return (
        text.encode("utf-8", "replace")
        .decode()
        .replace("\0", "\N{REPLACEMENT CHARACTER}")[:longest]
    )


def plain(value: object) -> Fact:
    """Return a fact as plain JSON; what JSON does not have becomes text, what is no number None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        pairs = list(value.items())[:_MOST_ENTRIES]
        return {plain_text(str(key)): plain(each) for key, each in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in list(value)[:_MOST_ENTRIES]]
    return plain_text(str(value))


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, list[str]]:
    """Return old and new text of each field that differs; secrets only as changed.

    Args:
        before: the fields as they were; empty: there was nothing.
        after: the fields as they are; empty: there is nothing any more.
    """
    names = dict.fromkeys([*before, *after])
    return {
        name: [_told(name, before.get(name)), _told(name, after.get(name))]
        for name in names
        if before.get(name) != after.get(name)
    }


def _told(name: str, value: object) -> str:
    if value is None:
        return ""
    return _HIDDEN if _SECRET.search(name) else plain_text(str(value))
