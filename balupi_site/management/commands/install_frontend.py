"""Show the page that the NAS built at the Pi's own address."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.events.kinds import Kind
from balupi_site.events.services import record
from balupi_site.frontend import installing
from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.locks import file_lock

_SUBJECT = "NAS-built page"


class Command(BaseCommand):
    """Put the NAS-built page at / of the Pi, or take it away; BaluPi's own stays at /dashboard/."""

    help = (
        "Install the page built by the NAS (the folder with its index.html) at / and /login. "
        "BaluPi's own page stays at /dashboard/. Nothing has to be restarted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("path", nargs="?", type=Path, help="folder with index.html, such as dist")
        what.add_argument("--rollback", action="store_true", help="go back to the one before")
        what.add_argument("--remove", action="store_true", help="go back to BaluPi's own page")

    def handle(self, *, path: Path | None, rollback: bool, **_options: Any) -> None:  # noqa: ANN401  # Django's
        with file_lock("frontend") as is_free:
            if not is_free:
                raise CommandError("Another install_frontend is running; wait until it has ended.")
            try:
                if path is not None:
                    self._install(path)
                elif rollback:
                    self._roll_back()
                else:
                    self._remove()
            except BaluPiError as error:
                raise CommandError(str(error)) from error

    def _install(self, path: Path) -> None:
        build = installing.examine(path)
        installing.install(build)
        size_mb = round(build.size_bytes / 1e6, 1)
        record(
            Kind.CHANGE_ADDED,
            timezone.now(),
            subject=_SUBJECT,
            files=len(build.names),
            size_mb=size_mb,
        )
        self.stdout.write(
            f"Installed {len(build.names)} files ({size_mb} MB) in {settings.FRONTEND_DIR}. "
            "Reload / in the browser; BaluPi's own page is at /dashboard/."
        )

    def _roll_back(self) -> None:
        installing.roll_back()
        record(Kind.CHANGE_EDITED, timezone.now(), subject=_SUBJECT, rolled_back=True)
        self.stdout.write("The page installed before is shown again.")

    def _remove(self) -> None:
        if not installing.remove():
            self.stdout.write("BaluPi's own page is shown already; nothing was changed.")
            return
        record(Kind.CHANGE_DELETED, timezone.now(), subject=_SUBJECT)
        self.stdout.write("BaluPi's own page is shown again; --rollback brings the other one back.")
