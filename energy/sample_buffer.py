"""Adapter: latest readings and the samples that wait for the database, in Redis and in memory.

Two copies of each waiting sample: the one in Redis survives our process, the one in memory survives
Redis, which writes nothing to the card.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from balupi_site.lib.redis import RedisError, client
from energy.readings import Reading

logger = logging.getLogger(__name__)

_LATEST_KEY = "energy:latest"
_WAITING_KEY = "energy:samples"
_STORING_KEY = "energy:samples:storing"
#: Some days of a few plugs, ten minutes of 1,000; 4 MB of the 16 MB that Redis may use.
MAX_WAITING = 20_000
#: So many go to Redis at once: two days of a broken line would not pass a slow one within its deadline.
_MAX_PUSHED = 500
#: A Redis that did not answer is left alone for a moment, or each plug would wait for it anew.
_REDIS_PAUSE_S = 10.0


class SampleBuffer:
    """Takes readings from the poller and hands samples to the database; callable from any thread."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, *, is_stored_here: bool = True
    ) -> None:
        """Prepare an empty buffer.

        Args:
            monotonic: seconds that only grow.
            is_stored_here: this process stores samples in the database, too. Another site's does not:
                it keeps in memory only what Redis does not have yet.
        """
        self._is_stored_here = is_stored_here
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._unstored: dict[str, None] = {}  # in order; not in the database yet
        self._owed: dict[str, None] = {}  # in order; not in Redis yet
        self._redis_again_s = float("-inf")
        self._redis_is_away = False
        self._is_overflowing = False
        self._has_taken_stored = False  # whether ``take`` could read what Redis keeps

    def put(self, reading: Reading, *, is_sample: bool) -> None:
        """Remember a reading as its plug's latest, and as a sample if it is one; never raises."""
        line = reading.to_line()
        with self._lock:
            if is_sample:
                self._owed[line] = None
                if self._is_stored_here:
                    self._unstored[line] = None
                self._drop_oldest()
            if self._monotonic() < self._redis_again_s:
                return
            owed = list(self._owed)
        for start in range(0, len(owed) or 1, _MAX_PUSHED):  # once without samples, too
            batch = owed[start : start + _MAX_PUSHED]
            try:
                _push(reading.device_id, line, batch)
            except RedisError as error:
                self._note_redis(error)
                return
            with self._lock:
                for pushed in batch:
                    self._owed.pop(pushed, None)
        self._note_redis(None)

    def take(self) -> list[str]:
        """Return all samples that wait, each once; ``forget`` them when they are stored.

        What a process that died left behind is among them. One caller at a time, over all
        processes: the caller holds a lock.
        """
        with self._lock:
            in_memory = list(self._unstored)
        return list(dict.fromkeys([*self._take_from_redis(), *in_memory]))

    def _take_from_redis(self) -> list[str]:
        self._has_taken_stored = False
        try:
            redis = client()
            # A list of its own: the poller goes on adding to the other one meanwhile.
            if not redis.exists(_STORING_KEY) and redis.exists(_WAITING_KEY):
                redis.rename(_WAITING_KEY, _STORING_KEY)
            lines = [str(line) for line in redis.lrange(_STORING_KEY, 0, -1)]
        except RedisError as error:
            self._note_redis(error)
            return []
        self._has_taken_stored = True
        return lines

    def forget(self, lines: Iterable[str]) -> None:
        """Drop what ``take`` returned; it is in the database now."""
        with self._lock:
            for line in lines:
                self._unstored.pop(line, None)
        if not self._has_taken_stored:  # Redis failed then: what it keeps is not stored yet
            return
        try:
            client().delete(_STORING_KEY)
        except RedisError as error:  # then they are stored once more, which changes nothing
            self._note_redis(error)

    def _drop_oldest(self) -> None:
        is_overflowing = max(len(self._unstored), len(self._owed)) > MAX_WAITING
        if is_overflowing and not self._is_overflowing:
            logger.error("nobody takes the samples; the oldest of %s are dropped", MAX_WAITING)
        self._is_overflowing = is_overflowing
        for waiting in (self._unstored, self._owed):
            while len(waiting) > MAX_WAITING:
                del waiting[next(iter(waiting))]

    def _note_redis(self, error: RedisError | None) -> None:
        """Log once per change, and leave a Redis alone that did not answer."""
        if error is not None:
            self._redis_again_s = self._monotonic() + _REDIS_PAUSE_S
            if not self._redis_is_away:
                logger.warning("Redis is away, readings are kept in memory: %s", error)
        elif self._redis_is_away:
            logger.info("Redis is back")
        self._redis_is_away = error is not None


def waiting_lines() -> list[str]:
    """Return the samples that wait in Redis, each once, for any process; empty while Redis is away."""
    try:
        # Both lists at one moment: a process that stores renames one to the other.
        with client().pipeline(transaction=True) as pipe:
            pipe.lrange(_STORING_KEY, 0, -1)
            pipe.lrange(_WAITING_KEY, 0, -1)
            storing, waiting = pipe.execute()
    except RedisError as error:
        logger.debug("no waiting samples: %s", error)
        return []
    return list(dict.fromkeys([*storing, *waiting]))


def latest_lines() -> dict[str, str]:
    """Return the latest reading's line by device id; empty while Redis is away."""
    try:
        return dict(client().hgetall(_LATEST_KEY))  # type: ignore[arg-type]
    except RedisError as error:
        logger.debug("no latest readings: %s", error)
        return {}


def forget_latest(device_id: str) -> None:
    """Drop the latest reading of a plug that is gone; what Redis keeps while it is away is harmless."""
    try:
        client().hdel(_LATEST_KEY, device_id)
    except RedisError as error:
        logger.debug("the latest reading of %s stays: %s", device_id, error)


def _push(device_id: str, line: str, samples: list[str]) -> None:
    with client().pipeline(transaction=True) as pipe:
        pipe.hset(_LATEST_KEY, device_id, line)
        if samples:
            pipe.rpush(_WAITING_KEY, *samples)
            pipe.ltrim(_WAITING_KEY, -MAX_WAITING, -1)
        pipe.execute()
