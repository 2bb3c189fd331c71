"""What the worker does for accounts."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from balupi_site.accounts.services import tending
from balupi_site.lib.clock import is_plausible


@shared_task(ignore_result=True)
def tend_accounts() -> None:
    """Follow the NAS's list of users and delete what is over."""
    now = timezone.now()
    if is_plausible(now):
        tending.tend(now)
