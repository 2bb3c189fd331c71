"""``manage.py connect_inbox``: set up the inbox's disk, our ssh key, and the NAS's host key."""

from __future__ import annotations

import argparse

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.events.services import record_command
from balupi_site.lib.errors import BaluPiError
from handshake.folder import marker_of
from handshake.problems import InboxError, Trouble
from handshake.services import connecting
from handshake.services.flushing import nas


class Command(BaseCommand):
    """Each step is done once; a second call only checks. Exit code 1: something is left to do."""

    help = (
        "Set up the inbox step by step: mark its disk, make our ssh key, print the line for the "
        "NAS's authorized_keys, pin the NAS's host key, and try it. Can be repeated."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="trust the host key without asking")
        parser.add_argument("--forget", action="store_true", help="forget the known host key first")
        parser.add_argument(
            "--on-system-disk",
            action="store_true",
            help="put the inbox on the disk of the system (the SD card) all the same",
        )

    def handle(self, *, yes: bool, forget: bool, on_system_disk: bool, **_options: object) -> None:
        try:
            self._disk(on_system_disk=on_system_disk)
            self._key()
            if forget:
                connecting.forget_host()
                _tell("host key forgotten")
            self._host(yes=yes)
            self._try()
        except BaluPiError as error:
            raise CommandError(str(error)) from error

    def _disk(self, *, on_system_disk: bool) -> None:
        marker = marker_of(settings.INBOX_DIR)
        if marker.exists() and settings.INBOX_DIR.is_dir():
            self.stdout.write(f"inbox     {settings.INBOX_DIR}, its disk is mounted")
            return
        if not on_system_disk and connecting.is_on_system_disk(settings.INBOX_DIR.parent):
            raise CommandError(
                f"{settings.INBOX_DIR.parent} is on the disk of the system (on a Pi, the SD card). "
                "Mount the data disk there and repeat, or set BALUPI_INBOX_DIR, or add "
                "--on-system-disk if that is what you want."
            )
        connecting.make_inbox()
        _tell("inbox made")
        self.stdout.write(f"inbox     {settings.INBOX_DIR} made, its disk marked by {marker}")

    def _key(self) -> None:
        line = connecting.authorized_line()
        self.stdout.write(f"key       {settings.NAS_SSH_KEY}")
        self.stdout.write(
            f"NAS       needs 'rsync', the folder {settings.NAS_INBOX_PATH} with an empty file "
            f".balupi-inbox in it, and this line in ~{settings.NAS_SSH_USER}/.ssh/authorized_keys:"
        )
        self.stdout.write(f"\n{line}\n\n")

    def _host(self, *, yes: bool) -> None:
        if connecting.is_pinned():
            self.stdout.write("host key  known")
            return
        found = connecting.seen_host_keys()
        for fingerprint in connecting.fingerprints(found):
            self.stdout.write(f"host key  {fingerprint}")
        if not yes:
            self.stdout.write(
                "Compare with the NAS: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
            )
            if not self._is_confirmed():
                raise CommandError("Not pinned. Repeat and answer yes, or add --yes.")
        connecting.pin(found)
        _tell("host key pinned")
        self.stdout.write("host key  pinned")

    @staticmethod
    def _is_confirmed() -> bool:
        try:
            return input("Is this the NAS? [y/N] ").strip().lower() in {"y", "yes", "j", "ja"}
        except EOFError:  # nobody is there
            return False

    def _try(self) -> None:
        try:
            nas().require_marker()
        except InboxError as trouble:
            if trouble.code is Trouble.KEY_REFUSED:
                raise CommandError(
                    "The line above is not on the NAS yet; then repeat."
                ) from trouble
            raise
        self.stdout.write(self.style.SUCCESS("The way to the NAS's inbox is open."))


def _tell(step: str) -> None:
    """Write into the log what this run has changed."""
    record_command("connect_inbox", timezone.now(), step=step)
