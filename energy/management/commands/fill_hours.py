"""Fill missing hours from what the plugs remember."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.events.services import record_command
from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.kept import retold
from balupi_site.lib.words import showable
from energy import services
from energy.asking import ask_to_fill


class Command(BaseCommand):
    help = (
        "Ask the plugs for the energy of hours of the last seven days that were missed or measured "
        "in part. The worker does it, because a plug has one session only; it also does so by "
        "itself every hour. Measured hours are never changed."
    )

    def handle(self, **_options: Any) -> None:  # noqa: ANN401
        try:
            filled = [
                each for site in ["", *services.other_sites()] for each in ask_to_fill(site=site)
            ]
        except BaluPiError as error:
            raise CommandError(str(error)) from error
        hours = sum(each["filled"] for each in filled)
        if hours:
            record_command("fill_hours", timezone.now(), hours=hours)
        for each in filled:
            self.stdout.write(showable(_line(each)))
        if not filled:
            self.stdout.write(
                "There are no plugs to ask. Find them with: sudo balupi discover_plugs"
            )


def _line(filled: dict[str, Any]) -> str:
    if not filled["missing"]:
        text = "nothing missing"
    else:
        text = (
            f"{filled['filled']} of {filled['missing']} hours filled, {filled['energy_wh']:.0f} Wh"
        )
    return f"{filled['name']}: {text}" + (
        f". {retold(filled['message'])}" if filled["message"] else ""
    )
