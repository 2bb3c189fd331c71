"""Take over the history that the predecessor's database holds."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from balupi_site.lib.errors import BaluPiError
from balupi_site.lib.words import showable
from energy.legacy import Tally
from energy.services.import_hours import Taken
from energy.services.import_plugs import OldPlug
from energy.services.importing import Report, import_legacy

_PROGRESS_S = 1.0


class Command(BaseCommand):
    help = (
        "Take over plugs, hours of energy and prices from the predecessor's SQLite file, which is "
        "only read and may be in use. Nothing that BaluPi measured itself is changed, and a second "
        "run takes only what is new. The predecessor's hours keep their energy, which is about 8 % "
        "too low, and are marked; where its readings still exist, the hours are counted anew from "
        "them. New plugs are not polled until a search has found them (discover_plugs)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the predecessor's file")
        parser.add_argument("--dry-run", action="store_true", help="change nothing, only tell")
        parser.add_argument("--json", action="store_true", help="tell it as JSON")
        parser.add_argument(
            "--plug",
            dest="same",
            action="append",
            default=[],
            type=_pair,
            metavar="THERE=HERE",
            help="the plug with this id or name there is the one with this name or device id here",
        )

    def handle(
        self,
        *,
        path: Path,
        dry_run: bool,
        json: bool,
        same: list[tuple[str, str]],
        **_options: Any,  # noqa: ANN401
    ) -> None:
        progress = _Progress(sys.stderr if not json and sys.stderr.isatty() else None)
        try:
            report = import_legacy(
                path, timezone.now(), dry_run=dry_run, same=dict(same), progress=progress.tell
            )
        except BaluPiError as error:
            raise CommandError(str(error)) from error
        for line in [_as_json(report)] if json else map(showable, _lines(report)):
            self.stdout.write(line)


class _Progress:
    """Tells a person at a terminal how far it has come, once a second."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401  # a terminal or None
        self._stream, self._told_s = stream, time.monotonic()

    def tell(self, text: str) -> None:
        """Write a line, unless there was one just now."""
        if self._stream is not None and time.monotonic() - self._told_s >= _PROGRESS_S:
            self._told_s = time.monotonic()
            self._stream.write(f"... {text}\n")


def _pair(text: str) -> tuple[str, str]:
    there, separator, here = text.partition("=")
    if not (separator and there and here):
        raise ArgumentTypeError(f"{text!r} is no pair such as 'Desk=Desk lamp'")
    return there, here


def _as_json(report: Report) -> str:
    plugs = [
        {"old_id": old.old_id, "name": old.name, "plug": old.plug and old.plug.name}
        | {"how": old.how, "note": old.note}
        for old in report.plugs
    ]
    taken = {
        name: {**asdict(each), "first": _iso(each.first), "last": _iso(each.last)}
        for name, each in report.taken.items()
    }
    tables = {name: asdict(tally) for name, tally in _tables(report)}
    rest = {"untold_wh": round(report.untold_wh, 2), "tariffs": report.tariffs}
    return json.dumps(
        {"dry_run": report.dry_run, "unknown_columns": report.unknown_columns, "plugs": plugs}
        | {"taken": taken, "tables": tables, **rest, "changes": report.changes},
        indent=1,
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _tables(report: Report) -> list[tuple[str, Tally]]:
    return [
        ("energy_hourly", report.hours),
        ("energy_samples", report.samples),
        ("energy_daily", report.days),
        ("energy_price_config", report.prices),
    ]


def _lines(report: Report) -> Iterator[str]:
    for column in report.unknown_columns:
        yield f"The column {column} is not known to this command and is not read."
    yield f"Plugs: {len(report.plugs)} read"
    yield from (f"  {_plug_line(old)}" for old in report.plugs)
    would = "would be " if report.dry_run else ""
    words = {
        "energy_hourly": f"{would}taken, {report.hours.known} here already",
        "energy_samples": "can be believed",
        "energy_daily": f"taken, {report.days.known} are told by their hours",
        "energy_price_config": f"{would}taken",
    }
    for name, tally in _tables(report):
        yield f"{name}: {tally.read} read, {tally.taken} {words[name]}"
        for reason, left in sorted(tally.left.items()):
            yield f"  {left.count} left: {reason} (first: {left.first})"
    yield from (f"  {name}: {_taken_words(taken)}" for name, taken in report.taken.items())
    if report.untold_wh:
        yield f"{report.untold_wh / 1000:.1f} kWh are known by day only and stay with the predecessor."
    yield from (f"Tariff {text}" for text in report.tariffs)
    changes = report.changes
    yield (
        f"{changes['plugs']} plugs, {changes['hours']} hours and {changes['tariffs']} tariffs "
        + ("would be new; nothing was changed." if report.dry_run else "new.")
    )


def _plug_line(old: OldPlug) -> str:
    note = f" ({old.note})" if old.note else ""
    if old.plug is None:
        return f"{old.name}: left, {old.note}"
    if old.is_new:
        return f"{old.name}: new, {old.plug.role}, not polled until a search finds it{note}"
    return f"{old.name}: is {old.plug.name!r} here, by its {old.how}{note}".replace(
        "by its as you said", "as you said"
    )


def _taken_words(taken: Taken) -> str:
    if taken.first is None or taken.last is None:
        return "no hour is new"
    return (
        f"{taken.new} new hours, {taken.improved} that say more than before, {taken.recounted} of "
        f"them counted anew from readings; {taken.energy_wh / 1000:.2f} kWh, "
        f"{taken.first:%Y-%m-%d %H:%M} to {taken.last:%Y-%m-%d %H:%M} UTC"
    )
