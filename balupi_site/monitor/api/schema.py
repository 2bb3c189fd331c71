"""How the System Monitor's API is described; only the generator reads it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from balupi_site.lib.openapi import Operations, get
from balupi_site.monitor.api import answer_serializers as answers
from balupi_site.monitor.api.serializers import DiskHistoryQuery, HistoryQuery

_MONITOR = "monitor"
_Serializer = type[serializers.Serializer[Any]]


def _pair(
    name: str, what: str, now: _Serializer, history: _Serializer, query: type[HistoryQuery]
) -> Operations:
    word = name.removeprefix("monitor-")
    return {
        name: get(id=f"monitor_{word}", tag=_MONITOR, summary=f"{what} now", answer=now),
        f"{name}-history": get(
            id=f"monitor_{word}_history",
            tag=_MONITOR,
            summary=f"{what} in the last hour",
            text="Empty while Redis is away.",
            query=query,
            answer=history,
        ),
    }


OPERATIONS: Operations = {
    **_pair(
        "monitor-cpu",
        "Processor",
        answers.CpuSerializer,
        answers.CpuHistorySerializer,
        HistoryQuery,
    ),
    **_pair(
        "monitor-memory",
        "Memory",
        answers.MemorySerializer,
        answers.MemoryHistorySerializer,
        HistoryQuery,
    ),
    **_pair(
        "monitor-network",
        "Network",
        answers.NetworkSerializer,
        answers.NetworkHistorySerializer,
        HistoryQuery,
    ),
    **_pair(
        "monitor-disks",
        "Disks",
        answers.DisksSerializer,
        answers.DisksHistorySerializer,
        DiskHistoryQuery,
    ),
    **_pair(
        "monitor-uptime",
        "Uptime",
        answers.UptimeSerializer,
        answers.UptimeHistorySerializer,
        HistoryQuery,
    ),
}
