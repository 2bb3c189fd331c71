"""Checks of this machine: each says fine, look at it or wrong, with one cure."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import checks as django_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from balupi_site.doctor import handshake, host, inbox, names, plugs, setup, stores
from balupi_site.doctor.known import Known, known_at
from balupi_site.doctor.tests.conftest import said
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.services import record
from balupi_site.lib import clock
from balupi_site.monitor import card, ring
from balupi_site.monitor.card import Counter
from balupi_site.monitor.meter import Meter
from balupi_site.monitor.throttling import of_word
from balupi_site.version import BUILD_DATE
from energy.models import PlugRole, PlugStatus
from energy.sample_buffer import SampleBuffer
from energy.tests.factories import make_plug, make_reading
from handshake.models import CallKind, InboxStatus, NasCall
from handshake.services import connecting
from nasctl.moments import present_moment
from nasctl.services.sightings import Notes, save_notes

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


REDIS = {
    "redis_version": "7.0.15",
    "used_memory": 2 * MIB,
    "maxmemory": 16 * MIB,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 0,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, ("ok", "7.0.15"), id="as it should be"),
        pytest.param({"used_memory": 15.9 * MIB}, ("fail", "full"), id="full"),
        pytest.param({"aof_enabled": 1}, ("warn", "appendonly"), id="writes a log"),
        pytest.param({"maxmemory_policy": "allkeys-lru"}, ("warn", "noeviction"), id="forgets"),
        pytest.param({"maxmemory": 0}, ("warn", "maxmemory 16mb"), id="without a limit"),
        pytest.param({"redis_version": "5.0.14"}, ("warn", "5.0.14"), id="old"),
    ],
)
def test_redis(
    changed: dict[str, Any], expected: tuple[str, str], known: Known, redis_server: Any
) -> None:
    level, words = said(stores.redis(Known(known.now, redis={**REDIS, **changed})))
    assert level == expected[0]
    assert expected[1] in words


def test_a_redis_that_saves_to_the_card_is_told(known: Known, redis_server: Any) -> None:
    redis_server.config_set("save", "3600 1")
    try:
        assert said(stores.redis(Known(known.now, redis=REDIS)))[0] == "warn"
    finally:
        redis_server.config_set("save", "")


def test_a_redis_whose_socket_is_not_for_us_needs_a_group(known: Known) -> None:
    away = Known(known.now, redis_error="Error 13 connecting to unix socket. Permission denied.")
    level, words = said(stores.redis(away))
    assert (level, "adduser balupi redis" in words) == ("fail", True)


@pytest.mark.django_db
def test_the_database_and_its_tables(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(stores.database(known))[0] == "ok"
    assert said(stores.migrations(known))[0] == "ok"
    steps = [(next(iter(MigrationExecutor(connection).loader.graph.nodes.values())), False)]
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: steps)
    level, words = said(stores.migrations(known))
    assert (level, "sudo balupi migrate" in words) == ("fail", True)


def test_the_file_of_the_database(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "balupi.sqlite3"
    monkeypatch.setattr(stores, "is_sqlite", lambda: True)
    monkeypatch.setattr("balupi_site.backup.sqlite.database_path", lambda: path)
    assert said(stores.integrity(known))[0] == "skipped"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (a TEXT)")
    database.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
    database.commit()
    database.close()
    assert said(stores.integrity(known))[0] == "ok"
    whole = path.read_bytes()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(stores, "_BUSY_S", 0.05)
        level, words = said(stores.integrity(known))
    assert (level, "backup" in words) == ("warn", False), "a lock is no damage"
    path.write_bytes(whole[:8192] + b"\xff" * 8192 + whole[16384:])
    assert said(stores.integrity(known))[0] == "fail"
    path.write_bytes(b"no database" * 1000)
    assert said(stores.integrity(known))[0] == "fail"


@pytest.mark.django_db
def test_the_worker_and_the_regular_tasks(
    redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    just_started = replace(known_at(now), redis={"uptime_in_seconds": 5})
    assert said(stores.worker(just_started))[0] == "fail"
    assert said(stores.beat(just_started))[0] == "skipped"
    for_long = replace(just_started, redis={"uptime_in_seconds": 3600})
    assert said(stores.beat(for_long))[0] == "fail"
    moment = present_moment()
    save_notes(Notes(boot_id=moment.boot_id, saved_s=moment.uptime_s - 500, moved="", moved_s=0))
    assert "8 min" in said(stores.worker(known_at(now)))[1].replace("\xa0", " ")
    save_notes(Notes(boot_id=moment.boot_id, saved_s=moment.uptime_s - 2, moved="", moved_s=0))
    assert said(stores.worker(known_at(now)))[0] == "ok"
    ring.keep(Meter().sample(now))
    assert said(stores.beat(known_at(now)))[0] == "ok"

    every, _made = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    task = PeriodicTask.objects.create(
        name="reconcile the names", task="x", interval=every, enabled=False
    )
    assert "reconcile the names" in said(stores.beat(known_at(now)))[1]
    PeriodicTask.objects.filter(pk=task.pk).update(
        enabled=True, last_run_at=now - timedelta(hours=2)
    )
    monkeypatch.setattr("balupi_site.periodic.uptime_s", lambda: 9 * 3600.0)
    level, words = said(stores.beat(known_at(now)))
    assert (level, "overdue" in words) == ("warn", True)


@pytest.mark.django_db
def test_the_tapo_account(known: Known, settings: Any) -> None:
    settings.TAPO_USERNAME = settings.TAPO_PASSWORD = ""
    assert said(plugs.login(known))[0] == "warn"
    settings.TAPO_USERNAME = "owner@example.com"
    level, words = said(plugs.login(known))
    assert (level, "BALUPI_TAPO_PASSWORD" in words) == ("fail", True)
    settings.TAPO_PASSWORD = "correct horse"
    assert said(plugs.login(known))[0] == "ok"
    make_plug(name="Freezer", status=PlugStatus.LOGIN_REFUSED)
    level, words = said(plugs.login(known))
    assert (level, "Freezer" in words, "correct horse" in words) == ("fail", True, False)


@pytest.mark.django_db
def test_each_plug_says_when_it_was_read_and_what_hinders_it(
    known: Known, settings: Any, redis_server: Any
) -> None:
    settings.TAPO_USERNAME = "owner@example.com"
    assert [said(each)[0] for each in plugs.plugs(known)] == ["warn"]
    make_plug(101, name="A read one", role=PlugRole.NAS, status=PlugStatus.OK)
    make_plug(102, name="B never read")
    message = "No answer from 127.0.0.103. Plug it in."
    make_plug(103, name="C away", status=PlugStatus.UNREACHABLE, status_message=message)
    SampleBuffer().put(make_reading(101, at=known.now - timedelta(seconds=5)), is_sample=False)
    found = {each.title: each for each in plugs.plugs(known)}
    assert [each.level.value for each in found.values()] == ["ok", "fail", "fail"]
    assert (found["C away"].found, found["C away"].cure) == (
        "No answer from 127.0.0.103.",
        "Plug it in.",
    )
    later = Known(known.now + timedelta(hours=1))
    assert plugs.plugs(later)[0].level.value == "fail"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param("", "fail", id="none"),
        pytest.param("k3yThatIsShort", "fail", id="short"),
        pytest.param("please-change-me-to-your-own-0123456789", "fail", id="an example"),
        pytest.param("ab" * 20, "warn", id="monotonous"),
        pytest.param("Zq8vN2xLr5TwK9sHd3MfJ7cYb1GpXa4uRe6o", "ok", id="random"),
    ],
)
def test_the_shared_secret_is_judged_and_never_told(
    secret: str, expected: str, known: Known, settings: Any
) -> None:
    settings.HANDSHAKE_SECRET = secret
    level, words = said(handshake.secret(known))
    assert level == expected
    assert not secret or secret not in words


@pytest.mark.django_db
def test_the_nas_s_calls(known: Known) -> None:
    assert said(handshake.calls(known))[0] == "warn"
    call = NasCall.objects.create(
        kind=CallKind.COMING_ONLINE,
        received_at=known.now - timedelta(hours=2),
        signed_at=known.now - timedelta(hours=2, seconds=-2),
        client="10.0.0.5",
        signature="a" * 64,
    )
    assert said(handshake.calls(known))[0] == "ok"
    NasCall.objects.filter(pk=call.pk).update(signed_at=call.received_at + timedelta(seconds=50))
    assert "time service" in said(handshake.calls(known))[1]
    refused_at = known.now - timedelta(minutes=5)
    record(Kind.NAS_CALL_REFUSED, refused_at, is_trouble=True, flaw="wrong_signature")
    level, words = said(handshake.calls(known))
    assert (level, "BALUPI_HANDSHAKE_SECRET" in words) == ("fail", True)
    Event.objects.update(address="10.0.0.99")
    assert said(handshake.calls(known))[0] == "warn", "anybody in the house can send one"


@pytest.mark.django_db
def test_the_inbox_on_this_pi(known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: False)
    for look in (inbox.state, inbox.disk, inbox.key, inbox.way):
        assert said(look(known))[0] == "skipped"
    settings.NAS_SSH_KEY.parent.mkdir()
    settings.NAS_SSH_KEY.touch(mode=0o600)
    assert said(inbox.disk(known))[0] == "fail"  # not mounted
    connecting.make_inbox()
    assert said(inbox.disk(known))[0] == "ok"
    monkeypatch.setattr(connecting, "is_on_system_disk", lambda _folder: True)
    assert said(inbox.disk(known))[0] == "warn"
    assert "host key" in said(inbox.key(known))[1]
    settings.NAS_SSH_KNOWN_HOSTS.touch()
    assert said(inbox.key(known))[0] == "ok"
    settings.NAS_SSH_KEY.chmod(0o644)
    assert "chmod 600" in said(inbox.key(known))[1]
    assert said(inbox.state(known))[0] == "ok"
    InboxStatus.objects.create(pk=1, trouble="nas_full")
    assert "Make room on it" in said(inbox.state(known))[1]


def test_the_address_of_this_pi(known: Known, settings: Any) -> None:
    assert said(names.pi_address(known))[0] == "ok"
    settings.PI_IP = "192.0.2.99"
    assert "BALUPI_PI_IP" in said(names.pi_address(known))[1]
    settings.PI_IP = ""
    assert said(names.pi_address(known))[0] == "fail"


def test_permissions_fail_in_a_real_home_and_warn_in_a_trial(
    known: Known, settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "balupi.env"
    settings.ENV_FILE, settings.SECRET_FILES = file, ()
    assert said(setup.env_file(known))[0] == "ok"
    file.touch()
    for mode, trial, real in (
        (0o640, "ok", "ok"),
        (0o644, "warn", "fail"),
        (0o660, "warn", "fail"),
    ):
        file.chmod(mode)
        settings.IS_PROD = False
        assert said(setup.env_file(known))[0] == trial
        settings.IS_PROD = True
        assert said(setup.env_file(known))[0] == real
    settings.DATA_DIR.chmod(0o750)
    assert said(setup.data_dir(known))[0] == "ok"
    settings.DATA_DIR.chmod(0o755)
    assert "chmod o=,g-w" in said(setup.data_dir(known))[1]
    settings.DATA_DIR.chmod(0o770)
    assert said(setup.data_dir(known))[0] == "warn"
    assert said(setup.secrets(known))[0] == "ok"
    settings.SECRET_FILES = (file,)
    assert said(setup.secrets(known))[0] == "fail"


def test_mode_user_and_hosts(known: Known, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.IS_PROD, settings.DEBUG = True, False
    assert said(setup.mode(known))[0] == "ok"
    settings.DEBUG = True
    assert said(setup.mode(known))[0] == "warn"
    settings.DEBUG = settings.IS_PROD = False
    assert said(setup.mode(known))[0] == "warn"
    for uid, process, level in ((1000, "web", "ok"), (0, "web", "fail"), (0, "command", "warn")):
        settings.IS_PROD, settings.PROCESS = True, process
        monkeypatch.setattr(os, "geteuid", lambda found=uid: found)
        assert said(setup.user(known))[0] == level
    assert said(setup.hosts(known))[0] == "ok"
    settings.ALLOWED_HOSTS = ["*"]
    assert said(setup.hosts(known))[0] == "fail"


def test_django_s_own_checks(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[django_checks.CheckMessage] = []
    monkeypatch.setattr(django_checks, "run_checks", lambda **_options: found)
    assert said(setup.django(known))[0] == "ok"
    found.append(django_checks.Warning("Half an account.", hint="Set it.", id="energy.W001"))
    assert said(setup.django(known)) == ("warn", "Half an account. (energy.W001) | Set it.")
    found.append(django_checks.Error("No key.", id="security.E999"))
    assert said(setup.django(known))[0] == "fail"


def test_what_belongs_to_a_release(
    known: Known, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    assert said(setup.static_files(known))[0] == "fail"
    settings.STATIC_ROOT.mkdir()
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    built = dict(setup._built())
    manifest.write_text(json.dumps({"paths": {name: f"x{part}x" for name, part in built.items()}}))
    assert said(setup.static_files(known))[0] == "ok"
    built["balupi/day.js"] = ".ofanolderday."
    manifest.write_text(json.dumps({"paths": {name: f"x{part}x" for name, part in built.items()}}))
    level, words = said(setup.static_files(known))
    assert (level, "balupi/day.js" in words) == ("fail", True)

    place = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    place.mkdir(parents=True)
    settings.BASE_DIR, settings.LOCALE_PATHS = tmp_path, [tmp_path / "locale"]
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    (place / "django.po").touch()
    assert "compilemessages" in said(setup.languages(known))[1]
    (place / "django.mo").touch()
    assert said(setup.languages(known)) == ("ok", "English, Français | ")


def test_the_page_that_the_nas_built(known: Known, settings: Any) -> None:
    assert said(setup.frontend_page(known))[0] == "ok"
    root = settings.FRONTEND_DIR
    (root / "assets").mkdir(parents=True)
    page = '<script src="/assets/a.js"></script><link href="https://example.org/x.css">'
    (root / "index.html").write_text(page)
    assert "assets/a.js" in said(setup.frontend_page(known))[1]
    (root / "assets" / "a.js").touch()
    assert said(setup.frontend_page(known))[0] == "ok"
    (root / "index.html").write_text("")
    assert said(setup.frontend_page(known))[0] == "fail"
