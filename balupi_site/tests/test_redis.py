"""How long a Redis that hangs is waited for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from balupi_site.lib.redis import client


@pytest.fixture
def hung_redis(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Point the product at a Redis that takes connections and never answers."""
    settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS = f"unix://{tmp_path}/hung.sock", 0.02
    client.cache_clear()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/hung.sock")
        listener.listen()
        yield
        client().close()
    client.cache_clear()


@pytest.mark.usefixtures("hung_redis")
def test_a_redis_that_hangs_is_waited_for_once_in_a_moment() -> None:
    with pytest.raises(redis.TimeoutError):
        client().get("name")
    with pytest.raises(redis.ConnectionError, match="a moment ago"):
        client().get("name")
    with client().pipeline() as pipe:
        pipe.get("name")
        with pytest.raises(redis.ConnectionError, match="a moment ago"):
            pipe.execute()


@pytest.mark.usefixtures("hung_redis")
def test_after_a_moment_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balupi_site.lib.redis.LEFT_ALONE_S", 0.0)
    for _time in range(2):
        with pytest.raises(redis.TimeoutError):
            client().get("name")
