"""Filling: hours that were missed get the energy that the plug itself remembers."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

from balupi_site.lib.clock import household_zone
from balupi_site.lib.kept import kept, retold
from energy.memory import (
    COMPLETE_COVERAGE,
    REMEMBERED,
    HourEntry,
    NoMemory,
    Remembered,
    Wanted,
    merged,
)
from energy.metering import HOUR, HourFigure, hour_start
from energy.models import FROM_MEMORY, EnergyHour, EnergySource, SmartPlug
from energy.plug_pool import MemoryResult, credentials_digest, shared_pool
from energy.readings import Failure
from energy.services.hour_rows import lock_plugs, row_of, write_rows
from energy.services.polling import target_of

logger = logging.getLogger(__name__)

#: Samples wait for the database before they become hours: theirs comes first.
_LEAST_WAIT = timedelta(minutes=10)
#: How long a firmware that told nothing is not asked again.
_REFUSAL = timedelta(days=7)
#: How long the pool may take beyond two reads: a poll under way and ours.
_GRACE_S = 4.0


@dataclass(frozen=True)
class Filled:
    """What became of one plug's missing hours.

    Attributes:
        missing: how many hours of the last days were missing or measured in part.
        filled: how many of them got their energy from the plug.
        energy_wh: the energy that this added.
        message: why nothing was filled, as a kept sentence; "" where there is nothing to tell.
    """

    name: str
    missing: int
    filled: int
    energy_wh: float
    message: str


def fill_hours(now: datetime) -> list[Filled]:
    """Fill missing hours of the last days from the plugs' memories; for the worker only.

    A plug without missing hours is not asked. What was dealt with is not dealt with again, so a
    second call does nothing. The caller makes sure that the clock can be believed.
    """
    plugs = SmartPlug.objects.enabled().here().not_refusing(credentials_digest())
    wanted = [(plug, _wanted(plug, now)) for plug in plugs]
    asked = [(plug, each, _ask(plug, each) if each.hours else None) for plug, each in wanted]
    return [_filled(plug, each, future) for plug, each, future in asked]


def _wanted(plug: SmartPlug, now: datetime) -> Wanted:
    """Return the plug's hours that are missing or measured in part, and were not dealt with yet."""
    wait = max(_LEAST_WAIT, 2 * timedelta(seconds=settings.ENERGY_FLUSH_INTERVAL_SECONDS))
    first, end = _first_hour(plug, now), hour_start(now - wait)
    known = EnergyHour.objects.filter(plug=plug, hour__gte=first, hour__lt=end)
    complete = set(
        known.filter(Q(coverage__gte=COMPLETE_COVERAGE) | Q(source__in=FROM_MEMORY)).values_list(
            "hour", flat=True
        )
    )
    hours = (first + HOUR * step for step in range((end - first) // HOUR))
    missing = () if _is_refusing(plug, now) else (hour for hour in hours if hour not in complete)
    return Wanted(tuple(missing), household_zone(), now)


def _first_hour(plug: SmartPlug, now: datetime) -> datetime:
    starts = [hour_start(now - REMEMBERED) + HOUR, hour_start(plug.created_at)]
    read_until = _read_until(plug)
    if read_until is not None and read_until <= now:
        starts.append(hour_start(read_until))
    return max(starts)


def _is_refusing(plug: SmartPlug, now: datetime) -> bool:
    """Tell whether this firmware told nothing not long ago."""
    refused_at = plug.memory_read_until
    is_same_firmware = plug.memory_message == _refusal(plug)
    return is_same_firmware and refused_at is not None and refused_at <= now < refused_at + _REFUSAL


def _read_until(plug: SmartPlug) -> datetime | None:
    """Return until when hours were dealt with; of a plug that refused it is only known when."""
    has_read = plug.memory_message in ("", _wrong_clock())
    return plug.memory_read_until if has_read else None


def _refusal(plug: SmartPlug) -> str:
    text = gettext_noop(
        "The plug's firmware %(firmware)s does not tell past hours, so missing ones stay missing; "
        "look for an update in the Tapo app."
    )
    return kept(text, firmware=plug.firmware_version)


def _wrong_clock() -> str:
    return gettext_noop(
        "The plug's clock is wrong, so its memory of past hours cannot be used; let it reach the "
        "internet, or set its time in the Tapo app."
    )


def _ask(plug: SmartPlug, wanted: Wanted) -> Future[MemoryResult]:
    return shared_pool().start_remembering(target_of(plug), wanted)


def _filled(plug: SmartPlug, wanted: Wanted, future: Future[MemoryResult] | None) -> Filled:
    nothing = Filled(plug.name, len(wanted.hours), 0, 0.0, "")
    if future is None:
        return replace(nothing, message=plug.memory_message)
    try:
        result = future.result(2 * settings.ENERGY_PLUG_TIMEOUT_SECONDS + _GRACE_S)
    except FutureTimeoutError:
        result = None
    if isinstance(result, Remembered):
        return replace(nothing, **_fill(plug, result))
    if isinstance(result, NoMemory):
        return replace(nothing, message=_note_trouble(plug, result, wanted.now))
    message = (
        result.message
        if isinstance(result, Failure)
        else gettext_noop("The plug is not asked now.")
    )
    return replace(nothing, message=message)


def _note_trouble(plug: SmartPlug, trouble: NoMemory, now: datetime) -> str:
    """Keep the reason why the plug told nothing, and return it; log it when it is new."""
    read_until: datetime | None
    if trouble is NoMemory.REFUSED:
        message, read_until = _refusal(plug), now
    else:
        message, read_until = _wrong_clock(), _read_until(plug)
    if plug.memory_message != message:
        logger.info("plug %s: %s", plug.name, retold(message))
    _save(plug, memory_message=message, memory_read_until=read_until)
    return message


def _fill(plug: SmartPlug, remembered: Remembered) -> dict[str, Any]:
    """Write what the plug remembers; return what changed for ``Filled``."""
    added_wh = _write_hours(plug, remembered)
    if added_wh:
        count, energy_wh = len(added_wh), sum(added_wh)
        logger.info("plug %s: %s hours filled, %.0f Wh", plug.name, count, energy_wh)
    return {"filled": len(added_wh), "energy_wh": sum(added_wh)}


@transaction.atomic
def _write_hours(plug: SmartPlug, remembered: Remembered) -> list[float]:
    """Write the hours that the plug's values complete; return the energy that each one gained."""
    if not lock_plugs([plug.pk]):
        return []  # deleted meanwhile
    energies_wh = remembered.energies_wh
    rows = EnergyHour.objects.filter(plug=plug, hour__in=list(energies_wh))
    known = {row.hour: row for row in rows}
    completed = {
        hour: entry
        for hour, energy_wh in energies_wh.items()
        if (entry := _completed(known.get(hour), energy_wh)) is not None
    }
    write_rows([row_of(plug.pk, hour, entry) for hour, entry in completed.items()])
    read_until = remembered.read_until or plug.memory_read_until
    _save(plug, memory_message="", memory_read_until=read_until)
    return [
        entry.energy_wh - (known[hour].energy_wh if hour in known else 0.0)
        for hour, entry in completed.items()
    ]


def _completed(row: EnergyHour | None, plug_wh: float) -> HourEntry | None:
    """Return what the row must say now, or None where it stays as it is."""
    if row is not None and row.source in FROM_MEMORY:
        return None
    entry = merged(None if row is None else _measured(row), plug_wh)
    return None if entry is None or entry.source == EnergySource.MEASURED else entry


def _measured(row: EnergyHour) -> HourFigure | None:
    """Return what was measured of a row; None where nothing was."""
    least_w, mean_w, most_w = row.power_min_w, row.power_avg_w, row.power_max_w
    if least_w is None or mean_w is None or most_w is None:
        return None
    return HourFigure(row.hour, row.energy_wh, least_w, mean_w, most_w, row.coverage)


def _save(plug: SmartPlug, **news: Any) -> None:  # noqa: ANN401  # values of two types
    changes = {name: value for name, value in news.items() if getattr(plug, name) != value}
    if changes:
        SmartPlug.objects.filter(pk=plug.pk).update(**changes)
