"""Rule: what SQLite keeps in texts and PostgreSQL refuses, and what stands for it there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from django.db import models

from balupi_site.backup.move.tables import Field

#: The NUL character, and halves of characters (which JSON can name), as U+FFFD tells.
_REFUSED = re.compile("[\0\ud800-\udfff]")
_STAND_IN = "\ufffd"
#: How such characters are written in JSON.
_REFUSED_IN_JSON = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")

Rule = Callable[[str], str]


def storable(text: str, most_characters: int | None) -> str:
    """Return a text without what PostgreSQL cannot keep, cut where its column ends; None: it does not."""
    if "\0" in text:
        text = _REFUSED.sub(_STAND_IN, text)
    return text[:most_characters]


def storable_json(text: str) -> str:
    """Return JSON of which all texts can be kept; most are returned as they are."""
    if not _REFUSED_IN_JSON.search(text):
        return text
    found = json.loads(text)
    kept = _clean(found)
    return text if kept == found else json.dumps(kept)


def _clean(value: object) -> object:
    if isinstance(value, str):
        # Two halves that belong together are one character by now.
        return _REFUSED.sub(_STAND_IN, value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    return value


def rule_of(field: Field) -> Rule | None:
    """Return what makes a column's texts storable; None: it has none.

    What tells rows apart is never cut: two of them could become the same.
    """
    if isinstance(field, models.JSONField):
        return storable_json
    if isinstance(field, (models.CharField, models.TextField)):
        most = None if field.unique else field.max_length
        return lambda text: storable(text, most)
    return None
