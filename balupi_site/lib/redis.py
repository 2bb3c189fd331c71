"""One Redis client per process, with deadlines that fit the process."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

#: What every caller catches: Redis is away or hangs. Never an error for a person by itself.
RedisError = redis.RedisError
#: A Redis that hung is left alone for so long: a page asks it six times, and waits for it once.
LEFT_ALONE_S = 1.0


class _LeavesAlone(AbstractConnection):
    """A connection that fails at once while Redis is left alone; each client has a class of its own."""

    again_s = 0.0

    def connect(self) -> None:
        """Connect, if it is not connected; called before each command."""
        if time.monotonic() < self.again_s:
            raise redis.ConnectionError("Redis did not answer a moment ago")
        self._noting(super().connect)

    def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # redis-py's
        """Return what Redis answers."""
        return self._noting(super().read_response, *args, **options)

    @classmethod
    def _noting(cls, work: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        try:
            return work(*args, **options)
        except redis.TimeoutError:
            cls.again_s = time.monotonic() + LEFT_ALONE_S
            raise


@lru_cache(maxsize=4)
def client(*, patience_s: float = 0.0) -> redis.Redis:
    """Return the shared client; one attempt per call, text in and out.

    Args:
        patience_s: seconds added to the read deadline, for blocking commands such as BLPOP.
    """
    pool = redis.ConnectionPool.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS + patience_s,
        socket_connect_timeout=settings.REDIS_CONNECT_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )
    pool.connection_class = type("_Connection", (_LeavesAlone, pool.connection_class), {})
    return redis.Redis.from_pool(pool)
