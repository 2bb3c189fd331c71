"""Checks of the backups: is there one of last night, and does it survive the card."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import formats
from django.utils.translation import gettext as _

from balupi_site.backup import sqlite, status
from balupi_site.backup.making import is_sqlite
from balupi_site.backup.nightly import INBOX_FOLDER
from balupi_site.backup.status import Status
from balupi_site.doctor.findings import Level, Verdict, fail, ok, skipped, told, warn
from balupi_site.doctor.known import Known
from balupi_site.lib import boot
from balupi_site.lib.kept import retold
from balupi_site.lib.words import ago

DEADLINE_S = 8.0
#: One night may be missed by a Pi that was off; what is older was not made.
_OLD = timedelta(hours=50)
#: The first backup of a new Pi is made within this time.
_FIRST_S = 3 * 3600.0


def newest(known: Known) -> Verdict:
    """Tell how old the newest verified backup is, or why there is none; without waking its disk."""
    found = status.load()
    age = None if found.newest_at is None else known.now - found.newest_at
    if found.why:
        level = Level.WARN if age is not None and age < _OLD else Level.FAIL
        return told(level, retold(found.why))
    if age is None:
        return _none_yet(known)
    if age > _OLD:
        text = _("The newest backup was made %(ago)s.") % {"ago": ago(age.total_seconds())}
        return fail(text, _make_one())
    facts = {
        "ago": ago(max(age.total_seconds(), 0.0)),
        "size": formats.number_format((found.bytes or 0) / 1_000_000, decimal_pos=1),
    }
    return ok(_("The newest verified backup was made %(ago)s and has %(size)s MB.") % facts)


def _none_yet(known: Known) -> Verdict:
    if boot.uptime_s() < _FIRST_S or _is_new(known):
        return skipped(_("There is no backup yet; the first is made within the next hours."))
    return warn(_("There is no backup yet."), _make_one())


def _is_new(known: Known) -> bool:
    """Tell whether the database was made only just now."""
    try:
        made_at = MigrationRecorder.Migration.objects.aggregate(at=Min("applied"))["at"]
    except DatabaseError:
        return False
    return made_at is not None and (known.now - made_at).total_seconds() < _FIRST_S


def _make_one() -> str:
    return _("Run 'sudo balupi backup' and see what it says; then read the worker's log.")


def place(_known: Known) -> Verdict:
    """Tell whether the newest backup is where it was put, and not on the database's own disk."""
    found = status.load()
    if not found.newest:
        return skipped(_("There is no backup yet."))
    file = Path(found.folder) / found.newest
    try:
        device = file.stat().st_dev
    except OSError as error:
        text = _("The newest backup, %(file)s, cannot be found: %(error)s")
        facts = {"file": file, "error": error.strerror}
        return fail(text % facts, _("Mount its disk, or make a new one: 'sudo balupi backup'."))
    facts = {"folder": found.folder}
    if _has_copy_on_nas(found):
        return ok(_("Backups are in %(folder)s, and copies go to the NAS.") % facts)
    if not settings.IS_PROD or not is_sqlite():
        return ok(_("Backups are in %(folder)s.") % facts)
    if device == sqlite.database_path().parent.stat().st_dev:
        return warn(
            _("Backups are on the database's own card (%(folder)s) and would fail with it.")
            % facts,
            _(
                "Put BALUPI_BACKUP_DIR on the data disk (%(disk)s), or let copies go to the NAS: "
                "BALUPI_BACKUP_TO_INBOX=true."
            )
            % {"disk": Path(settings.INBOX_DIR).parent / "backups"},
        )
    return ok(_("Backups are in %(folder)s, on another disk than the database.") % facts)


def _has_copy_on_nas(found: Status) -> bool:
    """Tell whether the newest backup was handed over, and has gone on from there."""
    waiting = Path(settings.INBOX_DIR) / INBOX_FOLDER / found.newest
    return settings.BACKUP_TO_INBOX and found.handed_over == found.newest and not waiting.exists()
