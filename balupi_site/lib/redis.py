"""One Redis client per process, with deadlines that fit the process."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

#: What every caller catches: Redis is away or hangs. Never an error for a person by itself.
RedisError = redis.RedisError


@lru_cache(maxsize=4)
def client(*, patience_s: float = 0.0) -> redis.Redis:
    """Return the shared client; one attempt per call, text in and out.

    Args:
        patience_s: seconds added to the read deadline, for blocking commands such as BLPOP.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=settings.REDIS_TIMEOUT_SECONDS + patience_s,
        socket_connect_timeout=settings.REDIS_CONNECT_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )
