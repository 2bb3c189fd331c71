"""Starting background work without ever failing or holding up the one who asks."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from django.conf import settings
from kombu.exceptions import OperationalError

from balupi_site.lib.redis import RedisError

logger = logging.getLogger(__name__)


def plug_queue(site: str) -> str:
    """Return the queue of the worker that talks to the plugs of ``site``; "" is home."""
    return f"{settings.PLUG_QUEUE}.{site}" if site else settings.PLUG_QUEUE


def enqueue(
    task: Task[Any, Any],
    *args: str | int | bool | None,
    **options: Any,  # noqa: ANN401  # as Celery has them
) -> bool:
    """Ask the worker to run ``task`` soon; False where Redis is away (beat will do it later).

    Everything important is level-triggered: the task only makes it happen sooner.

    Args:
        task: what is to run.
        args: what it is called with.
        options: ``queue``, where it is not the task's own; ``expires``: seconds after which it is
            dropped where no worker has begun it.
    """
    try:
        task.apply_async(args=args, retry=False, **options)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("Redis did not take %s, beat will run it later: %s", task.name, error)
        return False
    return True
