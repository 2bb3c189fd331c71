"""What must not be read by others: it is hidden in everything that is written to a log or an error page."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
#: Hiding "a" in every line would hide nothing, and tell what the password is.
_SHORTEST = 4
_NAMES = r"(?:password|passwd|secret|code|pending_token|access_token|refresh_token|token|sid|csrf)"
#: What is secret by its shape; the first group of a match stays.
_SHAPES = (
    # Header lines, pairs of a dict, WSGI's names.
    re.compile(
        r"((?:HTTP_|\b)(?:AUTHORIZATION|(?:SET[-_])?COOKIE|X[-_]BALUPI[-_]SIGNATURE|X[-_]FTL[-_]\w+)"
        r"['\"]?\s*[:=,]\s*)(?:'[^'\n]*'|\"[^\"\n]*\"|[^\n'\"]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE),
    re.compile(r"()\bbalupi_[A-Za-z0-9_-]{32,}"),  # a token of ours
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"),  # a token of the NAS
    re.compile(r"(\b(?:balupi_session|balupi_csrf|csrfmiddlewaretoken)=)[^;&\s'\"]+"),
    re.compile(rf"(['\"]{_NAMES}['\"]\s*:\s*)(?:'[^'\n]*'|\"[^\"\n]*\")", re.IGNORECASE),
    re.compile(rf"(\b{_NAMES}\s?=\s?)(?:'[^'\n]*'|\"[^\"\n]*\"|[^&\s'\",;)]+)", re.IGNORECASE),
)


class Redactor:
    """Hides known secrets, in any of the forms they are sent in, and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for it in secrets if len(it) >= _SHORTEST for form in _forms(it)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """Return the text without what is secret."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for shape in _SHAPES:
            text = shape.sub(rf"\g<1>{HIDDEN}", text)
        return text


class RedactingFormatter(logging.Formatter):
    """Hides secrets in the finished line: message, arguments and traceback alike."""

    def __init__(self, format: str, *, secrets: Iterable[str] = ()) -> None:  # noqa: A002  # as in LOGGING
        super().__init__(format)
        self._redact = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._redact(super().format(record))


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may stand in a URL, in JSON, in Python's repr, in HTML and in a header."""
    plain = secret.encode("utf-8", "replace")
    yield secret
    yield quote(secret, safe="", errors="replace")
    yield quote_plus(secret, errors="replace")
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    yield base64.b64encode(plain).decode().rstrip("=")
    yield base64.urlsafe_b64encode(plain).decode().rstrip("=")
