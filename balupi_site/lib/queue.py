"""Starting background work without ever failing or holding up the one who asks."""

from __future__ import annotations

import logging
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

from balupi_site.lib.redis import RedisError

logger = logging.getLogger(__name__)


def enqueue(task: Task[Any, Any], *args: str | int | bool | None) -> bool:
    """Ask the worker to run ``task`` soon; False where Redis is away (beat will do it later).

    Everything important is level-triggered: the task only makes it happen sooner.
    """
    try:
        task.apply_async(args=args, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("Redis did not take %s, beat will run it later: %s", task.name, error)
        return False
    return True
