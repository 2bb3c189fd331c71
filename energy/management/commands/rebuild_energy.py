"""Compute the hours anew from the samples that still exist."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser, ArgumentTypeError
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.events.services import record_command
from balupi_site.lib.clock import household_zone
from energy.management.commands.switch_plug import PLUG_HELP, find_plug
from energy.models import SmartPlug
from energy.periods import Span, local_day, midnight
from energy.services.rebuilding import Rebuilt, hours_of, rebuild_hours, rebuildable_from

_DAY = dt.timedelta(days=1)


class Command(BaseCommand):
    help = (
        "Compute the hours of energy anew from the samples that still exist, and tell what was "
        "wrong. Hours whose samples are gone stay as they are, and so does what was filled from a "
        "plug's memory. It may run while BaluPi runs, and again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="first",
            type=_day,
            required=True,
            metavar="DAY",
            help="the first day, such as 2026-03-01; days are those of BALUPI_TIME_ZONE",
        )
        parser.add_argument(
            "--to", dest="last", type=_day, metavar="DAY", help="the last day; without it, today"
        )
        parser.add_argument("--plug", metavar="NAME", help=f"only this plug: {PLUG_HELP}")
        parser.add_argument("--dry-run", action="store_true", help="change nothing, only tell")

    def handle(
        self,
        *,
        first: dt.date,
        last: dt.date | None,
        plug: str | None,
        dry_run: bool,
        **_options: Any,  # noqa: ANN401
    ) -> None:
        now, zone = timezone.now(), household_zone()
        last = min(last or dt.date.max, local_day(now, zone))
        if last < first:
            raise CommandError("The first day is after the last one, or after today.")
        plug_ids = _plug_ids(plug)
        kept_from = rebuildable_from(now, settings.ENERGY_SAMPLE_RETENTION_DAYS)
        if kept_from is None:
            self.stdout.write("There are no samples, so all hours stay as they are.")
            return
        kept_day = local_day(kept_from, zone)
        if first < kept_day or midnight(first, zone) < kept_from:
            kept_words = f"{kept_from.astimezone(zone):%Y-%m-%d %H:%M}"
            self.stdout.write(f"Samples are kept from {kept_words} on; hours before it stay.")
        span = Span(
            max(midnight(max(first, kept_day), zone), kept_from),
            min(midnight(last + _DAY, zone), now.astimezone(dt.UTC)),
        )
        self._rebuild(hours_of(span), plug_ids, zone, dry_run=dry_run)

    def _rebuild(
        self, hours: list[dt.datetime], plug_ids: list[int], zone: ZoneInfo, *, dry_run: bool
    ) -> None:
        """Go through the hours a day at a time, and tell; also where it is stopped in between."""
        total = Rebuilt()
        try:
            for day, hours_of_day in groupby(hours, key=lambda hour: local_day(hour, zone)):
                rebuilt = rebuild_hours(
                    list(hours_of_day),
                    plug_ids,
                    settings.ENERGY_SAMPLE_INTERVAL_SECONDS,
                    dry_run=dry_run,
                )
                total += rebuilt
                self.stdout.write(f"{day}: {rebuilt.corrected} of {rebuilt.hours} hours")
        finally:
            if not dry_run and total.hours:
                facts = {"hours": total.hours, "corrected": total.corrected}
                record_command("rebuild_energy", timezone.now(), **facts)
        ending = " would be corrected; nothing was changed." if dry_run else " corrected."
        self.stdout.write(f"{total.corrected} of {total.hours} hours{ending}")
        if total.deleted:
            self.stdout.write(f"{total.deleted} of them had no samples at all.")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day, such as 2026-03-01") from None


def _plug_ids(name: str | None) -> list[int]:
    """Return the plug of this name or device id, or all plugs."""
    if name is not None:
        return [find_plug(name).pk]
    return list(SmartPlug.objects.values_list("pk", flat=True))
