"""Health of this Pi: cheap, never blocking."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass

import psutil
from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balupi_site.version import VERSION

#: Kernel names of the CPU's sensor: Raspberry Pi, then common PCs.
_CPU_SENSORS = ("cpu_thermal", "coretemp", "k10temp", "acpitz")
_MIB = 1024 * 1024


class CpuMeter:
    """CPU use of the machine since the last look, without waiting for it."""

    #: Looks closer together than this share one figure: two viewers would measure milliseconds.
    MIN_INTERVAL_S = 2.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times = psutil.cpu_times()
        self._looked_at_s = time.monotonic()
        self._percent = 0.0

    def percent(self) -> float:
        """Return the busy share in percent since the last look, 0 to 100."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._looked_at_s >= self.MIN_INTERVAL_S or self._percent == 0.0:
                times = psutil.cpu_times()
                total_s = sum(times) - sum(self._times)
                idle_s = (times.idle + times.iowait) - (self._times.idle + self._times.iowait)
                if total_s > 0:
                    self._percent = max(0.0, min(100.0, 100 * (1 - idle_s / total_s)))
                self._times, self._looked_at_s = times, now_s
            return round(self._percent, 1)


_cpu = CpuMeter()


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
    memory = psutil.virtual_memory()
    place = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.BASE_DIR
    disk = psutil.disk_usage(str(place))
    return PiStatus(
        hostname=socket.gethostname(),
        cpu_percent=_cpu.percent(),
        memory_percent=memory.percent,
        memory_used_mb=(memory.total - memory.available) // _MIB,
        memory_total_mb=memory.total // _MIB,
        disk_percent=disk.percent,
        disk_used_mb=disk.used // _MIB,
        disk_total_mb=disk.total // _MIB,
        temperature_c=_temperature_c(),
        uptime_seconds=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
    )


def _temperature_c() -> float | None:
    sensors = psutil.sensors_temperatures()
    for name in _CPU_SENSORS:
        if sensors.get(name):
            return round(float(sensors[name][0].current), 1)
    return None


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
