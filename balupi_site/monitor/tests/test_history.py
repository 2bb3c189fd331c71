"""The last hour, in Redis, filled by one task in the worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from balupi_site.monitor import ring
from balupi_site.monitor.history import history
from balupi_site.monitor.rates import sample_between
from balupi_site.monitor.samples import Sample
from balupi_site.monitor.tasks import sample_machine
from balupi_site.monitor.tests.looks import IDLE, look

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def sample(age_s: float) -> Sample:
    return sample_between(IDLE, look(), NOW - timedelta(seconds=age_s))


def ages_s(time_range: str = "1h", limit: int = 1000) -> list[float]:
    found = history(time_range, limit, NOW)
    return [(NOW - it.at).total_seconds() for it in found.samples]


def test_the_task_keeps_what_it_sees(redis_server: Any) -> None:
    sample_machine()
    [kept] = ring.load() or []
    assert kept.memory.total_bytes > 0


def test_beat_starts_it_as_often_as_the_ring_expects() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["sample this machine"]
    assert (entry["task"], entry["schedule"]) == (sample_machine.name, ring.INTERVAL_S)


def test_an_hour_is_kept_and_no_more(redis_server: Any) -> None:
    for number in range(200, 0, -1):
        ring.keep(sample(number * ring.INTERVAL_S))
    kept = ages_s("7d")
    assert len(kept) == 120
    assert (kept[0], kept[-1]) == (3600, 30)
    assert redis_server.memory_usage("monitor:samples", samples=0) < 100_000


@pytest.mark.parametrize(
    ("time_range", "expected"),
    [("10m", [599, 1]), ("1h", [3599, 600, 599, 1]), ("24h", [3601, 3599, 600, 599, 1])],
)
def test_a_range_is_what_its_name_says(
    redis_server: Any, time_range: str, expected: list[float]
) -> None:
    for age_s in (3601, 3599, 600, 599, 1):
        ring.keep(sample(age_s))
    assert ages_s(time_range) == expected


def test_a_limit_keeps_the_newest(redis_server: Any) -> None:
    for age_s in (90, 60, 30):
        ring.keep(sample(age_s))
    assert ages_s(limit=2) == [60, 30]


def test_what_a_wrong_clock_called_the_future_is_left_out(redis_server: Any) -> None:
    for age_s in (60, -86400, 30):
        ring.keep(sample(age_s))
    assert ages_s("7d") == [60, 30]


def test_junk_in_redis_is_passed_over(redis_server: Any) -> None:
    ring.keep(sample(30))
    redis_server.rpush("monitor:samples", "junk", "{}")
    assert ages_s() == [30]


@pytest.mark.parametrize(
    ("time_range", "source"),
    [("10m", "memory"), ("1h", "memory"), ("24h", "memory (last hour)")],
)
def test_the_source_says_how_far_back_it_goes(
    redis_server: Any, time_range: str, source: str
) -> None:
    assert history(time_range, 10, NOW).source == source


def test_without_redis_there_is_no_history_and_no_error(no_redis: None) -> None:
    sample_machine()
    assert (history("1h", 10, NOW).samples, history("1h", 10, NOW).source) == ((), "none")
