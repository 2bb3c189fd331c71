"""The house's energy and the NAS's at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import fsum

from energy import services as energy
from energy.models import PlugRole, SmartPlug
from energy.periods import Period, Span, day_span, local_day, period_span, previous_span
from energy.services import PlugLatest
from energy.services.figures import Figure, PriceBook, figures_of, side_by_side
from nasctl.models import NasStatus
from nasctl.moments import moment_at
from nasctl.services.energy import Saved, saved_in
from nasctl.services.settings import limits
from nasctl.state import PowerState, power_state

#: So many complete days before today are averaged.
_AVERAGED_DAYS = 7


@dataclass(frozen=True)
class DailyMean:
    """What the house used on a day, as the last complete days went.

    Attributes:
        days: how many of them have data.
        energy_wh, cost: per day with data; None: there is none.
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
    house = _house(plugs, spans, now, book)
    daily = _mean(house[1 : _AVERAGED_DAYS + 1])
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


def _house(
    plugs: Sequence[SmartPlug], spans: Sequence[Span], now: datetime, book: PriceBook
) -> list[Figure]:
    figures = figures_of(plugs, spans, now, book)
    return [
        side_by_side(span, [figures[plug.pk][number] for plug in plugs])
        for number, span in enumerate(spans)
    ]


def _mean(days: Sequence[Figure]) -> DailyMean:
    known = [
        (day.energy_wh, day.cost)
        for day in days
        if day.energy_wh is not None and day.cost is not None
    ]
    if not known:
        return DailyMean(0, None, None)
    return DailyMean(
        days=len(known),
        energy_wh=fsum(wh for wh, _money in known) / len(known),
        cost=sum((money for _wh, money in known), Decimal(0)) / len(known),
    )


def _power_w(latest: Sequence[PlugLatest]) -> float | None:
    fresh = [it.power_w for it in latest if not it.is_stale and it.power_w is not None]
    return fsum(fresh) if fresh else None


def _nas_power_state(latest: Sequence[PlugLatest]) -> PowerState:
    nas = next((it for it in latest if it.plug.role == PlugRole.NAS), None)
    if nas is None or nas.is_stale:
        return PowerState.UNKNOWN
    return power_state(nas.power_w, limits().power_w)
