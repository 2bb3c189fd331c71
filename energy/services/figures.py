"""Figures: energy, coverage and cost of plugs in any stretches of time, up to this moment."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from math import fsum
from operator import add
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery

from balupi_site.lib.clock import household_zone
from energy.metering import HOUR, hour_start
from energy.models import EnergyHour, EnergySource, SmartPlug
from energy.periods import Span
from energy.services.live import LiveFigure, live_figures
from energy.services.tariffs import active_tariffs, currency_of, fallback_price
from energy.sums import NOTHING, Piece, Sums, piece_sums, share_of_hour
from energy.tariffs import Price, PricedSpan, TariffRule, base_fee, cost, priced_spans


@dataclass(frozen=True)
class PriceBook:
    """All prices of the household; read once per request."""

    tariffs: tuple[TariffRule, ...]
    fallback: Price
    currency: str
    zone: ZoneInfo

    @classmethod
    def read(cls) -> PriceBook:
        """Return the prices as they are now; two queries."""
        tariffs = tuple(active_tariffs())
        return cls(tariffs, fallback_price(), currency_of(tariffs), household_zone())

    def spans(self, span: Span) -> list[PricedSpan]:
        """Return the prices in force, in order."""
        return priced_spans(span, self.tariffs, self.zone, self.fallback)

    def pieces(self, spans: Sequence[Span]) -> tuple[list[Piece], list[tuple[int, Price]]]:
        """Cut spans, in any order, where the price changes; a price that comes again is one sum.

        Returns:
            the pieces, and for each of their keys the number of its span and its price.
        """
        if not spans:
            return [], []
        whole = Span(min(it.start for it in spans), max(it.end for it in spans))
        prices = self.spans(whole)
        ends = [priced.span.end for priced in prices]
        pieces: list[Piece] = []
        places: list[tuple[int, Price]] = []
        for number, span in enumerate(spans):
            keys: dict[Price, int] = {}
            at, start = bisect_right(ends, span.start), span.start
            while start < span.end:
                end, price = min(ends[at], span.end), prices[at].price
                key = keys.setdefault(price, len(places))
                if key == len(places):
                    places.append((number, price))
                pieces.append(Piece(start, end, key))
                at, start = at + 1, end
        return pieces, places

    def base_fee(self, span: Span) -> Decimal:
        """Return the share of the monthly base fees."""
        return base_fee(span, self.tariffs, self.zone)


@dataclass(slots=True)  # never changed; frozen ones take three times as long to make
class PriceFigure:
    """What was used at one price."""

    energy_wh: float
    cost: Decimal

    def __add__(self, other: PriceFigure) -> PriceFigure:
        """Return both together."""
        return PriceFigure(self.energy_wh + other.energy_wh, self.cost + other.cost)


@dataclass(slots=True)  # likewise
class Figure:
    """What is known of one stretch of time, of one plug or of several together.

    Attributes:
        energy_wh: None: nothing is known.
        filled_wh: the part of it that is from the plugs' memory.
        expected_h: plug-hours that are over, while each plug was known and polled.
        covered_h: the measured part of them.
        known_h: the same with what the plugs' memory filled.
        power_min_w, power_max_w: of one plug; None for several, whose peaks need not coincide.
        power_avg_w: over the time whose energy is known; of several plugs, the sum.
        costs: what the energy costs, by price, without base fees.
        predecessor_h: the part of ``covered_h`` that the predecessor counted, about 8 % low.
    """

    span: Span
    energy_wh: float | None
    filled_wh: float
    expected_h: float
    covered_h: float
    known_h: float
    power_min_w: float | None
    power_avg_w: float | None
    power_max_w: float | None
    costs: Mapping[Price, PriceFigure]
    predecessor_h: float = 0.0

    @property
    def cost(self) -> Decimal | None:
        """What the energy costs, without base fees; None: nothing is known."""
        if self.energy_wh is None:
            return None
        return sum((figure.cost for figure in self.costs.values()), Decimal(0))

    @property
    def coverage(self) -> float | None:
        """The measured part of the time that is over, 0 to 1; None: none of it is."""
        return min(self.covered_h / self.expected_h, 1.0) if self.expected_h else None

    @property
    def known(self) -> float | None:
        """The part of the time that is over whose energy is known; None: none of it is."""
        return min(self.known_h / self.expected_h, 1.0) if self.expected_h else None

    @property
    def source(self) -> str | None:
        """Where the energy is known from, in the words of ``EnergySource``; None: it is not.

        "predecessor" where it counted any of it. What was counted anew is measured.
        """
        if self.energy_wh is None:
            return None
        if self.predecessor_h:
            return EnergySource.PREDECESSOR.value
        if not self.filled_wh:
            return EnergySource.MEASURED.value
        return EnergySource.MIXED.value if self.covered_h else EnergySource.PLUG.value


def figures_of(
    plugs: Sequence[SmartPlug], spans: Sequence[Span], now: datetime, book: PriceBook
) -> dict[int, list[Figure]]:
    """Return each plug's figures for the stretches of time, by the plug's primary key.

    The present hour is in them up to the latest reading.

    Args:
        plugs: the plugs.
        spans: in any order; one that goes on after ``now`` has the figures so far.
        now: the present.
        book: the prices.
    """
    pieces, places = book.pieces(spans)
    plug_ids = [plug.pk for plug in plugs]
    found = piece_sums(plug_ids, pieces, now=now)
    if any(span.end > hour_start(now) - HOUR for span in spans):  # nothing else waits so long
        live = [figure for figure in live_figures(now) if figure.plug_id in plug_ids]
        _add_live(found, pieces, live, now)
    parts: dict[tuple[int, int], list[tuple[Price, Sums]]] = defaultdict(list)
    for (plug_id, key), sums in found.items():
        number, price = places[key]
        parts[plug_id, number].append((price, sums))
    known = known_spans(plugs, now)
    return {
        plug.pk: [
            _figure(span, parts.get((plug.pk, number), []), known[plug.pk])
            for number, span in enumerate(spans)
        ]
        for plug in plugs
    }


def in_sequence(span: Span, figures: Sequence[Figure]) -> Figure:
    """Return one plug's figures of stretches that make up ``span`` as one."""
    whole = _added(span, figures)
    lows = [it.power_min_w for it in figures if it.power_min_w is not None]
    highs = [it.power_max_w for it in figures if it.power_max_w is not None]
    return replace(
        whole,
        power_min_w=min(lows, default=None),
        power_avg_w=_mean_w(whole.energy_wh, whole.known_h),
        power_max_w=max(highs, default=None),
    )


