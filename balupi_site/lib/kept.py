"""Sentences that are kept by one who does not know their readers, and told in each reader's language.

What is kept is the English template, marked with ``gettext_noop`` where it stands, and what fills its
gaps; without gaps it is the sentence itself, as in rows of older releases.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext

#: Facts of rows whose values are such sentences.
SENTENCES = frozenset({"why", "status_message"})


def kept(template: str, **gaps: str | int) -> str:
    """Return a sentence as text to keep; ``retold`` makes it one for people."""
    return json.dumps([template, gaps], ensure_ascii=False) if gaps else template


def retold(text: object) -> str:
    """Return a kept sentence in the reader's language; of what is none of ours, what it says."""
    parts = unpacked(text) if isinstance(text, str) else text
    match parts:
        case [str(template), dict(gaps)]:
            try:
                return gettext(template) % gaps
            except (KeyError, TypeError, ValueError):  # of another release
                return template
        case str(whole) if whole:
            return gettext(whole)
    return ""


def unpacked(text: str) -> str | list[Any]:
    """Return a kept sentence as JSON data, for rows that are JSON: there only a gap is cut."""
    if not text.startswith('["'):
        return text
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return text
    match parts:
        case [str(), dict()]:
            return list(parts)
    return text  # others write such text, too


def retold_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a row with their sentences told, at any depth of objects."""
    return {
        name: retold(value)
        if name in SENTENCES and isinstance(value, str | list)
        else retold_facts(value)
        if isinstance(value, dict)
        else value
        for name, value in facts.items()
    }
