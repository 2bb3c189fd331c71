"""Importing: the predecessor's plugs, hours and prices become ours; what we know ourselves stays."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum
from pathlib import Path

from django.core.exceptions import ValidationError

from balupi_site.events.services import record_command
from balupi_site.lib.clock import household_zone
from balupi_site.lib.errors import TransientError
from balupi_site.lib.locks import household_lock
from energy.legacy import Bad, Row, Tally, better, day_of, hour_of, recounted, sample_of
from energy.legacy_file import LegacyFile, opened
from energy.legacy_prices import old_tariffs, room_for
from energy.metering import Sample
from energy.models import SmartPlug
from energy.services.import_hours import Hours, Taken, chunks, take
from energy.services.import_plugs import OldPlug, match_plugs, store_plug
from energy.services.tariff_checks import validity_text
from energy.services.tariffs import active_tariffs, add_tariff, household_currency

logger = logging.getLogger(__name__)

#: A day that its hours tell but for this much, in Wh and as a part of it, is told by them.
_LEAST_MISSING_WH, _LEAST_MISSING = 1.0, 0.01

#: Is told how far the work has come.
Progress = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What was done, or would be.

    Attributes:
        unknown_columns: of a newer predecessor; not read.
        plugs: the predecessor's plugs, and what was taken for each of ours, by its name.
        hours: of ``energy_hourly``, and those that only the readings tell.
        untold_wh: energy that only days tell; its hours are gone, so it is not taken.
        tariffs: those that are new, in words.
    """

    dry_run: bool
    unknown_columns: list[str]
    plugs: list[OldPlug] = field(default_factory=list)
    taken: dict[str, Taken] = field(default_factory=dict)
    hours: Tally = field(default_factory=Tally)
    samples: Tally = field(default_factory=Tally)
    days: Tally = field(default_factory=Tally)
    prices: Tally = field(default_factory=Tally)
    untold_wh: float = 0.0
    tariffs: list[str] = field(default_factory=list)

    @property
    def changes(self) -> dict[str, int]:
        """How much is new, for the log of events."""
        return {
            "plugs": sum(plug.is_new for plug in self.plugs),
            "hours": sum(taken.hours for taken in self.taken.values()),
            "tariffs": len(self.tariffs),
        }


def import_legacy(
    path: Path,
    now: datetime,
    *,
    dry_run: bool = False,
    same: Mapping[str, str] | None = None,
    progress: Progress = lambda _text: None,
) -> Report:
    """Take over what the predecessor's database knows and ours does not; a second run takes nothing.

    Its file is only read. A transaction for each plug, each thousand hours and each tariff: one that
    is stopped goes on with the next run.

    Args:
        path: the file; it may be in use.
        now: hours that are not over yet are left.
        dry_run: only tell.
        same: id or name of a plug there, and name or device id of the plug here that it is.
        progress: is told how far it has come.

    Raises:
        PermanentError: the file or ``same`` is not as it must be.
        TransientError: another run is under way.
    """
    with household_lock("import-legacy") as is_ours:
        if not is_ours:
            raise TransientError("Another import_legacy is running; wait until it has ended.")
        with opened(path) as file:
            report = Report(dry_run, file.unknown_columns())
            plugs = match_plugs(file.devices(), same or {})
            report.plugs = plugs
            _leave_strays(file, report)
            for group in _grouped(plugs):
                _import_plug(file, group, now, report, progress)
            _import_prices(file, now, report)
    if not dry_run and any(report.changes.values()):
        record_command("import_legacy", now, **report.changes)
    return report


def _grouped(plugs: Iterable[OldPlug]) -> list[list[OldPlug]]:
    """Return the plugs there by the plug here; those that cannot be told each for itself."""
    groups: dict[object, list[OldPlug]] = defaultdict(list)
    for old in plugs:
        groups[id(old.plug) if old.plug else old.old_id].append(old)
    return list(groups.values())


def _leave_strays(file: LegacyFile, report: Report) -> None:
    tables = {
        "energy_hourly": report.hours,
        "energy_samples": report.samples,
        "energy_daily": report.days,
    }
    for table, tally in tables.items():
        if count := file.strays(table):
            tally.read += count
            tally.leave("of a plug that is not in tapo_devices", table, count)


def _import_plug(
    file: LegacyFile, group: Sequence[OldPlug], now: datetime, report: Report, progress: Progress
) -> None:
    """Take over what several plugs there, which are one here, know of their hours."""
    hours: Hours = {}
    for old in group:
        progress(f"{old.name}: reading its hours")
        read = _read_hours(file, old, now, report.hours)
        energies_wh = {hour: entry.energy_wh for hour, entry in read.items()}
        if old.plug is not None:
            progress(f"{old.name}: counting its readings")
            _recount(read, file, old, now, report)
            _merge(hours, read, old, report)
        _read_days(file, old, energies_wh, report)
    plug = group[0].plug
    if plug is None:
        return
    if any(old.is_new for old in group) and not report.dry_run:
        store_plug(plug, now)
    taken = report.taken.setdefault(f"{plug.name} ({plug.mac})", Taken())
    for chunk in chunks(hours):
        take(plug, chunk, taken, now, dry_run=report.dry_run)
        progress(f"{plug.name}: {taken.hours} hours taken, up to {chunk[-1][0]:%Y-%m-%d}")
    _note(plug, taken, report)


