"""Health of this Pi: cheap, never blocking."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil
from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.monitor.meter import meter
from balupi_site.version import VERSION

_MIB = 1024 * 1024


@dataclass(frozen=True)
class PiStatus:
    """What the Pi says of itself; temperature None where there is no sensor."""

    hostname: str
    cpu_percent: float
    memory_percent: float
    memory_used_mb: int
    memory_total_mb: int
    disk_percent: float
    disk_used_mb: int
    disk_total_mb: int
    temperature_c: float | None
    uptime_seconds: int


def pi_status() -> PiStatus:
    """Return the Pi's figures now; takes about a millisecond."""
    sample = meter.sample(timezone.now())
    memory = sample.memory
    place = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.BASE_DIR
    disk = psutil.disk_usage(str(place))
    return PiStatus(
        hostname=socket.gethostname(),
        cpu_percent=sample.cpu.usage_percent,
        memory_percent=memory.percent,
        memory_used_mb=memory.used_bytes // _MIB,
        memory_total_mb=memory.total_bytes // _MIB,
        disk_percent=disk.percent,
        disk_used_mb=disk.used // _MIB,
        disk_total_mb=disk.total // _MIB,
        temperature_c=sample.cpu.temperature_celsius,
        uptime_seconds=sample.uptime.system_uptime_seconds,
    )


class HealthView(APIView):
    """``GET /api/health``: this process answers; needs no login and no database."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once; ``service`` tells a browser whether the name leads to the Pi or the NAS."""
        return Response(
            {
                "status": "ok",
                "service": "balupi",
                "version": VERSION,
                "hostname": socket.gethostname(),
                "cache_enabled": False,
                "energy_enabled": bool(settings.TAPO_USERNAME),
            }
        )


class PingView(APIView):
    """``GET /api/ping``: the smallest answer."""

    authentication_classes = ()

    def get(self, _request: Request) -> Response:
        """Answer at once."""
        return Response({"ping": "pong"})


class SystemStatusView(APIView):
    """``GET /api/system/status``: CPU, memory, disk, temperature of the Pi."""

    def get(self, _request: Request) -> Response:
        """Return the Pi's figures; both names of the temperature, as the NAS-built page reads one."""
        pi = pi_status()
        return Response({**pi.__dict__, "cpu_temp_celsius": pi.temperature_c})
