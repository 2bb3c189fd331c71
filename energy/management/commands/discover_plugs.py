"""Search the network for plugs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.kept import retold
from balupi_site.lib.words import showable
from energy import services
from energy.answers import as_json
from energy.asking import ask_to_search

_WAIT_S = 20  # nobody is in a hurry at a terminal


class Command(BaseCommand):
    help = (
        "Search the network for Tapo plugs: new ones are added, the addresses of known ones are "
        "updated, nothing is deleted. The worker does it, because a plug has one session only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--target",
            default="",
            metavar="ADDRESS",
            help="ask this address instead of BALUPI_TAPO_DISCOVERY_TARGET: one plug's, or the "
            "broadcast address of another network",
        )
        parser.add_argument(
            "--site",
            default="",
            metavar="NAME",
            help="search at this other site, where a worker with this name as its BALUPI_SITE runs",
        )
        parser.add_argument(
            "--here",
            action="store_true",
            help="search from this process; for a machine where no worker runs",
        )

    def handle(self, *, target: str, site: str, here: bool, **_options: Any) -> None:  # noqa: ANN401
        try:
            found = (
                _found_here(target) if here else ask_to_search(target, site=site, wait_s=_WAIT_S)
            )
        except BaluPiError as error:
            raise CommandError(str(error)) from error
        for each in found:
            name = each["name"] or each["mac"]
            line = f"{each['outcome']:12}{each['host']:16}{each['model']:8}{name}"
            message = f": {retold(each['message'])}" if each["message"] else ""
            self.stdout.write(showable(line + message))
        added = sum(each["outcome"] == "added" for each in found)
        self.stdout.write(f"{len(found)} found, {added} added.")
        if not found:
            self.stdout.write(
                "Nobody answered. Are the plugs in the same network? Across networks try --target "
                "with a plug's address."
            )


def _found_here(target: str) -> list[dict[str, str]]:
    try:
        return as_json(services.discover_plugs(target))
    finally:
        services.close_connections()
