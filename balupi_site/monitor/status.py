"""How this Pi is doing now: cheap, never blocking."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil
from django.conf import settings
from django.utils import timezone

from balupi_site.monitor.meter import meter

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
