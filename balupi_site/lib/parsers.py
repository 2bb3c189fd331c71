"""Reading request bodies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

#: Our own bodies nest twice.
_MAX_DEPTH = 16


class BoundedJSONParser(JSONParser):
    """JSON in UTF-8 that nothing behind it trips over: no NaN, no infinity, not nested deeply."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # any JSON value
        """Return the value of the body, or raise ParseError."""
        try:
            text = stream.read().decode()
            value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ValueError as error:
            raise ParseError(_("The body is no JSON: %(error)s") % {"error": error}) from error
        if _is_deeper(value, _MAX_DEPTH):
            raise ParseError(_("The JSON is nested too deeply."))
        return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _is_deeper(value: object, depth: int) -> bool:
    """Tell whether lists and objects nest deeper than ``depth``; level by level, without recursion."""
    level = [value]
    for _step in range(depth + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
