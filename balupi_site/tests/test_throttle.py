"""How often something may be tried: windows, clocks that are set, a database that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache.backends.base import BaseCache
from django.db import DatabaseError, connection
from time_machine import Traveller

from balupi_site.lib.throttle import Limit

pytestmark = pytest.mark.django_db

START = datetime(2026, 2, 1, 12, tzinfo=UTC)
ADDRESS = "192.168.178.20"


@pytest.fixture
def clock() -> Iterator[Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def limit() -> Limit:
    """Three attempts a minute."""
    return Limit("test", attempts=3, seconds=60)


def use_up(limit: Limit, key: str = ADDRESS) -> None:
    for _attempt in range(limit.attempts):
        assert limit.take(key) == 0


def test_the_fourth_attempt_waits_for_the_end_of_the_firsts_minute(
    limit: Limit, clock: Traveller
) -> None:
    for _attempt in range(3):
        assert limit.take(ADDRESS) == 0
        clock.shift(10)
    assert limit.take(ADDRESS) == 30
    clock.shift(29)
    assert limit.take(ADDRESS) == 1
    clock.shift(1)
    assert limit.take(ADDRESS) == 0
    # The second's minute ends ten seconds later: no three at once.
    assert limit.take(ADDRESS) == 10


def test_looking_counts_nothing(limit: Limit, clock: Traveller) -> None:
    assert [limit.wait_s(ADDRESS) for _look in range(10)] == [0] * 10
    use_up(limit)
    assert limit.wait_s(ADDRESS) == 60


def test_a_refused_attempt_does_not_lengthen_the_wait(limit: Limit, clock: Traveller) -> None:
    use_up(limit)
    for left_s in range(59, 0, -1):
        clock.shift(1)
        assert limit.take(ADDRESS) == left_s
    clock.shift(1)
    use_up(limit)


def test_a_refused_attempt_writes_nothing(
    limit: Limit, clock: Traveller, django_assert_num_queries: Any
) -> None:
    use_up(limit)
    with django_assert_num_queries(1) as seen:
        assert limit.take(ADDRESS) == 60
    assert seen.captured_queries[0]["sql"].startswith("SELECT")


def test_one_keys_attempts_are_not_anothers(limit: Limit, clock: Traveller) -> None:
    other = Limit("another", attempts=3, seconds=60)
    use_up(limit)
    assert limit.take("192.168.178.21") == 0
    assert other.take(ADDRESS) == 0


def test_who_is_forgotten_begins_anew(limit: Limit, clock: Traveller) -> None:
    use_up(limit)
    limit.forget(ADDRESS)
    use_up(limit)


def test_a_clock_set_forward_forgives(limit: Limit, clock: Traveller) -> None:
    use_up(limit)
    clock.shift(timedelta(days=200))
    use_up(limit)


def test_a_clock_set_back_locks_nobody_out_for_longer(limit: Limit, clock: Traveller) -> None:
    """A Pi without a clock of its own counts at a wrong hour until it asks for the right one."""
    use_up(limit)
    clock.shift(timedelta(hours=-5))
    assert limit.take(ADDRESS) <= 60
    clock.shift(60)
    use_up(limit)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="nothing"),
        pytest.param("a b\r\n\x00\x7f", id="control characters"),
        pytest.param("k" * 10_000, id="longer than a key may be"),
        pytest.param("fe80::1%eth0|Jürgen 🦊", id="beyond ASCII"),
        pytest.param("half a character \ud800", id="half a character"),
    ],
)
def test_any_key_is_counted(key: str, limit: Limit, clock: Traveller) -> None:
    use_up(limit, key)
    assert limit.take(key) == 60
    assert limit.take(key + "2") == 0


def test_a_restart_forgives_nothing(limit: Limit, clock: Traveller) -> None:
    use_up(limit)
    assert Limit("test", attempts=3, seconds=60).take(ADDRESS) == 60


class Broken(BaseCache):
    """A cache whose database says no."""

    def __init__(self) -> None:
        super().__init__({})

    def _fail(self, *_args: object, **_options: object) -> None:
        raise DatabaseError("database is locked")

    get = set = delete = _fail  # type: ignore[assignment]  # they take anything


def test_a_database_that_does_not_answer_locks_nobody_out(
    limit: Limit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("balupi_site.lib.throttle.caches", {"throttle": Broken()})
    assert [limit.take(ADDRESS) for _attempt in range(5)] == [0] * 5
    assert limit.wait_s(ADDRESS) == 0
    limit.forget(ADDRESS)
    assert "database is locked" in caplog.text
    assert ADDRESS not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_without_its_table_it_locks_nobody_out(limit: Limit) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE balupi_throttle RENAME TO away")
    try:
        assert [limit.take(ADDRESS) for _attempt in range(5)] == [0] * 5
        assert limit.wait_s(ADDRESS) == 0
        limit.forget(ADDRESS)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO balupi_throttle")


class Memory(BaseCache):
    """A cache that all threads see, and that lets the others run between reading and writing."""

    def __init__(self) -> None:
        super().__init__({})
        self._kept: dict[str, list[float]] = {}

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._kept.get(key, default)
        threading.Event().wait(0.001)
        return found

    def set(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> None:
        self._kept[key] = value


def test_fifty_at_once_are_counted_one_by_one(
    limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balupi_site.lib.throttle.caches", {"throttle": Memory()})
    with ThreadPoolExecutor(50) as pool:
        waits = list(pool.map(lambda _n: limit.take(ADDRESS), range(50)))
    assert sum(wait_s == 0 for wait_s in waits) == limit.attempts
