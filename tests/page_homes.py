"""Homes for the pages to show: a full one, one that wakes up, an empty, a stale and a failing one.

Each is put into the database by models and services; what the worker tells all the time is in
``page_worker.py``.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from dataclasses import dataclass, replace
from unittest import mock

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from balupi_site.celery import app
from balupi_site.events.kinds import Kind
from balupi_site.events.models import Event
from balupi_site.events.services import BALUPI, record
from balupi_site.lib.kept import unpacked
from energy.models import Anomaly, PlugStatus, PowerSample, SmartPlug
from energy.plug_pool import credentials_digest
from energy.tapo import LOGIN_HINT
from handshake.inbox import path_key
from handshake.models import AskedBy, FileStatus, InboxFile, InboxRun, InboxStatus, Snapshot
from handshake.problems import InboxError, Trouble
from nasctl.evidence import Stage
from nasctl.models import NasStatus, StateChange, Wake, WakeResult
from nasctl.moments import moment_at
from nasctl.reasons import WAKE_FAILURES
from nasctl.state import NasState, Reason
from pihole.models import NameStatus, NameSwitch
from simhome.config import HomeConfig
from simhome.free_addresses import HomePorts
from simhome.history import history
from simhome.nas_snapshot import shutdown_snapshot
from simhome.nas_stages import NasState as SimulatedState
from simhome.new_home import new_config
from tests.page_site import OWNER, PASSWORD

_MINUTE = dt.timedelta(minutes=1)
_MIB, _GIB = 1024**2, 1024**3
#: Nobody listens there: the home's past is told, not lived.
_PORTS = HomePorts(**{name: 8101 + n for n, name in enumerate(HomePorts.__dataclass_fields__)})
#: A wake that failed did so just now, and is still shown.
_FAILED_S = 90


@dataclass(frozen=True)
class Home:
    """A home as it is told to be.

    Attributes:
        nas: where the NAS stands.
        is_fresh: the worker lives; otherwise nobody has looked for two hours.
        is_failing: everything that can be wrong is.
        days: of history; 0: a fresh install.
    """

    nas: NasState = NasState.OFFLINE
    is_fresh: bool = True
    is_failing: bool = False
    days: int = 16

    def seen_at(self, now: dt.datetime) -> dt.datetime:
        """Return when somebody looked last."""
        return now if self.is_fresh else now - 120 * _MINUTE

    def seed(self, now: dt.datetime) -> None:
        """Put everything into the database."""
        User.objects.create_superuser(OWNER, "", PASSWORD)
        if not self.days:
            return
        seen_at = self.seen_at(now)
        _load_past(self, seen_at)
        _stand(self, seen_at)
        _tell_names(self, seen_at)
        _fill_inbox(self, seen_at)
        _tell_snapshot(self, seen_at - 40 * _MINUTE)
        if self.is_failing:
            _break_plugs(now)
        _tell_of_logins(now)
        _tell_tasks(seen_at)


HOMES = {
    "full": Home(),
    "woken": Home(),  # by a test
    "awake": Home(nas=NasState.ONLINE),
    "waking": Home(nas=NasState.BOOTING),
    "empty": Home(is_fresh=False, days=0),
    "stale": Home(is_fresh=False),
    "failing": Home(is_failing=True),
    "year": Home(days=365),
}


def home_config(*, is_awake: bool) -> HomeConfig:
    """Return the household whose past is told; the same plugs each time."""
    made = new_config("127.66.0", _PORTS)
    plugs = tuple(
        replace(plug, device_id=f"{number:040X}", mac=f"02:00:5e:00:00:{number:02x}")
        for number, plug in enumerate(made.plugs, 101)
    )
    start = SimulatedState.RUNNING if is_awake else SimulatedState.OFF
    return replace(made, plugs=plugs, nas_start_state=start)


def _load_past(home: Home, until: dt.datetime) -> None:
    config = home_config(is_awake=home.nas is NasState.ONLINE)
    lines = history(config, days=home.days, until=until, seed=1)
    text = "\n".join(json.dumps(line, default=str) for line in lines)
    with mock.patch.object(sys, "stdin", io.StringIO(text)):
        call_command("load_history", stdout=io.StringIO())


def _stand(home: Home, now: dt.datetime) -> None:
    """Let the NAS stand where it shall; asleep or awake is what the past ends with."""
    status = NasStatus.objects.get(pk=1)
    if home.nas is NasState.BOOTING:
        _move(status, NasState.BOOTING, Reason.WAKE, now)
        status.wake = _wake(now, power_seen_at=now)
    elif home.is_failing:
        failed_at = now - _MINUTE
        _move(status, NasState.OFFLINE, Reason.BOOT_FAILED, failed_at)
        _wake(
            failed_at - dt.timedelta(seconds=_FAILED_S),
            power_seen_at=failed_at - dt.timedelta(seconds=_FAILED_S - 4),
            finished_at=failed_at,
            result=WakeResult.FAILED,
            failed_stage=Stage.PORT_ANSWERED.value,
            message=WAKE_FAILURES[Stage.PORT_ANSWERED],
        )
    status.save()


def _move(status: NasStatus, to: NasState, reason: Reason, at: dt.datetime) -> None:
    moment = moment_at(at)
    StateChange.objects.create(from_state=status.state, to_state=to, reason=reason, at=at)
    status.state, status.reason, status.since, status.moved_at = to, reason, at, at
    status.uptime_s, status.boot_id, status.probed = moment.uptime_s, moment.boot_id, False
    status.version += 1


def _wake(at: dt.datetime, **fields: object) -> Wake:
    moment = moment_at(at)
    values = {
        "requested_by": OWNER,
        "requested_from": "page",
        "requested_at": at,
        "uptime_s": moment.uptime_s,
        "boot_id": moment.boot_id,
        "previous_state": NasState.OFFLINE,
        "deadline_at": at + dt.timedelta(seconds=90),
        "packet_sent_at": at,
    }
    return Wake.objects.create(**{**values, **fields})


def _tell_names(home: Home, now: dt.datetime) -> None:
    target = "nas" if home.nas is NasState.ONLINE else "pi"
    last = NameSwitch.objects.filter(target=target).first()
    at = last.at if last else now
    NameStatus.objects.create(pk=1, wanted=target, reason="the NAS's state", changed_at=at)
    for switch in NameSwitch.objects.filter(at__gte=now - 2 * 24 * 60 * _MINUTE):
        record(
            Kind.NAMES_SWITCHED,
            switch.at,
            subject="baluhost.local",
            by=BALUPI,
            duration_s=0.4,
            target=switch.target,
            address=switch.address,
            is_foreign=False,
        )


def _fill_inbox(home: Home, now: dt.datetime) -> None:
    waiting = {
        "Videos/Garden in autumn, second take, uncut.mp4": 2.3 * _GIB,
        "Pictures/2026/IMG_0412.HEIC": 8.2 * _MIB,
        **{f"Pictures/2026/IMG_0{number}.HEIC": 4.0 * _MIB for number in range(413, 425)},
    }
    for number, (name, size_bytes) in enumerate(waiting.items()):
        _file(name, size_bytes, now - number * _MINUTE)
    for number, name in enumerate(("Scans/Tax 2025.pdf", "Music/Evening.flac", "Notes/List.txt")):
        at = now - (190 + number) * _MINUTE
        _file(name, 3.1 * _MIB, at, status=FileStatus.DONE, finished_at=at)
    moved_at = now - 190 * _MINUTE
    InboxRun.objects.create(
        asked_by=AskedBy.ARRIVAL,
        started_at=moved_at - _MINUTE,
        finished_at=moved_at,
        files_moved=12,
        bytes_moved=round(61 * _MIB),
    )
    record(Kind.INBOX_MOVED, moved_at, by=BALUPI, duration_s=58.0, files=12, bytes=61 * _MIB)
    status = InboxStatus(
        pk=1,
        scanned_at=now,
        disk_mark="1",
        files=len(waiting),
        bytes=round(sum(waiting.values())),
        left_lying=2,
    )
    if home.is_failing:
        _block_inbox(status, now)
    status.save()


def _block_inbox(status: InboxStatus, now: dt.datetime) -> None:
    status.trouble = Trouble.KEY_REFUSED
    status.trouble_since, status.failures = now - 50 * _MINUTE, 9
    status.next_try_at = now + 5 * _MINUTE
    why = "The NAS refuses the name of this file: Filename too long."
    name = "Pictures/" + "A holiday by the sea with everybody, " * 5 + "last day.jpg"
    _file(name, 5 * _MIB, now, status=FileStatus.FAILED, attempts=3, message=why)
    status.files += 1
    record(
        Kind.INBOX_HELD_UP,
        now - 50 * _MINUTE,
        is_trouble=True,
        by=BALUPI,
        trouble=Trouble.KEY_REFUSED.value,
        why=unpacked(InboxError(Trouble.KEY_REFUSED).kept),
    )


def _file(name: str, size_bytes: float, at: dt.datetime, **fields: object) -> None:
    ns = round(at.timestamp() * 1e9)
    values = {
        "key": path_key(name.encode()),
        "name": name,
        "size_bytes": round(size_bytes),
        "mtime_ns": ns,
        "ctime_ns": ns,
        "inode": ns % 10**6,
        "noticed_at": at,
        "uptime_s": 0.0,
    }
    InboxFile.objects.create(**{**values, **fields})


def _tell_snapshot(home: Home, at: dt.datetime) -> None:
    told = shutdown_snapshot(now=at, hostname="balunas", uptime_seconds=20000, users=())
    if home.is_failing:
        storage = told["storage"]
        assert isinstance(storage, dict)
        storage["arrays"][0]["state"] = "degraded"
        storage["used_bytes"] = round(storage["total_bytes"] * 0.98)
        told["smart_health"] = {
            "/dev/sda": {"status": "FAILED", "temperature_c": 53, "power_on_hours": 41200},
            "/dev/sdb": {"status": "PASSED", "temperature_c": 52, "power_on_hours": 41200},
        }
        backups = {"last_backup": (at - 5 * 24 * 60 * _MINUTE).isoformat(), "status": "failed"}
        told["services"] = {"backups": backups}
    Snapshot.objects.create(received_at=at, content=json.dumps(told))


def _break_plugs(now: dt.datetime) -> None:
    plug, since = SmartPlug.objects.get(name="Monitor"), now - 130 * _MINUTE
    plug.status, plug.status_message = PlugStatus.LOGIN_REFUSED, LOGIN_HINT
    plug.status_since, plug.refused_credentials = since, credentials_digest()
    plug.save()
    PowerSample.objects.filter(plug=plug, at__gt=since).delete()
    freezer = SmartPlug.objects.get(name="Freezer")
    began_at = now - 95 * _MINUTE
    facts = {"mean_w": 148.0, "usual_max_w": 92.0, "mean_hours": 1}
    Anomaly.objects.create(plug=freezer, kind="unusual_power", began_at=began_at, facts=facts)
    Anomaly.objects.create(
        plug=plug,
        kind="plug_lost",
        began_at=since,
        facts={"status": plug.status, "status_message": LOGIN_HINT},
    )


def _tell_of_logins(now: dt.datetime) -> None:
    at = now - 75 * _MINUTE
    Event.objects.create(at=at, kind=Kind.LOGIN, subject=OWNER, who=OWNER, via="page")
    Event.objects.create(
        at=at - _MINUTE, kind=Kind.LOGIN_REFUSED, subject="family", is_trouble=True, via="page"
    )


def _tell_tasks(seen_at: dt.datetime) -> None:
    """Note the periodic tasks and their last runs, as beat does."""
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        ModelEntry.from_entry(name, app=app, **entry)
    PeriodicTask.objects.update(last_run_at=seen_at - 5 * _MINUTE, total_run_count=120)
