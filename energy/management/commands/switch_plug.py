"""Switch a plug."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.words import showable
from energy.asking import ask_to_switch
from energy.models import SmartPlug

PLUG_HELP = "its name, or its device id; 'sudo balupi list_plugs' tells both"


class Command(BaseCommand):
    help = (
        "Switch a plug on or off, or toggle it, and print the state that the plug itself reports. "
        "The worker does it; the plug of a NAS that is not off is not switched off, unless "
        "'sudo balupi unlock_plug' came before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plug", help=PLUG_HELP)
        parser.add_argument("action", choices=["on", "off", "toggle"])

    def handle(self, *, plug: str, action: str, **_options: Any) -> None:  # noqa: ANN401
        found = find_plug(plug)
        try:
            is_on = ask_to_switch(found, action)
        except BaluPiError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{showable(found.name)} is {'on' if is_on else 'off'}.")


def find_plug(word: str) -> SmartPlug:
    """Return the plug with this name or device id.

    Raises:
        CommandError: there is none, or more than one has the name.
    """
    found = list(SmartPlug.objects.filter(Q(device_id=word) | Q(name__iexact=word))[:2])
    if len(found) != 1:
        many = "More than one plug is called" if found else "There is no plug"
        raise CommandError(f"{many} {word!r}. 'sudo balupi list_plugs' tells names and device ids.")
    return found[0]
