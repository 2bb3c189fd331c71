"""What the worker does for the names."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from balupi_site.lib.redis import RedisError, client
from pihole import services

logger = logging.getLogger(__name__)

_PENDING_KEY = "pihole:follow-up"


@shared_task(ignore_result=True)
def reconcile_names() -> None:
    """Make the names lead where they should; look again soon after a write or a problem."""
    outcome = services.reconcile(timezone.now())
    if outcome.follow_up_s is not None:
        _follow_up(outcome.follow_up_s)


def _follow_up(delay_s: int) -> None:
    """Have the names looked at again, unless that is under way: looks must not breed looks."""
    try:
        if client().set(_PENDING_KEY, 1, nx=True, px=delay_s * 1000 - 100):
            reconcile_names.apply_async(countdown=delay_s, expires=delay_s + 60, retry=False)
    except (RedisError, OperationalError, OSError) as error:
        logger.debug("no follow-up without Redis, the regular look does it: %s", error)
