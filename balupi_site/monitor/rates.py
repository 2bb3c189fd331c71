"""Rules: from two looks at the kernel's counters to what went on between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from balupi_site.monitor.samples import (
    CpuSample,
    DiskSample,
    NetworkSample,
    Sample,
    memory_sample,
    uptime_sample,
)

#: Whole disks as Linux names them; no partitions, no boot areas of a card, no loop, ram, zram, md.
_DISK = re.compile(r"mmcblk\d+|(sd|vd|hd|xvd)[a-z]+|nvme\d+n\d+")
_MIB = 1024 * 1024
_BITS, _MEGA = 8, 1_000_000


@dataclass(frozen=True, slots=True)
class CoreTimes:
    """Seconds since the start that a core was busy, and all its seconds."""

    busy_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class InterfaceBytes:
    """What went through a network interface since it came up."""

    received: int
    sent: int
    is_wifi: bool


@dataclass(frozen=True, slots=True)
class DiskCounts:
    """What a disk did since the start: operations, bytes, how long operations took, how long it worked."""

    reads: int
    writes: int
    read_bytes: int
    written_bytes: int
    waited_ms: int
    busy_ms: int


@dataclass(frozen=True, slots=True)
class Look:
    """What the kernel said at one moment; ``at_s`` is the monotonic clock's."""

    at_s: float
    cores: tuple[CoreTimes, ...]
    interfaces: Mapping[str, InterfaceBytes]
    disks: Mapping[str, DiskCounts]
    memory_total: int
    memory_available: int
    frequency_mhz: float | None
    temperature_c: float | None
    core_count: int | None
    server_uptime_s: int
    system_uptime_s: int


def is_disk(name: str) -> bool:
    """Tell whether a block device is a disk of its own."""
    return _DISK.fullmatch(name) is not None


def sample_between(before: Look, after: Look, now: datetime) -> Sample:
    """Return what went on between two looks, and what the later one saw.

    A counter that went backwards (wrapped, or its device was plugged in anew) counts nothing.
    """
    interval_s = max(after.at_s - before.at_s, 0.0)
    return Sample(
        at=now,
        cpu=_cpu(before, after, now, interval_s),
        memory=memory_sample(now, after.memory_total, after.memory_available),
        network=_network(before.interfaces, after.interfaces, now, interval_s),
        disks={
            name: _disk(name, before.disks.get(name), counts, now, interval_s)
            for name, counts in sorted(after.disks.items())
        },
        uptime=uptime_sample(now, after.server_uptime_s, after.system_uptime_s),
    )


def _cpu(before: Look, after: Look, now: datetime, interval_s: float) -> CpuSample:
    pairs = list(zip(before.cores, after.cores, strict=False))  # a core may have been switched off
    busy_s = [_risen(old.busy_s, new.busy_s) for old, new in pairs]
    total_s = [_risen(old.total_s, new.total_s) for old, new in pairs]
    return CpuSample(
        timestamp=now,
        usage_percent=_percent(sum(busy_s), sum(total_s)),
        frequency_mhz=after.frequency_mhz,
        temperature_celsius=after.temperature_c,
        core_count=after.core_count,
        thread_count=len(after.cores),
        thread_usages=tuple(map(_percent, busy_s, total_s)),
        interval_s=round(interval_s, 1),
    )


def _network(
    before: Mapping[str, InterfaceBytes],
    after: Mapping[str, InterfaceBytes],
    now: datetime,
    interval_s: float,
) -> NetworkSample:
    received = {
        name: _risen(before[name].received, new.received)
        for name, new in after.items()
        if name in before
    }
    sent = {
        name: _risen(before[name].sent, new.sent) for name, new in after.items() if name in before
    }

    def busyness(name: str) -> tuple[float, int]:
        moved_now = received.get(name, 0) + sent.get(name, 0)
        return moved_now, after[name].received + after[name].sent

    busiest = max(after, key=busyness, default=None)
    return NetworkSample(
        timestamp=now,
        download_mbps=_per_second(sum(received.values()) * _BITS / _MEGA, interval_s),
        upload_mbps=_per_second(sum(sent.values()) * _BITS / _MEGA, interval_s),
        interface_type=_interface_type(None if busiest is None else after[busiest]),
        interval_s=round(interval_s, 1),
    )


def _interface_type(interface: InterfaceBytes | None) -> str:
    """Return the NAS-built page's word for it."""
    if interface is None:
        return "unknown"
    return "wifi" if interface.is_wifi else "ethernet"


def _disk(
    name: str, old: DiskCounts | None, new: DiskCounts, now: datetime, interval_s: float
) -> DiskSample | None:
    if old is None:
        return None
    reads, writes = _risen(old.reads, new.reads), _risen(old.writes, new.writes)
    operations, waited_ms = reads + writes, _risen(old.waited_ms, new.waited_ms)
    return DiskSample(
        timestamp=now,
        disk_name=name,
        read_mbps=_per_second(_risen(old.read_bytes, new.read_bytes) / _MIB, interval_s),
        write_mbps=_per_second(_risen(old.written_bytes, new.written_bytes) / _MIB, interval_s),
        read_iops=_per_second(reads, interval_s),
        write_iops=_per_second(writes, interval_s),
        avg_response_ms=round(waited_ms / operations, 2) if operations else None,
        active_time_percent=_percent(_risen(old.busy_ms, new.busy_ms) / 1000, interval_s),
        interval_s=round(interval_s, 1),
    )


def _risen(old: float, new: float) -> float:
    return max(new - old, 0)


def _percent(part: float, whole: float) -> float:
    """Return 0 to 100; 0 where no time went by, which the kernel counts in steps of 10 ms."""
    return round(min(100 * part / whole, 100.0), 1) if whole > 0 else 0.0


def _per_second(amount: float, interval_s: float) -> float:
    return round(amount / interval_s, 3) if interval_s > 0 else 0.0
