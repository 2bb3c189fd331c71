"""Adapter: the kernel's counters, by psutil; nothing here waits, starts a program or touches a disk."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import psutil

from balupi_site.lib.boot import uptime_s
from balupi_site.monitor.rates import CoreTimes, DiskCounts, InterfaceBytes, Look, is_disk

#: Kernel names of the CPU's sensor: Raspberry Pi, then common PCs.
_CPU_SENSORS = ("cpu_thermal", "coretemp", "k10temp", "acpitz")
_NET = Path("/sys/class/net")
_STARTED_S = time.monotonic()


def look() -> Look:
    """Look once; takes about a millisecond."""
    memory = psutil.virtual_memory()
    return Look(
        at_s=time.monotonic(),
        cores=_cores(),
        interfaces=_interfaces(),
        disks=_disks(),
        memory_total=memory.total,
        memory_available=memory.available,
        frequency_mhz=_frequency_mhz(),
        temperature_c=_temperature_c(),
        core_count=_core_count(),
        server_uptime_s=int(time.monotonic() - _STARTED_S),
        system_uptime_s=int(uptime_s()),
    )


def _cores() -> tuple[CoreTimes, ...]:
    cores = []
    for times in psutil.cpu_times(percpu=True):
        total_s = sum(times[:8])  # guests' time behind it is in the user's already (proc(5))
        cores.append(CoreTimes(total_s - times.idle - times.iowait, total_s))
    return tuple(cores)


def _interfaces() -> dict[str, InterfaceBytes]:
    """Return what has hardware behind it: bridges and tunnels would count its bytes twice.

    In a container nothing has; then everything but the loopback counts.
    """
    found = psutil.net_io_counters(pernic=True, nowrap=False)
    names = [name for name in found if (_NET / name / "device").exists()]
    return {
        name: InterfaceBytes(
            received=found[name].bytes_recv,
            sent=found[name].bytes_sent,
            is_wifi=(_NET / name / "phy80211").exists(),
        )
        for name in names or (name for name in found if name != "lo")
    }


def _disks() -> dict[str, DiskCounts]:
    found = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {
        name: DiskCounts(
            reads=disk.read_count,
            writes=disk.write_count,
            read_bytes=disk.read_bytes,
            written_bytes=disk.write_bytes,
            waited_ms=disk.read_time + disk.write_time,
            busy_ms=disk.busy_time,
        )
        for name, disk in found.items()
        if is_disk(name)
    }


def _frequency_mhz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (NotImplementedError, OSError):  # kernels that show the folder and not the file
        return None
    return round(frequency.current, 1) if frequency and frequency.current else None


def _temperature_c() -> float | None:
    sensors = psutil.sensors_temperatures()
    for name in _CPU_SENSORS:
        if sensors.get(name):
            return round(float(sensors[name][0].current), 1)
    return None


@lru_cache(maxsize=1)
def _core_count() -> int | None:
    return psutil.cpu_count(logical=False)
