"""Put a backup back into the database."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.backup.problems import BackupError
from balupi_site.backup.restoring import LATEST, chosen, listed, require_unused, restore
from balupi_site.events.services import record_command

_START = "Start BaluPi again: 'sudo systemctl start balupi-web balupi-worker'."


class Command(BaseCommand):
    help = (
        "Put a backup back into the database, whatever state that is in. The backup is verified first, what "
        "is there now is kept as a backup of its own, and after a power cut the database is the old or the "
        "new one. BaluPi must be stopped."
    )
    requires_system_checks = []  # noqa: RUF012  # upstream's type; this is for when the database is ill

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help=f"a backup's path or name, or '{LATEST}'")
        parser.add_argument("--list", action="store_true", help="tell which backups there are")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--no-migrate", action="store_true", help="leave the tables as the backup has them"
        )
        parser.add_argument(
            "--no-copy", action="store_true", help="keep nothing of what is there now"
        )

    def handle(
        self,
        *,
        file: str | None,
        list: bool,  # noqa: A002  # the option's name
        yes: bool,
        no_migrate: bool,
        no_copy: bool,
        **_options: Any,  # noqa: ANN401
    ) -> None:
        if list:
            self._list()
            return
        if file is None:
            raise CommandError(f"Which one? A path, a name of --list, or '{LATEST}'.")
        now = timezone.now()
        try:
            path = chosen(file, now)
            require_unused()  # before a person is asked
            if not yes:
                self._ask(str(path))
            self.stdout.write(f"Putting back {path}")
            restored = restore(path, now, keeps_present=not no_copy)
        except BackupError as error:
            raise CommandError(f"{error} Nothing has changed.") from error
        if restored.safety_copy:
            self.stdout.write(f"What was there before is kept: {restored.safety_copy}")
        if no_migrate:
            self.stdout.write("Restored.")
            return
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
        record_command("restore", timezone.now(), file=path.name)
        self.stdout.write(f"Restored. {_START}")

    def _list(self) -> None:
        found = listed()
        for name, path in found.items():
            what = "before a restore" if name.is_before_restore else f"release {name.release}"
            at = timezone.localtime(name.at)
            size = path.stat().st_size / 1e6
            self.stdout.write(f"{at:%Y-%m-%d %H:%M}  {size:7.1f} MB  {what:16}  {path}")
        if not found:
            self.stdout.write("There is no backup yet.")

    def _ask(self, path: str) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked here; add --yes. Nothing has changed.")
        said = input(f"Replace the present database by {path}? [y/N] ")
        if said.strip().lower() not in {"y", "yes"}:
            raise CommandError("Nothing has changed.")
