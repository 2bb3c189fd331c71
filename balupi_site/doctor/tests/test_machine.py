"""Checks of this machine: clock, disks, card, power, memory."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from balupi_site.doctor import host
from balupi_site.doctor.known import Known
from balupi_site.doctor.tests.conftest import said
from balupi_site.lib import clock
from balupi_site.monitor import card
from balupi_site.monitor.card import Counter
from balupi_site.monitor.throttling import of_word
from balupi_site.version import BUILD_DATE

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("synchronised", "kernel", "service", "age", "expected"),
    [
        pytest.param(True, True, True, timedelta(), ("ok", "follows a time server"), id="set"),
        pytest.param(True, False, True, timedelta(), ("warn", "not checked lately"), id="set once"),
        pytest.param(False, False, True, timedelta(), ("fail", "UDP port 123"), id="not set yet"),
        pytest.param(False, False, False, timedelta(), ("warn", "systemd-timesyncd"), id="nobody"),
        pytest.param(
            False,
            False,
            False,
            timedelta(days=9000),
            ("fail", "before this release"),
            id="the past",
        ),
    ],
)
def test_the_clock(
    synchronised: bool,
    kernel: bool,
    service: bool,
    age: timedelta,
    expected: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "was_synchronised", lambda: synchronised)
    monkeypatch.setattr(clock, "kernel_is_synchronised", lambda: kernel)
    monkeypatch.setattr(clock, "time_service_runs", lambda: service)
    now = max(timezone.now(), BUILD_DATE + timedelta(days=1)) - age
    level, words = said(host.clock_is_set(Known(now)))
    assert level == expected[0]
    assert expected[1] in words


def test_the_pis_own_time_zone(
    known: Known, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    zones = Path("/usr/share/zoneinfo")
    for zone, level in (("Europe/Paris", "ok"), ("UTC", "ok"), ("Asia/Tokyo", "warn")):
        monkeypatch.setattr(host, "_LOCALTIME", zones / zone)
        assert said(host.time_zone(known))[0] == level
    monkeypatch.setattr(host, "_LOCALTIME", tmp_path / "nothing")
    assert said(host.time_zone(known))[0] == "ok"


@pytest.mark.parametrize(
    ("free_mib", "inodes", "level"),
    [
        pytest.param(5000, 0.5, "ok", id="room"),
        pytest.param(400, 0.5, "warn", id="little room"),
        pytest.param(100, 0.5, "fail", id="hardly any"),
        pytest.param(5000, 0.03, "warn", id="few inodes"),
        pytest.param(5000, 0.001, "fail", id="no inodes"),
    ],
)
def test_room_on_a_disk(
    free_mib: int, inodes: float, level: str, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SimpleNamespace(
        f_bavail=free_mib, f_frsize=MIB, f_blocks=8000, f_favail=inodes * 1000, f_files=1000
    )
    monkeypatch.setattr(os, "statvfs", lambda _folder: disk)
    mount = host.Mount("8:1", "/mnt/ssd", frozenset())
    monkeypatch.setattr(host, "mount_of", lambda _folder: mount)
    found, words = said(host.space(known))
    # What fills the system's card tells nothing of another disk.
    assert (found, "/mnt/ssd |" in words) == (level, level != "ok")


def test_the_card(
    known: Known, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = settings.DATA_DIR.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    mounts, devices, ext4 = tmp_path / "mountinfo", tmp_path / "block", tmp_path / "ext4"
    for name, path in (("_MOUNTS", mounts), ("_DEVICES", devices), ("_EXT4", ext4)):
        monkeypatch.setattr(host, name, path)
    assert said(host.card(known))[0] == "skipped"

    def mounted(options: str, of_system: str = "rw") -> tuple[str, str]:
        mounts.write_text(f"36 35 {device} / / {options} shared:1 - ext4 /dev/root {of_system}\n")
        return said(host.card(known))

    assert mounted("rw,noatime")[0] == mounted("rw,relatime")[0] == "ok"
    assert mounted("rw")[0] == "warn"
    assert mounted("rw,noatime", "ro")[0] == "fail"
    (ext4 / device).mkdir(parents=True)
    (ext4 / device / "errors_count").write_text("3\n")
    assert "3 errors" in mounted("rw,noatime")[1]


def test_writing_and_power(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    for megabytes, hours, level in ((60, 48, "ok"), (9000, 48, "warn"), (60, 5, "skipped")):
        boot_at = known.now - timedelta(hours=hours)
        counter = Counter("mmcblk0", megabytes * 1_000_000, boot_at)
        monkeypatch.setattr(card, "counter", lambda *_, found=counter: found)
        assert said(host.card_wear(known))[0] == level
    ssd = Counter("sda", 9_000_000_000, known.now - timedelta(hours=48))
    monkeypatch.setattr(card, "counter", lambda *_: ssd)
    assert said(host.card_wear(known))[0] == "ok"
    for word, level in (
        (0, "ok"),
        (0x1, "fail"),
        (0x10000, "warn"),
        (0x4, "warn"),
        (None, "skipped"),
    ):
        seen = None if word is None else of_word(word)
        monkeypatch.setattr(host, "throttling", lambda found=seen: found)
        assert said(host.power(known))[0] == level


@pytest.mark.parametrize(
    ("controllers", "level"),
    [
        pytest.param("cpuset cpu io memory pids\n", "ok", id="limited"),
        pytest.param("cpuset cpu io pids\n", "warn", id="turned off by the firmware"),
        pytest.param(None, "skipped", id="an older kind of limits"),
    ],
)
def test_limits_of_memory(
    controllers: str | None,
    level: str,
    known: Known,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "cgroup.controllers"
    monkeypatch.setattr(host, "_CONTROLLERS", file)
    monkeypatch.setattr(host, "_SYSTEMD", tmp_path / "no")
    assert said(host.memory_limits(known))[0] == "skipped"
    monkeypatch.setattr(host, "_SYSTEMD", tmp_path)
    if controllers is not None:
        file.write_text(controllers)
    found, words = said(host.memory_limits(known))
    assert found == level
    assert ("cgroup_enable=memory" in words) == (level == "warn")
