"""Rules: what the System Monitor says of one moment, and how Redis keeps it.

The fields are those of the dashboard contract; ``interval_s`` beside them is ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class CpuSample:
    """The processor.

    Attributes:
        usage_percent: mean of all cores over ``interval_s``, 0 to 100.
        core_count: None where the kernel does not say; ``thread_count`` is what Linux schedules on.
        thread_usages: the same for each of these, in their order.
    """

    timestamp: datetime
    usage_percent: float
    frequency_mhz: float | None
    temperature_celsius: float | None
    core_count: int | None
    thread_count: int
    thread_usages: tuple[float, ...]
    interval_s: float


@dataclass(frozen=True)
class MemorySample:
    """The memory; used is what programs could not have, so that both add up to the total."""

    timestamp: datetime
    used_bytes: int
    total_bytes: int
    percent: float
    available_bytes: int


@dataclass(frozen=True)
class NetworkSample:
    """All real interfaces together, in megabits (10^6) per second; the type is that of the busiest."""

    timestamp: datetime
    download_mbps: float
    upload_mbps: float
    interface_type: str
    interval_s: float


@dataclass(frozen=True)
class DiskSample:
    """One disk; MiB per second, as BaluHost's own ``read_mbps`` means it.

    Attributes:
        avg_response_ms: per operation; None where there was none.
        active_time_percent: how much of ``interval_s`` it had something to do, 0 to 100.
    """

    timestamp: datetime
    disk_name: str
    read_mbps: float
    write_mbps: float
    read_iops: float
    write_iops: float
    avg_response_ms: float | None
    active_time_percent: float
    interval_s: float


@dataclass(frozen=True)
class UptimeSample:
    """How long the process that looked and this Pi have been running."""

    timestamp: datetime
    server_uptime_seconds: int
    system_uptime_seconds: int
    server_start_time: datetime
    system_boot_time: datetime


@dataclass(frozen=True)
class Sample:
    """All of it at one moment; a disk that was just plugged in is None until the next look."""

    at: datetime
    cpu: CpuSample
    memory: MemorySample
    network: NetworkSample
    disks: Mapping[str, DiskSample | None]
    uptime: UptimeSample


def memory_sample(at: datetime, total: int, available: int) -> MemorySample:
    """Return the memory's part, from bytes."""
    used = total - available
    return MemorySample(at, used, total, round(100 * used / total, 1), available)


def uptime_sample(at: datetime, server_s: int, system_s: int) -> UptimeSample:
    """Return the uptime's part; the starts follow a clock that was set since."""
    return UptimeSample(
        at, server_s, system_s, at - timedelta(seconds=server_s), at - timedelta(seconds=system_s)
    )


def to_line(sample: Sample) -> str:
    """Return a sample as one short line: an hour of them is to be small."""
    cpu, memory, network, uptime = sample.cpu, sample.memory, sample.network, sample.uptime
    content = {
        "at": round(sample.at.timestamp(), 3),
        "s": cpu.interval_s,
        "cpu": [cpu.usage_percent, cpu.frequency_mhz, cpu.temperature_celsius, cpu.core_count],
        "threads": cpu.thread_usages,
        "mem": [memory.total_bytes, memory.available_bytes],
        "net": [network.download_mbps, network.upload_mbps, network.interface_type],
        "disks": {
            name: [
                *(disk.read_mbps, disk.write_mbps, disk.read_iops, disk.write_iops),
                *(disk.avg_response_ms, disk.active_time_percent),
            ]
            for name, disk in sample.disks.items()
            if disk is not None
        },
        "up": [uptime.server_uptime_seconds, uptime.system_uptime_seconds],
    }
    return json.dumps(content, separators=(",", ":"))


def from_line(line: str) -> Sample | None:
    """Return the sample of ``to_line``; None where the text is nothing of the kind."""
    try:
        return _from_content(json.loads(line))
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def _from_content(content: dict[str, Any]) -> Sample:
    at, interval_s = datetime.fromtimestamp(content["at"], UTC), content["s"]
    usage_percent, frequency_mhz, temperature_celsius, core_count = content["cpu"]
    threads = tuple(content["threads"])
    download_mbps, upload_mbps, interface_type = content["net"]
    total, available = content["mem"]
    server_s, system_s = content["up"]
    return Sample(
        at=at,
        cpu=CpuSample(
            timestamp=at,
            usage_percent=usage_percent,
            frequency_mhz=frequency_mhz,
            temperature_celsius=temperature_celsius,
            core_count=core_count,
            thread_count=len(threads),
            thread_usages=threads,
            interval_s=interval_s,
        ),
        memory=memory_sample(at, total, available),
        network=NetworkSample(at, download_mbps, upload_mbps, interface_type, interval_s),
        disks={
            name: _disk(at, name, values, interval_s) for name, values in content["disks"].items()
        },
        uptime=uptime_sample(at, server_s, system_s),
    )


def _disk(at: datetime, name: str, values: list[Any], interval_s: float) -> DiskSample:
    read_mbps, write_mbps, read_iops, write_iops, avg_response_ms, active_time_percent = values
    return DiskSample(
        timestamp=at,
        disk_name=name,
        read_mbps=read_mbps,
        write_mbps=write_mbps,
        read_iops=read_iops,
        write_iops=write_iops,
        avg_response_ms=avg_response_ms,
        active_time_percent=active_time_percent,
        interval_s=interval_s,
    )
