"""``/api/monitoring/...``: what the NAS-built page's System Monitor reads (dashboard contract)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.monitor.api.serializers import DiskHistoryQuery, HistoryQuery
from balupi_site.monitor.history import history
from balupi_site.monitor.meter import meter
from balupi_site.monitor.samples import (
    CpuSample,
    MemorySample,
    NetworkSample,
    Sample,
    UptimeSample,
)

_Part = CpuSample | MemorySample | NetworkSample | UptimeSample


def _cpu(sample: Sample) -> CpuSample:
    return sample.cpu


def _memory(sample: Sample) -> MemorySample:
    return sample.memory


def _network(sample: Sample) -> NetworkSample:
    return sample.network


def _uptime(sample: Sample) -> UptimeSample:
    return sample.uptime


class _CurrentView(APIView):
    """One part of the machine since the last look; never waits, needs neither Redis nor database."""

    part: Callable[[Sample], _Part]

    def get(self, _request: Request) -> Response:
        """Answer the sample."""
        return Response(vars(type(self).part(meter.sample(timezone.now()))))


class _HistoryView(APIView):
    """One part of the machine in the last hour."""

    part: Callable[[Sample], _Part]
    more: Mapping[str, Any] = MappingProxyType({})

    def get(self, request: Request) -> Response:
        """Answer the samples in order of time."""
        asked = _asked(request, HistoryQuery)
        found = history(asked["time_range"], asked["limit"], timezone.now())
        samples = [vars(type(self).part(sample)) for sample in found.samples]
        return Response(
            {"samples": samples, "sample_count": len(samples), "source": found.source, **self.more}
        )


class CpuView(_CurrentView):
    """``GET /api/monitoring/cpu/current``: percent, MHz, degrees Celsius."""

    part = staticmethod(_cpu)


class CpuHistoryView(_HistoryView):
    """``GET /api/monitoring/cpu/history``."""

    part = staticmethod(_cpu)


class MemoryView(_CurrentView):
    """``GET /api/monitoring/memory/current``: bytes, percent."""

    part = staticmethod(_memory)


class MemoryHistoryView(_HistoryView):
    """``GET /api/monitoring/memory/history``."""

    part = staticmethod(_memory)


class NetworkView(_CurrentView):
    """``GET /api/monitoring/network/current``: megabits per second."""

    part = staticmethod(_network)


class NetworkHistoryView(_HistoryView):
    """``GET /api/monitoring/network/history``."""

    part = staticmethod(_network)


class UptimeView(_CurrentView):
    """``GET /api/monitoring/uptime/current``: seconds; "server" is BaluPi's web process."""

    part = staticmethod(_uptime)


class UptimeHistoryView(_HistoryView):
    """``GET /api/monitoring/uptime/history``; "server" is BaluPi's worker. This Pi never sleeps."""

    part = staticmethod(_uptime)
    more = MappingProxyType({"sleep_events": []})


class DisksView(APIView):
    """``GET /api/monitoring/disk-io/current``: MiB and operations per second, of whole disks."""

    def get(self, _request: Request) -> Response:
        """Answer a sample per disk; null for one that was just plugged in."""
        disks = meter.sample(timezone.now()).disks
        return Response({"disks": {name: disk and vars(disk) for name, disk in disks.items()}})


class DisksHistoryView(APIView):
    """``GET /api/monitoring/disk-io/history``."""

    def get(self, request: Request) -> Response:
        """Answer the samples of each disk in order of time; they all count."""
        asked = _asked(request, DiskHistoryQuery)
        now = timezone.now()
        found = history(asked["time_range"], asked["limit"], now)
        wanted = asked["disk_name"]
        disks: dict[str, list[dict[str, Any]]] = {}
        for sample in found.samples:
            for name, disk in sample.disks.items():
                if disk is not None and wanted in {"", name}:
                    disks.setdefault(name, []).append(vars(disk))
        return Response(
            {
                "disks": disks,
                "available_disks": sorted({*meter.sample(now).disks, *disks}),
                "sample_count": sum(map(len, disks.values())),
                "source": found.source,
            }
        )


def _asked(request: Request, kind: type[HistoryQuery]) -> dict[str, Any]:
    query = kind(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked: dict[str, Any] = query.validated_data
    return asked
