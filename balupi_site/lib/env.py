"""Typed reading of ``BALUPI_*`` settings; every mistake is collected and told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

PREFIX = "BALUPI_"


class SettingsError(ImproperlyConfigured):
    """One or more settings are missing or wrong; the text has one line per variable."""


class Env:
    """Reads variables from a mapping and remembers every mistake until ``raise_errors``."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.errors: list[str] = []
        #: The files that ``secret`` has read.
        self.secret_files: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return the stripped value, or ``default`` where it is unset or empty."""
        return self._values.get(PREFIX + name, "").strip() or default

    def secret(self, name: str) -> str:
        """Return a secret from ``<NAME>`` or from the file named by ``<NAME>_FILE``."""
        file_name = self.text(f"{name}_FILE")
        if not file_name:
            return self.text(name)
        self.secret_files.append(file_name)
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            self.error(f"{name}_FILE", f"cannot read the file it names: {reason}")
            return ""

    def parsed(self, name: str, default: str, parse: Callable[[str], T], fallback: T) -> T:
        """Return ``parse(value)``, or ``fallback`` where there is none; note the text of a ``ValueError``."""
        value = self.text(name, default)
        if not value:
            return fallback
        try:
            return parse(value)
        except ValueError as error:
            self.error(name, f"{error} (it is {value!r})")
            return fallback

    def error(self, name: str, message: str) -> None:
        """Note a mistake in one variable."""
        self.errors.append(f"  {PREFIX}{name}: {message}")

    def raise_errors(self) -> None:
        """Raise SettingsError with one line per mistake, or do nothing."""
        if self.errors:
            raise SettingsError("\n".join(self.errors))
