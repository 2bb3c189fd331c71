"""Settings that start, but cannot work, are told by ``manage.py check``."""

from __future__ import annotations

from typing import Any

import pytest

from energy.checks import check_intervals, check_tapo_account


@pytest.mark.parametrize(
    ("username", "password", "missing"),
    [
        ("", "", None),
        ("a@b.c", "secret", None),
        ("a@b.c", "", "BALUPI_TAPO_PASSWORD"),
        ("", "secret", "BALUPI_TAPO_USERNAME"),
    ],
)
def test_half_an_account_is_told(
    settings: Any, username: str, password: str, missing: str | None
) -> None:
    settings.TAPO_USERNAME, settings.TAPO_PASSWORD = username, password
    found = [message.msg for message in check_tapo_account()]
    assert [message.split()[0] for message in found] == ([missing] if missing else [])


@pytest.mark.parametrize(("flush_s", "count"), [(300, 0), (30, 0), (10, 1)])
def test_storing_more_often_than_reading_is_told(settings: Any, flush_s: int, count: int) -> None:
    settings.ENERGY_SAMPLE_INTERVAL_SECONDS = 30
    settings.ENERGY_FLUSH_INTERVAL_SECONDS = flush_s
    assert len(check_intervals()) == count
