"""What the worker does for the inbox."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from balupi_site.lib.queue import enqueue
from handshake import services
from handshake.models import AskedBy


@shared_task(ignore_result=True)
def flush_inbox(asked_by: str) -> None:
    """Move what is ready to the NAS."""
    services.flush(asked_by)


@shared_task(ignore_result=True)
def tend_inbox() -> None:
    """Look into the inbox where that makes sense, and move what is ready."""
    if services.is_look_due(timezone.now()):
        services.flush(AskedBy.SCHEDULE)


def nas_has_arrived() -> None:
    """Have the inbox moved: the NAS has come up, whoever noticed it."""
    enqueue(flush_inbox, AskedBy.ARRIVAL.value)
