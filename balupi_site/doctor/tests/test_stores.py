"""Checks of Redis, database, worker and regular tasks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from balupi_site.doctor import stores
from balupi_site.doctor.known import Known, known_at
from balupi_site.doctor.tests.conftest import said
from balupi_site.monitor import ring
from balupi_site.monitor.meter import Meter
from nasctl.moments import present_moment
from nasctl.services.sightings import Notes, save_notes

MIB = 1024 * 1024

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
