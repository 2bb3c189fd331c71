"""What psutil says of this and of stranger machines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from balupi_site.monitor import kernel


def test_this_machine_says_what_every_machine_does() -> None:
    seen = kernel.look()
    assert seen.memory_total > seen.memory_available > 0
    assert all(core.total_s >= core.busy_s > 0 for core in seen.cores)
    assert seen.system_uptime_s > 0
    assert "lo" not in seen.interfaces


@pytest.mark.parametrize("error", [NotImplementedError, FileNotFoundError])
def test_a_kernel_without_a_frequency_is_no_error(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr("psutil.cpu_freq", refuse)
    assert kernel.look().frequency_mhz is None


@pytest.mark.parametrize(
    ("sensors", "expected"),
    [
        pytest.param({"cpu_thermal": [SimpleNamespace(current=48.312)]}, 48.3, id="a Pi"),
        pytest.param({"nvme": [SimpleNamespace(current=60.0)]}, None, id="another sensor"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_temperature_is_the_processors(
    monkeypatch: pytest.MonkeyPatch, sensors: Any, expected: float | None
) -> None:
    monkeypatch.setattr("psutil.sensors_temperatures", lambda: sensors)
    assert kernel.look().temperature_c == expected


def test_without_disks_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.disk_io_counters", lambda **_how: None)
    assert kernel.look().disks == {}


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        pytest.param(["eth0", "wlan0"], {"eth0": False, "wlan0": True}, id="a Pi"),
        pytest.param([], {"eth0": False, "wlan0": True, "docker0": False}, id="a container"),
    ],
)
def test_only_interfaces_with_hardware_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, real: list[str], expected: dict[str, bool]
) -> None:
    for name in real:
        (tmp_path / name / "device").mkdir(parents=True)
    (tmp_path / "wlan0" / "phy80211").mkdir(parents=True)
    monkeypatch.setattr(kernel, "_NET", tmp_path)
    names = ("lo", "eth0", "wlan0", "docker0")
    counts = {name: SimpleNamespace(bytes_recv=1, bytes_sent=2) for name in names}
    monkeypatch.setattr("psutil.net_io_counters", lambda **_how: counts)
    assert {name: it.is_wifi for name, it in kernel.look().interfaces.items()} == expected
