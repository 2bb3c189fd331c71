"""What a move makes of texts, and what it tells of itself."""

from __future__ import annotations

import itertools

import pytest

from balupi_site.backup.move.progress import ROWS_PER_LOOK, Progress
from balupi_site.backup.move.texts import storable, storable_json


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        pytest.param("Füße \U0001f600\n", None, "Füße \U0001f600\n", id="all that is a character"),
        pytest.param("a\0b", None, "a\ufffdb", id="no NUL"),
        pytest.param("abc", 2, "ab", id="no more than there is room for"),
        pytest.param("\0\0\0", 2, "\ufffd\ufffd", id="characters are counted, not bytes"),
    ],
)
def test_a_text_is_kept_as_far_as_postgresql_can(text: str, most: int | None, kept: str) -> None:
    assert storable(text, most) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param('{"b":1, "a": 1.0}', '{"b":1, "a": 1.0}', id="as it is"),
        pytest.param(r'["\ud83d\ude00"]', r'["\ud83d\ude00"]', id="halves that belong together"),
        pytest.param(r'{"\u0000": "\ud83d"}', r'{"\ufffd": "\ufffd"}', id="no NUL, no half"),
        pytest.param(r'["\\u0000",1]', r'["\\u0000",1]', id="a backslash that means itself"),
    ],
)
def test_json_is_kept_as_far_as_postgresql_can(text: str, kept: str) -> None:
    assert storable_json(text) == kept


def test_progress_is_told_when_its_time_has_come() -> None:
    told: list[str] = []
    seconds = itertools.count()
    progress = Progress(told.append, lambda: next(seconds), 3)
    progress.begin("Copying", 12_000)
    for _ in range(5 * ROWS_PER_LOOK):
        progress.row()
    assert told == ["Copying: 6,000 of 12,000 rows"]
