"""A pool of plugs that remember what they are told, and what the tests of filling share."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

from energy.memory import Remembered, Wanted
from energy.metering import HOUR
from energy.models import EnergyHour, SmartPlug
from energy.plug_pool import MemoryResult
from energy.readings import Target
from energy.tests.factories import make_plug

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)

MINUTE = timedelta(minutes=1)

QUARTER_PAST_NOON = NINE + 3 * HOUR + 15 * MINUTE


def added(at: datetime, number: int = 101, **fields: Any) -> SmartPlug:
    """Store a plug that was added at a time of its own."""
    plug = make_plug(number, **fields)
    SmartPlug.objects.filter(pk=plug.pk).update(created_at=at)
    plug.refresh_from_db()
    return plug


def rows(plug: SmartPlug) -> dict[datetime, tuple[float, float, str]]:
    """Return energy, coverage and source by hour."""
    return {
        row.hour: (row.energy_wh, row.coverage, row.source)
        for row in EnergyHour.objects.filter(plug=plug).order_by("hour")
    }


class FakePool:
    """Remembers what was wanted of which plug, and answers 50 Wh for each hour or as told."""

    def __init__(self) -> None:
        self.result: MemoryResult | None = None
        self.is_told = False
        self.wanted: list[Wanted] = []
        self.before_it_answers: Any = lambda: None

    def tell(self, result: MemoryResult) -> None:
        self.result, self.is_told = result, True

    def start_remembering(self, target: Target, wanted: Wanted) -> Future[MemoryResult]:
        self.wanted.append(wanted)
        self.before_it_answers()
        all_hours = Remembered(dict.fromkeys(wanted.hours, 50.0), wanted.hours[-1] + HOUR)
        future: Future[MemoryResult] = Future()
        future.set_result(self.result if self.is_told else all_hours)
        return future
