"""The monitor's one task; it runs in the worker."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from balupi_site.monitor import card, ring, throttling
from balupi_site.monitor.meter import meter


@shared_task(ignore_result=True)
def sample_machine() -> None:
    """Look at this machine and keep what was seen: for an hour, the card's day, its power since the start."""
    now = timezone.now()
    sample = meter.sample(now)
    ring.keep(sample)
    card.note(now, sample.uptime.system_uptime_seconds)
    throttling.note()
