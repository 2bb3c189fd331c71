"""Make a backup of the database now."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.backup.making import Made, alone, make_backup
from balupi_site.backup.problems import BackupError

_WAIT_S = 60.0


class Command(BaseCommand):
    help = (
        "Make a verified backup of the database now; BaluPi may go on running. Without --to it goes to "
        "BALUPI_BACKUP_DIR and is thinned out with the nightly ones."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; a backup matters most where something is wrong

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FILE", help="make it here, once")
        parser.add_argument("--json", action="store_true", help="tell it for programs")

    def handle(self, *, to: Path | None, json: bool, **_options: Any) -> None:  # noqa: ANN401
        try:
            with alone(wait_s=_WAIT_S):
                made = make_backup(timezone.now(), target=to.absolute() if to else None)
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_as_json(made) if json else _told(made))


def _as_json(made: Made) -> str:
    known = {
        "path": str(made.path),
        "bytes": made.bytes,
        "raw_bytes": made.raw_bytes,
        "tables": made.tables,
        "rows": made.rows,
        "restored_into": made.restored_into,
        "duration_s": round(made.duration_s, 3),
    }
    return json.dumps(known)


def _told(made: Made) -> str:
    verified = "read from the disk to its end"
    if made.restored_into:
        verified = (
            f"restored into {made.restored_into}, whole; {made.rows} rows in {made.tables} tables counted; "
            "packed, read back from the disk, the same"
        )
    return (
        f"{made.path}: {made.bytes / 1e6:.1f} MB (of {made.raw_bytes / 1e6:.1f} MB) in "
        f"{made.duration_s:.1f} s.\nVerified: {verified}."
    )
