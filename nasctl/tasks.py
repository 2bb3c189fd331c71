"""What the worker does for the NAS."""

from __future__ import annotations

import threading

from celery import shared_task
from django.db import connections
from django.utils import timezone

from balupi_site.lib.queue import enqueue
from nasctl import services
from pihole import services as pihole
from pihole.tasks import reconcile_names


@shared_task(ignore_result=True)
def watch_nas() -> None:
    """Watch the NAS until the worker ends; where somebody does already, have them look now."""
    services.watch(names_changed=switch_names)


def switch_names() -> None:
    """Have the names switched; in a thread, because a Redis that hangs must not delay the watch."""
    threading.Thread(target=_switch_names, name="switch-names", daemon=True).start()


def _switch_names() -> None:
    try:
        if not enqueue(reconcile_names):
            pihole.reconcile(timezone.now())  # the names follow the NAS without Redis, too
    finally:
        connections.close_all()
