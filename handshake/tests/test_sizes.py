"""Sizes as people read them."""

from __future__ import annotations

import pytest
from django.utils import translation

from handshake.sizes import shown_size


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "36.1\N{NO-BREAK SPACE}MB"), ("de", "36,1\N{NO-BREAK SPACE}MB")],
)
def test_a_size_is_written_as_its_reader_writes_numbers(language: str, told: str) -> None:
    with translation.override(language):
        assert shown_size(36_100_000) == told