def _read_hours(file: LegacyFile, old: OldPlug, now: datetime, tally: Tally) -> Hours:
    """Return the hours of a plug that can be believed."""
    hours: Hours = {}
    for row in file.hours(old.old_id):
        tally.read += 1
        found = hour_of(row, now)
        if old.plug is None:
            tally.leave(old.note, _told(old, row))
        elif isinstance(found, Bad):
            tally.leave(found.reason, _told(old, row))
        else:
            hour, entry = found
            if hour in hours:
                tally.leave("another row tells the same hour", _told(old, row))
            hours[hour] = better(entry, hours.get(hour))
    return hours


def _recount(read: Hours, file: LegacyFile, old: OldPlug, now: datetime, report: Report) -> None:
    """Replace hours by what the readings tell, where they tell as much or more."""
    for hour, entry in recounted(_read_samples(file, old, now, report.samples), now):
        if hour not in read:
            report.hours.read += 1
        read[hour] = better(entry, read.get(hour))


def _read_samples(file: LegacyFile, old: OldPlug, now: datetime, tally: Tally) -> Iterator[Sample]:
    tells_voltage = file.tells_voltage(old.old_id)
    for row in file.samples(old.old_id):
        tally.read += 1
        found = sample_of(row, now, tells_voltage=tells_voltage)
        if isinstance(found, Bad):
            tally.leave(found.reason, f"{old.name}, {row['timestamp']}: {row['power_mw']} mW")
        else:
            tally.taken += 1
            yield found


def _merge(hours: Hours, read: Hours, old: OldPlug, report: Report) -> None:
    """Add what another plug there, which is the same here, knows."""
    for hour, entry in read.items():
        if hour in hours:
            example = f"{old.name}, {hour:%Y-%m-%dT%H:%M:%S}"
            report.hours.leave("another plug there, the same one here, tells the hour", example)
        hours[hour] = better(entry, hours.get(hour))


def _read_days(
    file: LegacyFile, old: OldPlug, energies_wh: Mapping[datetime, float], report: Report
) -> None:
    """Count the days whose hours are gone; a day has no hours, so none can be made of it."""
    told_wh: dict[str, list[float]] = defaultdict(list)
    for hour, energy_wh in energies_wh.items():
        told_wh[f"{hour:%Y-%m-%d}"].append(energy_wh)
    tally = report.days
    for row in file.days(old.old_id):
        tally.read += 1
        found = day_of(row)
        example = f"{old.name}, {row['date']}: {row['energy_wh']} Wh"
        if isinstance(found, Bad):
            tally.leave(found.reason, example)
            continue
        day, energy_wh = found
        missing_wh = energy_wh - fsum(told_wh.get(day, ()))
        if missing_wh > max(_LEAST_MISSING_WH, _LEAST_MISSING * energy_wh):
            tally.leave(
                "some of its hours are gone, or all; nobody knows when that was used", example
            )
            report.untold_wh += missing_wh
        else:
            tally.known += 1


def _note(plug: SmartPlug, taken: Taken, report: Report) -> None:
    tally = report.hours
    tally.taken += taken.hours
    tally.known += taken.known
    if taken.ours:
        tally.leave("known here from measuring or the plug's memory", plug.name, taken.ours)
    if taken.hours and not report.dry_run:
        logger.info("plug %s: %s hours of the predecessor taken over", plug.name, taken.hours)


def _import_prices(file: LegacyFile, now: datetime, report: Report) -> None:
    """Add its prices where no tariff of ours counts."""
    ours, currency = active_tariffs(), household_currency()
    for old in old_tariffs(file.prices(), household_zone(), report.prices):
        parts = room_for(old, ours)
        words = f'"{old.name}", {old.price_per_kwh.normalize():f} {old.currency} per kWh'
        if old.currency != currency:
            report.prices.leave(
                f"it is in {old.currency}, the tariffs here are in {currency}", words
            )
            continue
        if not parts:
            report.prices.leave("tariffs that are here count in all of its time", words)
            continue
        try:
            for part in () if report.dry_run else parts:
                add_tariff(part, is_active=True, now=now)
        except ValidationError as error:
            report.prices.leave(f"it cannot be a tariff: {' '.join(error.messages)}", words)
            continue
        report.prices.taken += 1
        report.tariffs += [f"{words}, {validity_text(part)}" for part in parts]


def _told(old: OldPlug, row: Row) -> str:
    return f"{old.name}, {row['hour']}: {row['energy_wh']} Wh"
