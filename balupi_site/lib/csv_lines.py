"""CSV that is sent line by line, and that no spreadsheet runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

#: A spreadsheet would run what begins like this.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What the csv module writes to: it gives the line back."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def csv_lines(rows: Iterable[Iterable[object]], *, separator: str = ",") -> Iterator[str]:
    """Yield a line of CSV per row, as it comes."""
    writer = csv.writer(_Line(), delimiter=separator)
    for row in rows:
        yield writer.writerow(row)


def no_formula(text: str) -> str:
    """Return a text that a spreadsheet takes for one: with an apostrophe where it would calculate."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
