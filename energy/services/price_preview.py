"""What another set of tariffs would do to the hours that are over; nothing is changed by asking."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Min

from balupi_site.lib.clock import household_zone
from energy.metering import HOUR, hour_start
from energy.models import EnergyHour, SmartPlug
from energy.periods import Span
from energy.services.tariffs import currency_of, fallback_price
from energy.sums import Piece, piece_sums
from energy.tariffs import (
    Price,
    PriceChange,
    TariffRule,
    base_fee,
    cost,
    price_changes,
    priced_spans,
)


@dataclass(frozen=True, slots=True)
class TariffCost:
    """What the affected hours cost by one tariff before and after a change."""

    tariff_id: int | None
    name: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class PricePreview:
    """What a change of tariffs does to what is over; money is not rounded.

    Attributes:
        hours: hours with energy whose price per kWh (or currency) changes.
        first, last: the starts of the first and the last of them, UTC; None: there are none.
        energy_wh: their energy, of all plugs.
        before, after: its cost, without base fees.
        fee_before, fee_after: base fees since the first measured hour.
        by_tariff: the parts of ``before`` and ``after``, by name.
    """

    hours: int
    first: datetime | None
    last: datetime | None
    energy_wh: float
    before: Decimal
    after: Decimal
    fee_before: Decimal
    fee_after: Decimal
    currency_before: str
    currency_after: str
    by_tariff: tuple[TariffCost, ...]

    @property
    def changes_the_past(self) -> bool:
        """Whether any figure that may have been looked at becomes another."""
        return self.hours > 0 or self.fee_before != self.fee_after


def preview_of(
    before: Sequence[TariffRule], after: Sequence[TariffRule], now: datetime
) -> PricePreview:
    """Return what it does to the hours until ``now`` if other tariffs count; changes nothing."""
    zone, currencies = household_zone(), (currency_of(before), currency_of(after))
    first = EnergyHour.objects.filter(hour__lt=now).aggregate(first=Min("hour"))["first"]
    span = Span(first or now, now)
    prices = [priced_spans(span, rules, zone, fallback_price()) for rules in (before, after)]
    changes = price_changes(*prices, also_equal=currencies[0] != currencies[1])
    hours = _hours_within(changes)
    energy_wh, by_tariff = _costs(changes, now)
    return PricePreview(
        hours=len(hours),
        first=hours[0] if hours else None,
        last=hours[-1] if hours else None,
        energy_wh=energy_wh,
        before=sum((each.before for each in by_tariff), Decimal(0)),
        after=sum((each.after for each in by_tariff), Decimal(0)),
        fee_before=base_fee(span, before, zone),
        fee_after=base_fee(span, after, zone),
        currency_before=currencies[0],
        currency_after=currencies[1],
        by_tariff=tuple(by_tariff),
    )


def _hours_within(changes: Sequence[PriceChange]) -> list[datetime]:
    """Return the hours with energy that lie in the changes, wholly or in part, rising."""
    if not changes:
        return []
    ends = [change.span.end for change in changes]
    stored = (
        EnergyHour.objects.filter(
            hour__gte=hour_start(changes[0].span.start), hour__lt=ends[-1], energy_wh__gt=0
        )
        .values_list("hour", flat=True)
        .distinct()
    )
    return sorted(
        hour for hour in stored if changes[bisect_right(ends, hour)].span.start < hour + HOUR
    )


def _costs(changes: Sequence[PriceChange], now: datetime) -> tuple[float, list[TariffCost]]:
    """Return the energy within the changes, and its cost by tariff."""
    pairs = list(dict.fromkeys((change.before, change.after) for change in changes))
    keys = {pair: key for key, pair in enumerate(pairs)}
    pieces = [
        Piece(change.span.start, change.span.end, keys[change.before, change.after])
        for change in changes
    ]
    plug_ids = list(SmartPlug.objects.values_list("pk", flat=True)) if pieces else []
    energy_wh = 0.0
    costs: dict[tuple[int | None, str], TariffCost] = {}
    for (_plug_id, key), sums in piece_sums(plug_ids, pieces, now=now).items():
        was, becomes = pairs[key]
        energy_wh += sums.energy_wh
        _add(costs, was, before=cost(sums.energy_wh, was.per_kwh))
        _add(costs, becomes, after=cost(sums.energy_wh, becomes.per_kwh))
    return energy_wh, sorted(costs.values(), key=lambda each: each.name)


def _add(
    costs: dict[tuple[int | None, str], TariffCost],
    price: Price,
    *,
    before: Decimal = Decimal(0),
    after: Decimal = Decimal(0),
) -> None:
    key = price.tariff_id, price.tariff_name
    known = costs.get(key, TariffCost(*key, Decimal(0), Decimal(0)))
    costs[key] = replace(known, before=known.before + before, after=known.after + after)
