"""Keeping the log small: old rows go, and so do the oldest where there are very many."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from balupi_site.events.models import Event

#: About 60 MB with the indexes: whatever floods the log, the card stays free.
MOST_ROWS = 200_000
#: So many go in one transaction, that nobody waits long for the database.
_BATCH = 500


def prune_old(now: datetime) -> int:
    """Delete the events older than EVENT_RETENTION_DAYS; return how many. By a clock that is right."""
    return _delete(Event.objects.filter(at__lt=now - timedelta(days=settings.EVENT_RETENTION_DAYS)))


def prune_excess(most: int = MOST_ROWS) -> int:
    """Delete the first rows where there are more than ``most``; return how many. Needs no clock."""
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    return _delete(Event.objects.filter(pk__lte=last - most)) if last else 0


def _delete(rows: QuerySet[Event]) -> int:
    deleted = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:_BATCH]):
        deleted += Event.objects.filter(pk__in=batch).delete()[0]
    return deleted
