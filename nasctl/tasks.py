"""What the worker does for the NAS."""

from __future__ import annotations

import threading
from collections.abc import Callable

from celery import shared_task
from django.db import connections
from django.utils import timezone

from balupi_site.lib.clock import is_plausible
from nasctl import services
from pihole.tasks import reconcile_names


@shared_task(ignore_result=True)
def watch_nas() -> None:
    """Watch the NAS until the worker ends; where somebody does already, have them look now."""
    services.watch(names_changed=switch_names, has_arrived=tell_arrival)


@shared_task(ignore_result=True)
def split_hours() -> None:
    """Split the NAS's hours by its state; never by a clock that may be far ahead."""
    now = timezone.now()
    if is_plausible(now):
        services.split_hours(now)


def switch_names() -> None:
    """Have the names switched, here and now: they follow the NAS without Redis, too."""
    _in_thread("switch-names", reconcile_names)


def tell_arrival() -> None:
    """Tell whoever wants to know that the NAS has come up."""
    _in_thread("arrival", services.tell_arrival)


def _in_thread(name: str, what: Callable[[], object]) -> None:
    """Do something that must not delay the watch, such as waiting for a Redis that hangs."""

    def run() -> None:
        try:
            what()
        finally:
            connections.close_all()

    threading.Thread(target=run, name=name, daemon=True).start()
