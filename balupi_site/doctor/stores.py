"""Checks of what BaluPi keeps things in, and of the worker that does the work."""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import formats
from django.utils.translation import gettext as _
from django_celery_beat.models import PeriodicTask

from balupi_site.backup import sqlite
from balupi_site.backup.making import is_sqlite
from balupi_site.doctor.findings import Verdict, fail, ok, skipped, warn
from balupi_site.doctor.host import room_on
from balupi_site.doctor.known import Known
from balupi_site.lib.redis import RedisError, client
from balupi_site.lib.words import ago, shown_size
from balupi_site.monitor import ring
from balupi_site.periodic import outlook_of, shown_name

_MIB = 1024 * 1024
#: Debian 12 has 7.0; commands that we and Celery use are all in 6.
_OLDEST_REDIS = 6
_FULL = 0.9
#: A sample comes every 30 s; three of them late, and nobody works.
_WORKER_S = 100
_SHOWN = 3
#: What SQLite says of a file that cannot be read or written at all; anything else is not damage.
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})
#: Less than what the thread is waited for.
INTEGRITY_S = 12.0
_BUSY_S = 5.0


def redis(known: Known) -> Verdict:
    """Tell whether Redis is there, has room, and does not wear out the card."""
    if known.redis is None:
        return _no_redis(known.redis_error)
    said = known.redis
    used, most = int(said.get("used_memory", 0)), int(said.get("maxmemory", 0))
    facts = {
        "version": said.get("redis_version", "?"),
        "used": formats.number_format(used / _MIB, decimal_pos=1),
        "most": f"{most / _MIB:.0f}",
        "policy": said.get("maxmemory_policy", "?"),
    }
    if most and used > _FULL * most:
        return fail(
            _("Redis is full: %(used)s of %(most)s MiB.") % facts,
            _("Raise maxmemory in /etc/redis/redis.conf and restart Redis."),
        )
    if flaw := _redis_flaw(said, facts):
        return flaw
    text = _("Redis %(version)s answers and uses %(used)s MiB; it keeps nothing on the card.")
    return ok(text % facts)


def _no_redis(error: str) -> Verdict:
    """Tell why Redis is away; a socket of Debian's is for the group redis only."""
    cure = _("Start it, 'sudo systemctl start balupi-redis', or correct BALUPI_REDIS_URL.")
    if "Permission denied" in error:
        cure = _(
            "Let BaluPi's user in: 'sudo adduser balupi redis', 'unixsocketperm 770' in "
            "/etc/redis/redis.conf; then restart Redis and BaluPi."
        )
    return fail(_("Redis does not answer: %(error)s") % {"error": error}, cure)


def _redis_flaw(said: dict[str, Any], facts: dict[str, str]) -> Verdict | None:
    if said.get("aof_enabled") or _saves():
        return warn(
            _("Redis writes its memory to the card again and again, which BaluPi does not need."),
            _("Put 'save \"\"' and 'appendonly no' into /etc/redis/redis.conf and restart Redis."),
        )
    if facts["policy"] != "noeviction":
        return warn(
            _("Redis throws away what it likes when it is full (%(policy)s), tasks too.") % facts,
            _("Put 'maxmemory-policy noeviction' into /etc/redis/redis.conf and restart Redis."),
        )
    if not int(said.get("maxmemory", 0)):
        return warn(
            _("Redis may use all memory of this Pi."),
            _("Put 'maxmemory 16mb' into /etc/redis/redis.conf and restart Redis."),
        )
    if int(str(facts["version"]).partition(".")[0] or 0) < _OLDEST_REDIS:
        return warn(
            _("Redis is version %(version)s; BaluPi was tried with 7.") % facts,
            _("Update the system: 'sudo apt full-upgrade'."),
        )
    return None


def _saves() -> bool:
    """Tell whether Redis saves to the disk by itself; False where it may not be asked."""
    try:
        return bool(client().config_get("save").get("save"))
    except RedisError:
        return False


def database(known: Known) -> Verdict:
    """Tell whether the database answers, and how large it is."""
    if known.database_error:
        return fail(
            _("The database cannot be asked: %(error)s") % {"error": known.database_error},
            _(
                "Run 'sudo balupi migrate'; if that fails too, look at the disk or BALUPI_DATABASE_URL."
            ),
        )
    if not is_sqlite():
        return ok(_("PostgreSQL answers."))
    facts = {"size": shown_size(sqlite.database_bytes())}
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0])
    if mode not in {"wal", "memory"}:
        return warn(
            _("SQLite answers, but its journal is '%(mode)s': pages wait for writers.")
            % {"mode": mode},
            _("Put it on a disk that knows shared memory: not on a network share."),
        )
    return ok(_("SQLite answers; with its log it has %(size)s.") % facts)