def side_by_side(span: Span, figures: Sequence[Figure]) -> Figure:
    """Return several plugs' figures of the same span as one."""
    if len(figures) == 1:
        return figures[0]
    means = [it.power_avg_w for it in figures if it.power_avg_w is not None]
    return replace(_added(span, figures), power_avg_w=sum(means) if means else None)


def _figure(span: Span, parts: Sequence[tuple[Price, Sums]], known: Span) -> Figure:
    expected = min(span.end, known.end) - max(span.start, known.start)
    costs = {
        price: PriceFigure(sums.energy_wh, cost(sums.energy_wh, price.per_kwh))
        for price, sums in parts
    }
    whole = reduce(add, [sums for _price, sums in parts]) if parts else NOTHING
    return Figure(
        span=span,
        energy_wh=whole.energy_wh if parts else None,
        filled_wh=whole.filled_wh,
        expected_h=max(expected / HOUR, whole.covered_h),
        covered_h=whole.covered_h,
        known_h=whole.known_h,
        power_min_w=whole.power_min_w,
        power_avg_w=_mean_w(whole.energy_wh if parts else None, whole.known_h),
        power_max_w=whole.power_max_w,
        costs=costs,
        predecessor_h=whole.predecessor_h,
    )


def _added(span: Span, figures: Sequence[Figure]) -> Figure:
    known = [it.energy_wh for it in figures if it.energy_wh is not None]
    costs = _by_price(part for figure in figures for part in figure.costs.items())
    return Figure(
        span=span,
        energy_wh=fsum(known) if known else None,
        filled_wh=fsum(it.filled_wh for it in figures),
        expected_h=fsum(it.expected_h for it in figures),
        covered_h=fsum(it.covered_h for it in figures),
        known_h=fsum(it.known_h for it in figures),
        power_min_w=None,
        power_avg_w=None,
        power_max_w=None,
        costs=costs,
        predecessor_h=fsum(it.predecessor_h for it in figures),
    )


def _by_price(parts: Iterable[tuple[Price, PriceFigure]]) -> dict[Price, PriceFigure]:
    """Return what was used at each price."""
    costs: dict[Price, PriceFigure] = {}
    for price, part in parts:
        costs[price] = costs[price] + part if price in costs else part
    return costs


def _add_live(
    found: dict[tuple[int, int], Sums],
    pieces: Sequence[Piece],
    live: Iterable[LiveFigure],
    now: datetime,
) -> None:
    """Add what the samples say that are not stored yet."""
    for figure in live:
        for piece in pieces:
            if piece.end <= figure.hour:
                continue
            if share := share_of_hour(figure.hour, piece, now):
                place = (figure.plug_id, piece.key)
                found[place] = found.get(place, NOTHING) + _live_sums(figure, share)


def _live_sums(figure: LiveFigure, share: float) -> Sums:
    covered_h = figure.covered_h * share
    return Sums(
        energy_wh=figure.energy_wh * share,
        filled_wh=0.0,
        covered_h=covered_h,
        known_h=covered_h,
        power_min_w=figure.power_min_w,
        power_max_w=figure.power_max_w,
    )


def known_spans(plugs: Sequence[SmartPlug], now: datetime) -> dict[int, Span]:
    """Return from when to when each plug was to be measured, by its primary key.

    From when it was added, or from its first hour where a history was loaded. Until now, or to the
    end of its last hour where it is not polled any more.
    """
    hours = EnergyHour.objects.filter(plug=OuterRef("pk")).order_by("hour").values("hour")
    rows = SmartPlug.objects.filter(pk__in=[plug.pk for plug in plugs]).order_by()
    ends = rows.values_list("pk", Subquery(hours[:1]), Subquery(hours.reverse()[:1]))
    found = {pk: (first, last) for pk, first, last in ends}
    known = {}
    for plug in plugs:
        first, last = found.get(plug.pk, (None, None))
        start = min(plug.created_at, first or plug.created_at)
        ends_at = now if plug.enabled or last is None else min(last + HOUR, now)
        known[plug.pk] = Span(start, max(ends_at, start))
    return known


def _mean_w(energy_wh: float | None, known_h: float) -> float | None:
    return energy_wh / known_h if energy_wh is not None and known_h else None
