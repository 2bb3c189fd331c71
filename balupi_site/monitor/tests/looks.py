"""Looks at a machine that does what a test says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from balupi_site.monitor.rates import CoreTimes, DiskCounts, InterfaceBytes, Look

IDLE = Look(
    at_s=1000.0,
    cores=(CoreTimes(10.0, 100.0), CoreTimes(10.0, 100.0)),
    interfaces={"eth0": InterfaceBytes(received=5_000, sent=5_000, is_wifi=False)},
    disks={"mmcblk0": DiskCounts(10, 10, 10_000, 10_000, waited_ms=50, busy_ms=50)},
    memory_total=1_000_000_000,
    memory_available=400_000_000,
    frequency_mhz=1400.0,
    temperature_c=51.5,
    core_count=2,
    server_uptime_s=60,
    system_uptime_s=3600,
)


def look(**values: Any) -> Look:
    """Return a look ten seconds after ``IDLE``."""
    return replace(IDLE, **{"at_s": IDLE.at_s + 10, **values})
