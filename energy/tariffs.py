"""Rules: which price is in force when, what energy costs, base fees; a price is for ``[from, to)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from energy.clock_jumps import steady_spans
from energy.periods import Period, Span, local_day, midnight, period_span

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Times of another price, by the household's wall clock.

    ``weekdays`` are the days on which it begins, 0 is Monday. An ``end`` that is not after the start
    is on the next day; an equal one makes it 24 hours.
    """

    name: str
    weekdays: frozenset[int]
    start: time
    end: time
    price_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class TariffRule:
    """A tariff, valid on the household's days ``[valid_from, valid_to)``; None: no such end."""

    tariff_id: int | None
    name: str
    price_per_kwh: Decimal
    base_fee_per_month: Decimal
    currency: str
    valid_from: date | None
    valid_to: date | None
    zones: tuple[ZoneRule, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What a kWh costs and why: ``tariff_id`` is None without a tariff, ``zone_name`` "" outside zones."""

    per_kwh: Decimal
    tariff_id: int | None
    tariff_name: str
    zone_name: str


@dataclass(frozen=True, slots=True)
class PricedSpan:
    """A stretch of one price."""

    span: Span
    price: Price


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A stretch whose price was one and becomes another."""

    span: Span
    before: Price
    after: Price


def priced_spans(
    span: Span, tariffs: Sequence[TariffRule], zone: ZoneInfo, fallback: Price
) -> list[PricedSpan]:
    """Return the prices in force, rising; they cover the span exactly, without gaps.

    Neighbours differ in their price. What the clock repeats has the price of its wall clock twice.
    Where tariffs overlap, the one that began earlier counts.
    """
    spans: list[PricedSpan] = []
    at = span.start
    for tariff, part in _in_force(span, tariffs, zone):
        if at < part.start:
            spans.append(PricedSpan(Span(at, part.start), fallback))
        spans.extend(_spans_of_tariff(part, tariff, zone))
        at = part.end
    if at < span.end:
        spans.append(PricedSpan(Span(at, span.end), fallback))
    return _merged(spans)


def price_changes(
    before: Sequence[PricedSpan], after: Sequence[PricedSpan], *, also_equal: bool = False
) -> list[PriceChange]:
    """Return the stretches whose price per kWh differs; both sequences cover the same span.

    Args:
        before: as ``priced_spans`` returns it.
        after: likewise.
        also_equal: return those of equal prices too, as where the currency changes.
    """
    changes: list[PriceChange] = []
    old, new = iter(before), iter(after)
    was, becomes = next(old, None), next(new, None)
    while was is not None and becomes is not None:
        start = max(was.span.start, becomes.span.start)
        end = min(was.span.end, becomes.span.end)
        if also_equal or was.price.per_kwh != becomes.price.per_kwh:
            changes.append(PriceChange(Span(start, end), was.price, becomes.price))
        was_ends, becomes_ends = was.span.end == end, becomes.span.end == end
        was = next(old, None) if was_ends else was
        becomes = next(new, None) if becomes_ends else becomes
    return changes


def base_fee(span: Span, tariffs: Sequence[TariffRule], zone: ZoneInfo) -> Decimal:
    """Return the base fees of a span, each month's in proportion to time; not rounded.

    Fees of adjacent spans add up to that of the whole, to the precision of ``Decimal``.
    """
    fee = Decimal(0)
    for tariff, part in _in_force(span, tariffs, zone):
        at = part.start
        while tariff.base_fee_per_month and at < part.end:
            month = period_span(Period.MONTH, local_day(at, zone), zone)
            end = min(part.end, month.end)
            length_us, month_us = (end - at) // _MICROSECOND, _length_us(month)
            fee += tariff.base_fee_per_month * length_us / month_us
            at = end
    return fee


def cost(energy_wh: float, price_per_kwh: Decimal) -> Decimal:
    """Return what energy costs, not rounded.

    The energy is taken to a millionth of a Wh; the product is exact (up to 1,000 MWh), so that sums
    of costs do not depend on their order.
    """
    return Decimal(round(energy_wh * 1_000_000)).scaleb(-9) * price_per_kwh


def as_shown(parts: Sequence[Decimal], places: int = 2) -> list[Decimal]:
    """Return the parts rounded so that they add up to the rounded sum.

    What rounding leaves over goes to the largest part; where that is more than one unit, one each
    to the largest ones, so that no part is off by more than a unit and a half, or falls below zero.
    """
    unit = Decimal(1).scaleb(-places)
    shown = [part.quantize(unit, ROUND_HALF_UP) for part in parts]
    rest = sum(parts, Decimal(0)).quantize(unit, ROUND_HALF_UP) - sum(shown, Decimal(0))
    by_size = sorted(range(len(parts)), key=lambda index: -abs(parts[index]))
    for index in by_size[: abs(int(rest / unit))]:
        shown[index] += unit if rest > 0 else -unit
    return shown


def overlapping(new: TariffRule, others: Iterable[TariffRule]) -> TariffRule | None:
    """Return the first of the others that is valid on some day of ``new``, or None."""
    for other in others:
        if _first(new) < _end(other) and _first(other) < _end(new):
            return other
    return None


def overlapping_zones(zones: Sequence[ZoneRule]) -> tuple[ZoneRule, ZoneRule] | None:
    """Return two zones of a tariff that claim the same time of the week, or None."""
    stretches = [(start, end, zone) for zone in zones for start, end in _week_of(zone)]
    stretches += [(start + _WEEK, end + _WEEK, zone) for start, end, zone in stretches]
    stretches.sort(key=lambda stretch: stretch[:2])
    for (_, end, one), (start, _, other) in pairwise(stretches):
        if start < end:
            return one, other
    return None


def _in_force(
    span: Span, tariffs: Iterable[TariffRule], zone: ZoneInfo
) -> Iterator[tuple[TariffRule, Span]]:
    """Yield each tariff's part of the span, rising and apart from each other."""
    at = span.start
    for tariff in sorted(tariffs, key=_first):
        start = at if tariff.valid_from is None else max(at, midnight(tariff.valid_from, zone))
        ends = tariff.valid_to
        end = span.end if ends is None else min(span.end, midnight(ends, zone))
        if start < end:
            yield tariff, Span(start, end)
            at = end


def _spans_of_tariff(span: Span, tariff: TariffRule, zone: ZoneInfo) -> Iterator[PricedSpan]:
    outside = Price(tariff.price_per_kwh, tariff.tariff_id, tariff.name, "")
    if not tariff.zones:
        yield PricedSpan(span, outside)
        return
    week = [
        (start, end, Price(each.price_per_kwh, tariff.tariff_id, tariff.name, each.name))
        for each in tariff.zones
        for start, end in _week_of(each)
    ]
    week.sort(key=lambda stretch: stretch[:2])
    for part, offset in steady_spans(span, zone):
        yield from _spans_of_week(part, offset, week, outside)


def _spans_of_week(
    span: Span,
    offset: timedelta,
    week: Sequence[tuple[timedelta, timedelta, Price]],
    outside: Price,
) -> Iterator[PricedSpan]:
    """Yield the prices while the clock does not jump; ``week`` counts from Monday 00:00."""
    at = span.start
    wall = span.start + offset
    wall_midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = wall_midnight - wall.weekday() * _DAY - offset - _WEEK  # Sunday's zones reach over
    while monday < span.end:
        for begins, ends, price in week:
            start, end = max(at, monday + begins), min(span.end, monday + ends)
            if start < end:
                if at < start:
                    yield PricedSpan(Span(at, start), outside)
                yield PricedSpan(Span(start, end), price)
                at = end
        monday += _WEEK
    if at < span.end:
        yield PricedSpan(Span(at, span.end), outside)


def _week_of(zone: ZoneRule) -> list[tuple[timedelta, timedelta]]:
    """Return the zone's stretches since Monday 00:00; Sunday's may reach into the next week."""
    start, end = _since_midnight(zone.start), _since_midnight(zone.end)
    if end <= start:
        end += _DAY
    return [(day * _DAY + start, day * _DAY + end) for day in sorted(zone.weekdays)]


def _merged(spans: Iterable[PricedSpan]) -> list[PricedSpan]:
    merged: list[PricedSpan] = []
    for each in spans:
        if merged and merged[-1].price == each.price:
            merged[-1] = PricedSpan(Span(merged[-1].span.start, each.span.end), each.price)
        else:
            merged.append(each)
    return merged


def _since_midnight(at: time) -> timedelta:
    return timedelta(
        hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
    )


def _length_us(span: Span) -> int:
    return (span.end - span.start) // _MICROSECOND


def _first(tariff: TariffRule) -> date:
    return tariff.valid_from or date.min


def _end(tariff: TariffRule) -> date:
    return tariff.valid_to or date.max
