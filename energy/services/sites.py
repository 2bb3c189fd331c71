"""Other sites: their plugs are talked to by workers of their own, which home keeps in step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import Any

from celery import Task
from django.conf import settings
from django.db import close_old_connections
from django.db.models import QuerySet
from django.utils import timezone

from balupi_site.lib.kept import kept
from balupi_site.lib.queue import enqueue, plug_queue
from balupi_site.lib.redis import RedisError, client
from energy.answers import NO_WORKER_AT_SITE
from energy.models import PlugStatus, SmartPlug
from energy.services.latest import latest_of_plugs
from energy.services.polling import save_news

logger = logging.getLogger(__name__)

#: What waits for a worker that is away must not fill Redis; one or two may lie there between two looks.
_MOST_WAITING = 3
#: Home's sweeps come once in an interval; later than this, none comes.
_SILENCE_INTERVALS = 1.5
#: States that the next poll would bring anyway; a refused login is not one.
_POLLED = (PlugStatus.UNKNOWN, PlugStatus.OK, PlugStatus.UNREACHABLE, PlugStatus.WRONG_DEVICE)


def known_sites() -> list[str]:
    """Return the sites besides home that have plugs, in order of name."""
    return _sites_of(SmartPlug.objects.all())


def other_sites() -> list[str]:
    """Return the sites besides home that have plugs to poll, in order of name."""
    return _sites_of(SmartPlug.objects.enabled())


def send_on(task: Task[Any, Any], *, within_s: int) -> None:
    """Have the workers of all other sites run ``task``; does nothing where it runs at such a site.

    A worker that does not take what was sent before is away: then its plugs say so.

    Args:
        task: of one of the plugs' queues.
        within_s: after so long the next run is due, and this one is dropped where none has begun it.
    """
    if settings.SITE:
        return
    for site in other_sites():
        queue = plug_queue(site)
        try:
            waiting = int(client().llen(queue))
        except RedisError as error:
            logger.debug("nothing sent to the site %s without Redis: %s", site, error)
            return
        if waiting < _MOST_WAITING:
            enqueue(task, queue=queue, expires=within_s)
        if waiting:
            _note_absence(site)


def poll_without_home(
    poll: Callable[[], object], last_task_s: Callable[[], float | None], *, is_over: Event
) -> None:
    """Poll at another site while home sends nothing: the line is broken, or home is being updated.

    What is read waits in memory, so that its samples come late instead of never.

    Args:
        poll: one sweep.
        last_task_s: returns when a task began last, on the monotonic clock; None: none yet.
        is_over: ends it.
    """
    interval_s = settings.ENERGY_SAMPLE_INTERVAL_SECONDS
    while not is_over.wait(interval_s):
        begun_s = last_task_s()
        if begun_s is not None and time.monotonic() - begun_s < _SILENCE_INTERVALS * interval_s:
            continue
        close_old_connections()
        try:
            poll()
        except Exception:  # the next one must be tried
            logger.exception("a sweep without home failed")


def _sites_of(plugs: QuerySet[SmartPlug]) -> list[str]:
    away = plugs.exclude(site="").order_by("site")
    return list(away.values_list("site", flat=True).distinct())


def _note_absence(site: str) -> None:
    """Say at each plug of a site whose reading is old that no worker answers there."""
    plugs = SmartPlug.objects.enabled().filter(site=site, status__in=_POLLED)
    message = kept(NO_WORKER_AT_SITE, site=site)
    for latest in latest_of_plugs(plugs, timezone.now()):
        if latest.is_stale and latest.plug.status_message != message:
            news = {"status": PlugStatus.UNREACHABLE, "status_message": message}
            save_news(latest.plug, news)
