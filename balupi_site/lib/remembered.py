"""What is remembered in Redis, because it changes too often for the card."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from balupi_site.lib.redis import RedisError, client

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What ``of_text`` may raise for a text that another release wrote.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


class Remembered(Generic[T]):
    """One thing that Redis remembers; while it is away, nobody knows it and nothing is kept."""

    def __init__(
        self,
        key: str,
        what: str,
        *,
        to_text: Callable[[T], str],
        of_text: Callable[[str], T],
        lasts_s: int | None = None,
    ) -> None:
        """Name it; Redis is not asked yet.

        Args:
            key: where it is in Redis.
            what: what the log calls it.
            to_text: makes it a text.
            of_text: makes it of that text; may raise ``UNREADABLE``.
            lasts_s: so long it is kept; None: until Redis is started again.
        """
        self._key, self._what, self._lasts_s = key, what, lasts_s
        self._to_text, self._of_text = to_text, of_text

    def load(self) -> T | None:
        """Return it; None where there is nothing, or Redis is away."""
        try:
            text = client().get(self._key)
            return self._of_text(str(text)) if text else None
        except RedisError as error:
            logger.debug("Redis does not say %s: %s", self._what, error)
        except UNREADABLE as error:
            logger.warning(
                "%s, as Redis has it, is of another release (%s)", self._what, type(error).__name__
            )
        return None

    def save(self, value: T) -> bool:
        """Keep it for whoever asks next; False while Redis is away."""
        try:
            client().set(self._key, self._to_text(value), ex=self._lasts_s)
        except RedisError as error:
            logger.debug("Redis does not keep %s: %s", self._what, error)
            return False
        return True

    def forget(self) -> None:
        """Have nothing remembered any more."""
        try:
            client().delete(self._key)
        except RedisError as error:
            logger.debug("Redis does not forget %s: %s", self._what, error)
