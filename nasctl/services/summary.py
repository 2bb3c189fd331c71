"""The house's energy and the NAS's at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import fsum

from energy import services as energy
from energy.models import PlugRole, SmartPlug
from energy.periods import Period, day_span, local_day, period_span, previous_span
from energy.services import PlugLatest
from energy.services.figures import Figure, PriceBook, figures_of, side_by_side
from nasctl.models import NasStatus
from nasctl.moments import moment_at
from nasctl.services.energy import Saved, saved_in
from nasctl.services.settings import limits
from nasctl.state import PowerState, power_state

#: So many complete days before today are averaged.
_AVERAGED_DAYS = 7
#: So much of a day must be known to count as one.
_KNOWN_OF_DAY = 0.9


@dataclass(frozen=True)
class DailyMean:
    """What the house used on a day, as the last complete days went.

    Each plug's mean is of its own days that are known; the house's is the sum of them.

    Attributes:
        days: how many of them count, of the plug with the most.
        energy_wh, cost: per day; None: no day of any plug counts.
    """

    days: int
    energy_wh: float | None
    cost: Decimal | None


@dataclass(frozen=True)
class Summary:
    """The house and the NAS now.

    Attributes:
        devices: plugs that are polled.
        power_w: of those whose reading is fresh; None: none is.
        daily: the mean of the last complete days.
        month_cost: what this month's energy will cost if its days go like that, without base fees.
        nas_power_state: by a fresh reading of the NAS's plug.
        today, yesterday, this_month, last_month: the sum of all plugs.
        saved_today, saved_this_month: None: no plug has the role NAS.
    """

    currency: str
    devices: int
    power_w: float | None
    daily: DailyMean
    month_cost: Decimal | None
    nas_power_state: PowerState
    nas_state: str
    today: Figure
    yesterday: Figure
    this_month: Figure
    last_month: Figure
    saved_today: Saved | None
    saved_this_month: Saved | None


def summary(now: datetime) -> Summary:
    """Return the house and the NAS at a glance; all figures are of the house, never of a plug."""
    book = PriceBook.read()
    plugs = list(SmartPlug.objects.all())
    latest = energy.latest_of_plugs([plug for plug in plugs if plug.enabled], now)
    today = local_day(now, book.zone)
    this_month = period_span(Period.MONTH, today, book.zone)
    days = [day_span(today - timedelta(days=n), book.zone) for n in range(_AVERAGED_DAYS + 1)]
    spans = [*days, this_month, previous_span(Period.MONTH, today, book.zone)]
    figures = list(figures_of(plugs, spans, now, book).values())
    house = [
        side_by_side(span, [of_plug[number] for of_plug in figures])
        for number, span in enumerate(spans)
    ]
    daily = _mean([of_plug[1 : _AVERAGED_DAYS + 1] for of_plug in figures])
    days_of_month = (
        local_day(this_month.end, book.zone) - local_day(this_month.start, book.zone)
    ).days
    slept = [*(saved_in([days[0], this_month], now, book) or (None, None))]
    return Summary(
        currency=book.currency,
        devices=len(latest),
        power_w=_power_w(latest),
        daily=daily,
        month_cost=None if daily.cost is None else daily.cost * days_of_month,
        nas_power_state=_nas_power_state(latest),
        nas_state=NasStatus.current(moment_at(now)).state,
        today=house[0],
        yesterday=house[1],
        this_month=house[-2],
        last_month=house[-1],
        saved_today=slept[0],
        saved_this_month=slept[1],
    )


def _mean(days_of_plugs: Sequence[Sequence[Figure]]) -> DailyMean:
    counted = [[day for day in days if _counts(day)] for days in days_of_plugs]
    counted = [days for days in counted if days]
    if not counted:
        return DailyMean(0, None, None)
    costs = (sum((day.cost or Decimal(0) for day in days), Decimal(0)) for days in counted)
    return DailyMean(
        days=max(len(days) for days in counted),
        energy_wh=fsum(fsum(day.energy_wh or 0.0 for day in days) / len(days) for days in counted),
        cost=sum((cost / len(days) for cost, days in zip(costs, counted, strict=True)), Decimal(0)),
    )


def _counts(day: Figure) -> bool:
    """Tell whether so much of a whole day is known that it stands for one."""
    return day.energy_wh is not None and day.known_h >= _KNOWN_OF_DAY * day.span.hours


def _power_w(latest: Sequence[PlugLatest]) -> float | None:
    fresh = [w for it in latest if (w := it.present_power_w) is not None]
    return fsum(fresh) if fresh else None


def _nas_power_state(latest: Sequence[PlugLatest]) -> PowerState:
    nas = next((it for it in latest if it.plug.role == PlugRole.NAS), None)
    return power_state(nas.present_power_w if nas else None, limits().power_w)