def database_space(_known: Known) -> Verdict:
    """Tell whether the database's own disk has room."""
    if not is_sqlite() or not sqlite.database_path().exists():
        return skipped(_("The database is not a file on this Pi."))
    return room_on(sqlite.database_path().parent)


def migrations(_known: Known) -> Verdict:
    """Tell whether the tables are those of this release."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not missing:
        return ok(_("The tables are those of this release."))
    names = ", ".join(f"{step.app_label}.{step.name}" for step, _back in missing[:_SHOWN])
    return fail(
        _("The tables are of an older release; missing: %(names)s.") % {"names": names},
        _("Run 'sudo balupi migrate' and restart BaluPi."),
    )


def integrity(_known: Known) -> Verdict:
    """Tell whether SQLite finds its file whole; on a connection of its own that only reads."""
    path = sqlite.database_path()
    if not is_sqlite() or not path.exists():
        return skipped(_("The database is not a file on this Pi."))
    ends_s = time.monotonic() + INTEGRITY_S
    own = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    try:
        own.set_progress_handler(lambda: time.monotonic() > ends_s, 10_000)
        said = own.execute("PRAGMA quick_check(3)").fetchall()
    except sqlite3.DatabaseError as error:
        return _unread(error)
    finally:
        own.close()
    lines = [str(row[0]) for row in said]
    return ok(_("SQLite finds its file whole.")) if lines == ["ok"] else _damaged(lines[0])


def _unread(error: sqlite3.DatabaseError) -> Verdict:
    """Tell why the file was not read to its end: damage, or only the time, a lock or a permission."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    if code == sqlite3.SQLITE_INTERRUPT:
        return skipped(_("The database is too large to be checked within some seconds."))
    if code & 0xFF in _DAMAGE:  # the lowest byte is the kind, the others say more
        return _damaged(str(error))
    return warn(
        _("The database's file could not be checked: %(error)s") % {"error": error},
        _("Check that this user may write to the file and its folder, then look again."),
    )


def _damaged(what: str) -> Verdict:
    return fail(
        _("The database's file is damaged: %(what)s") % {"what": what[:200]},
        _("Stop BaluPi, and put back the last backup; the card may be failing."),
    )


def worker(known: Known) -> Verdict:
    """Tell whether the worker works: it looks at the NAS every few seconds."""
    age_s = known.watched_age_s
    if age_s is None:
        return fail(_("The worker has not looked at the NAS since the start."), _restart_worker())
    if age_s > _WORKER_S:
        return fail(
            _("The worker last looked at the NAS %(ago)s.") % {"ago": ago(age_s)},
            _restart_worker(),
        )
    return ok(_("The worker looked at the NAS %(ago)s.") % {"ago": ago(age_s)})


def _restart_worker() -> str:
    return _(
        "Run 'sudo systemctl restart balupi-worker'; if it does not help, read its log: 'sudo journalctl "
        "-u balupi-worker -n 50'."
    )


def beat(known: Known) -> Verdict:
    """Tell whether the regular tasks are done."""
    try:
        off = PeriodicTask.objects.filter(enabled=False, name__in=settings.CELERY_BEAT_SCHEDULE)
        names = list(off.values_list("name", flat=True))
        late = _overdue(known.now)
    except DatabaseError as error:
        return fail(
            _("The schedule cannot be read: %(error)s") % {"error": error},
            _("Run 'sudo balupi migrate'."),
        )
    sample = ring.newest()
    age_s = known.since_s(sample.at) if sample else None
    if age_s is None and (known.redis or {}).get("uptime_in_seconds", _WORKER_S) < _WORKER_S:
        return skipped(_("BaluPi starts; the first regular task runs in half a minute."))
    if age_s is None or age_s > _WORKER_S:
        text = (
            _("No regular task has run since the start.")
            if age_s is None
            else _("The last regular task ran %(ago)s.") % {"ago": ago(age_s)}
        )
        return fail(text, _("Restart the worker; beat is a part of it."))
    if names:
        return warn(
            _("These regular tasks are switched off: %(names)s.")
            % {"names": ", ".join(map(shown_name, names[:_SHOWN]))},
            _("Switch them on in the admin under Periodic tasks, if that is not meant."),
        )
    if late:
        return warn(
            _("These regular tasks are overdue: %(names)s.")
            % {"names": ", ".join(map(shown_name, late[:_SHOWN]))},
            _("Restart the worker; if it stays so, read its log."),
        )
    return ok(_("The regular tasks run; the last one %(ago)s.") % {"ago": ago(age_s)})


def _overdue(now: datetime) -> list[str]:
    """Return tasks that did not run in time, by the rule that their list in the admin has."""
    tasks = PeriodicTask.objects.filter(enabled=True).select_related("interval")
    return [task.name for task in tasks if outlook_of(task, now).is_overdue]
