"""What the worker does for the log."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from balupi_site.events import retention
from balupi_site.lib.clock import is_plausible

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def prune_events() -> None:
    """Keep the log small; the old go only by a clock that is not far ahead."""
    now = timezone.now()
    old = retention.prune_old(now) if is_plausible(now) else 0
    excess = retention.prune_excess()
    if old or excess:
        logger.info("events: %s old ones and %s too many deleted", old, excess)
