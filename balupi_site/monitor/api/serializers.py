"""The shape of the monitor's input."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from balupi_site.lib.fields import QuerySerializer
from balupi_site.monitor.history import TIME_RANGES

_SOURCES = ("auto", "memory", "database")
_MAX_LIMIT = 10_000


class HistoryQuery(QuerySerializer):
    """Which part of the last hour.

    ``source`` is the NAS's choice of storage: there is only one here, and the answer names it.
    """

    time_range = serializers.ChoiceField(
        default="1h",
        choices=list(TIME_RANGES),
        error_messages={
            "invalid_choice": _("{input} is none of %(allowed)s.")
            % {"allowed": ", ".join(TIME_RANGES)}
        },
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the page's word, not DRF's
        default="auto",
        choices=_SOURCES,
        error_messages={
            "invalid_choice": _("{input} is none of %(allowed)s.")
            % {"allowed": ", ".join(_SOURCES)}
        },
    )
    limit = serializers.IntegerField(default=1000, min_value=1, max_value=_MAX_LIMIT)


class DiskHistoryQuery(HistoryQuery):
    """Which part of the last hour, and of which disk; "": of all."""

    disk_name = serializers.CharField(default="", max_length=64, allow_blank=True)
