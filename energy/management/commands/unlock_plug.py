"""Unlock a plug for a moment."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from balupi_site.lib.words import showable
from energy import services
from energy.management.commands.switch_plug import PLUG_HELP, find_plug
from energy.models import SwitchUnlock


class Command(BaseCommand):
    help = (
        "Let a plug be switched for 60 seconds, whatever speaks against it: for a NAS that hangs. "
        "A NAS that is still writing loses data when its plug is switched off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plug", help=PLUG_HELP)

    def handle(self, *, plug: str, **_options: Any) -> None:  # noqa: ANN401
        found = find_plug(plug)
        services.unlock_plug(
            found, unlocked_by=getpass.getuser(), unlocked_from="command", now=timezone.now()
        )
        seconds = SwitchUnlock.DURATION.total_seconds()
        self.stdout.write(f"{showable(found.name)} is unlocked for {seconds:.0f} seconds.")
