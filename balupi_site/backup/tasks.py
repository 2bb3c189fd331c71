"""What the worker does for backups."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from balupi_site.backup.child import stop_backup
from balupi_site.backup.nightly import tend_backups as tend
from balupi_site.lib import boot
from balupi_site.lib.clock import is_plausible


@shared_task(ignore_result=True)
def tend_backups() -> None:
    """Make last night's backup where there is none yet; never by a clock that may be wrong."""
    now = timezone.now()
    if is_plausible(now):
        tend(now, uptime_s=boot.uptime_s())


@worker_shutting_down.connect(weak=False)
def _stop(**_kwargs: Any) -> None:  # noqa: ANN401  # signal arguments
    """End a backup that is under way: the worker has ten seconds to end."""
    stop_backup()
