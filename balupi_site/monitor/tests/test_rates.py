"""From two looks at the kernel's counters to what went on between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from balupi_site.monitor.meter import Meter
from balupi_site.monitor.rates import (
    CoreTimes,
    DiskCounts,
    InterfaceBytes,
    Look,
    is_disk,
    sample_between,
)
from balupi_site.monitor.samples import DiskSample, Sample, from_line, to_line
from balupi_site.monitor.tests.looks import IDLE, look

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_cpu_use_is_the_mean_of_all_cores_since_the_last_look() -> None:
    cores = (CoreTimes(17.5, 110.0), CoreTimes(10.0, 110.0))
    cpu = sample_between(IDLE, look(cores=cores), NOW).cpu
    assert (cpu.usage_percent, cpu.thread_usages) == (37.5, (75.0, 0.0))
    assert (cpu.thread_count, cpu.core_count, cpu.interval_s) == (2, 2, 10.0)
    assert (cpu.frequency_mhz, cpu.temperature_celsius) == (1400.0, 51.5)


def test_used_and_available_memory_are_the_total() -> None:
    memory = sample_between(IDLE, look(), NOW).memory
    assert memory.used_bytes + memory.available_bytes == memory.total_bytes
    assert memory.percent == 60.0


def test_the_network_is_in_megabits_over_all_interfaces() -> None:
    before = look(
        at_s=IDLE.at_s,
        interfaces={"eth0": InterfaceBytes(0, 0, False), "wlan0": InterfaceBytes(0, 0, True)},
    )
    after = look(
        interfaces={
            "eth0": InterfaceBytes(2_000_000, 500_000, False),
            "wlan0": InterfaceBytes(500_000, 0, True),
        }
    )
    network = sample_between(before, after, NOW).network
    assert (network.download_mbps, network.upload_mbps) == (2.0, 0.4)
    assert network.interface_type == "ethernet"


@pytest.mark.parametrize(
    ("interfaces", "kind"),
    [
        pytest.param({}, "unknown", id="none"),
        pytest.param({"wlan0": InterfaceBytes(9, 9, True)}, "wifi", id="radio"),
        pytest.param(
            {"eth0": InterfaceBytes(0, 0, False), "wlan0": InterfaceBytes(9, 9, True)},
            "wifi",
            id="a cable that is not plugged in",
        ),
    ],
)
def test_the_interface_type_is_that_of_the_busiest(
    interfaces: dict[str, InterfaceBytes], kind: str
) -> None:
    assert sample_between(IDLE, look(interfaces=interfaces), NOW).network.interface_type == kind


def test_a_disk_is_in_mebibytes_operations_and_time() -> None:
    busy = DiskCounts(110, 60, 10_000 + 20 * 2**20, 10_000 + 5 * 2**20, 950, 2_550)
    disk = sample_between(IDLE, look(disks={"mmcblk0": busy}), NOW).disks["mmcblk0"]
    assert disk == DiskSample(
        timestamp=NOW,
        disk_name="mmcblk0",
        read_mbps=2.0,
        write_mbps=0.5,
        read_iops=10.0,
        write_iops=5.0,
        avg_response_ms=6.0,
        active_time_percent=25.0,
        interval_s=10.0,
    )


def test_a_disk_that_did_nothing_has_no_response_time() -> None:
    disk = sample_between(IDLE, look(), NOW).disks["mmcblk0"]
    assert disk is not None
    assert (disk.read_iops, disk.avg_response_ms) == (0, None)


def test_a_disk_that_was_just_plugged_in_has_no_rates_yet() -> None:
    disks = sample_between(IDLE, look(disks={"sda": DiskCounts(9, 9, 9, 9, 9, 9)}), NOW).disks
    assert disks == {"sda": None}


@pytest.mark.parametrize("gap_s", [pytest.param(10.0, id="later"), pytest.param(0.0, id="at once")])
def test_counters_that_wrap_or_begin_anew_give_no_negative_rate(gap_s: float) -> None:
    reset = look(
        at_s=IDLE.at_s + gap_s,
        cores=(CoreTimes(0.0, 0.0), CoreTimes(0.0, 0.0)),
        interfaces={"eth0": InterfaceBytes(1, 1, False)},
        disks={"mmcblk0": DiskCounts(0, 0, 0, 0, 0, 0)},
    )
    sample = sample_between(IDLE, reset, NOW)
    disk = sample.disks["mmcblk0"]
    assert disk is not None
    assert (sample.cpu.usage_percent, sample.cpu.thread_usages) == (0, (0, 0))
    assert (sample.network.download_mbps, sample.network.upload_mbps) == (0, 0)
    assert (disk.read_mbps, disk.write_mbps, disk.read_iops, disk.write_iops) == (0, 0, 0, 0)
    assert disk.active_time_percent == 0


def test_the_starts_are_the_uptimes_ago() -> None:
    uptime = sample_between(IDLE, look(server_uptime_s=60, system_uptime_s=7200), NOW).uptime
    assert uptime.server_start_time == NOW - timedelta(minutes=1)
    assert uptime.system_boot_time == NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("mmcblk0", "sda", "sdaa", "nvme0n1", "vda")),
        *((name, False) for name in ("mmcblk0p1", "mmcblk0boot0", "sda1", "nvme0n1p2", "vda1")),
        *((name, False) for name in ("loop0", "ram0", "zram0", "md0", "dm-0", "sr0", "")),
    ],
)
def test_only_whole_disks_count(name: str, expected: bool) -> None:
    assert is_disk(name) is expected


def test_a_sample_survives_being_kept() -> None:
    sample = sample_between(IDLE, look(frequency_mhz=None, temperature_c=None), NOW)
    assert from_line(to_line(sample)) == sample


def test_an_hour_on_a_pi_is_a_fraction_of_redis() -> None:
    four = tuple(CoreTimes(core + 3.33, 110.0) for core in range(4))
    disks = {name: DiskCounts(999, 999, 10**12, 10**12, 9999, 9999) for name in ("mmcblk0", "sda")}
    before = look(at_s=IDLE.at_s, cores=four, disks=disks, core_count=4)
    assert len(to_line(sample_between(before, look(cores=four, disks=disks), NOW))) < 400


@pytest.mark.parametrize("line", ["", "{}", "[]", "nonsense", '{"at": "x"}', "null", "1e999"])
def test_what_is_no_sample_is_none(line: str) -> None:
    assert from_line(line) is None


def test_looks_close_together_share_one_sample() -> None:
    looks = [IDLE, look(memory_available=1), look(at_s=IDLE.at_s + 20, memory_available=2)]
    clock = [IDLE.at_s + 10, IDLE.at_s + 10.5, IDLE.at_s + 20]

    def next_look() -> Look:
        return looks.pop(0)

    meter = Meter(look=next_look, monotonic=lambda: clock.pop(0))
    seen = [meter.sample(NOW).memory.available_bytes for _ in range(3)]
    assert seen == [1, 1, 2]


@pytest.mark.parametrize(
    ("kept_s_ago", "interval_s"),
    [
        pytest.param(20, 30.0, id="the worker's"),
        pytest.param(61, 86_400.0, id="too old"),
        pytest.param(-5, 86_400.0, id="of the future"),
        pytest.param(None, 86_400.0, id="none"),
    ],
)
def test_after_a_day_without_viewers_the_first_one_is_not_told_the_mean_of_the_day(
    kept_s_ago: float | None, interval_s: float
) -> None:
    looks = [IDLE, look(at_s=IDLE.at_s + 86_400, memory_available=7)]
    kept = None
    if kept_s_ago is not None:
        at = NOW - timedelta(seconds=kept_s_ago)
        kept = sample_between(IDLE, look(at_s=IDLE.at_s + 30, memory_available=3), at)
    asked: list[None] = []

    def newest() -> Sample | None:
        asked.append(None)
        return kept

    clock = IDLE.at_s + 86_400
    meter = Meter(look=lambda: looks.pop(0), monotonic=lambda: clock, kept=newest)
    first, second = meter.sample(NOW), meter.sample(NOW)
    assert first is second
    assert (first.cpu.interval_s, first.network.interval_s) == (interval_s, interval_s)
    assert first.memory.available_bytes == 7
    assert len(asked) == 1


def test_the_first_sample_does_not_wait_for_a_second_look() -> None:
    looks = [IDLE, look(at_s=IDLE.at_s)]
    sample = Meter(look=lambda: looks.pop(0), monotonic=lambda: IDLE.at_s).sample(NOW)
    assert (sample.cpu.usage_percent, sample.network.download_mbps) == (0, 0)
