"""The part of the worker that takes tasks from Redis, made to outlive a Redis that dies."""

from __future__ import annotations

import logging

from celery.worker.consumer import Consumer

logger = logging.getLogger(__name__)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line says more than that Redis is gone, which the consumer says anyway."""
    return not str(record.msg).startswith("Couldn't ack")


logging.getLogger("celery.worker.request").addFilter(_is_news)


class CalmConsumer(Consumer):
    """A consumer that survives a Redis which died while a message was on its way.

    kombu 5.7 then wants to give the message back through the connection that it has just closed,
    fails with an AttributeError, and would end the whole worker, and the watch of the NAS with it.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the broken connection, whatever that brings; the caller connects anew."""
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:  # noqa: BLE001  # nothing of the old connection is of use any more
            logger.warning("a task that Redis had just sent is left to its next run: %s", error)
            self.connection = None
