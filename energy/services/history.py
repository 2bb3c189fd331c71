"""History: a span cut into buckets, for each plug and for all together, and the period before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import fsum

from energy.models import PowerSample, SmartPlug
from energy.periods import (
    Period,
    Resolution,
    Span,
    buckets,
    local_day,
    period_span,
    previous_span,
    same_part,
)
from energy.services.figures import Figure, PriceBook, figures_of, in_sequence, side_by_side

#: A plug of which less than this part of either time is known is not compared.
_COMPARABLE = 0.5


@dataclass(frozen=True)
class PlugHistory:
    """One plug's figures, in order of time, and all of them together."""

    plug: SmartPlug
    figures: tuple[Figure, ...]
    total: Figure


@dataclass(frozen=True)
class Comparison:
    """The same part of the period before.

    Attributes:
        difference: of the energy, 0.1 for a tenth more, of the plugs that enough is known of in both
            times (one that was added meanwhile is no increase); None: there is none.
    """

    before: Figure
    difference: float | None


@dataclass(frozen=True)
class History:
    """Figures of one plug or several.

    Attributes:
        span: as asked for; it may go on after the present.
        figures: of all plugs together, in order of time; those still to come are left out.
        comparison: None where no period was asked for.
    """

    span: Span
    resolution: Resolution
    book: PriceBook
    plugs: tuple[PlugHistory, ...]
    figures: tuple[Figure, ...]
    total: Figure
    comparison: Comparison | None = None


def history(
    plugs: Sequence[SmartPlug], span: Span, resolution: Resolution, now: datetime, book: PriceBook
) -> History:
    """Return what the plugs used in ``span``, in buckets up to the present."""
    cut = [bucket for bucket in buckets(span, resolution, book.zone) if bucket.start < now]
    figures = figures_of(plugs, cut, now, book)
    by_plug = tuple(
        PlugHistory(plug, tuple(figures[plug.pk]), in_sequence(span, figures[plug.pk]))
        for plug in plugs
    )
    return History(
        span=span,
        resolution=resolution,
        book=book,
        plugs=by_plug,
        figures=tuple(
            side_by_side(bucket, [it.figures[number] for it in by_plug])
            for number, bucket in enumerate(cut)
        ),
        total=side_by_side(span, [it.total for it in by_plug]),
    )


def period_history(
    plugs: Sequence[SmartPlug],
    period: Period,
    day: date,
    now: datetime,
    book: PriceBook,
    resolution: Resolution,
) -> History:
    """Return the calendar period that holds ``day``, beside the same part of the one before."""
    span = period_span(period, day, book.zone)
    before = same_part(period, span, previous_span(period, day, book.zone), now, book.zone)
    found = history(plugs, span, resolution, now, book)
    earlier = [figures[0] for figures in figures_of(plugs, [before], now, book).values()]
    present = [each.total for each in found.plugs]
    return replace(found, comparison=comparison_of(span.until(now), present, before, earlier))


def compared(
    plugs: Sequence[SmartPlug], periods: Sequence[Period], now: datetime, book: PriceBook
) -> dict[Period, tuple[Figure, Comparison]]:
    """Return the present day, week, ... of all plugs together, each beside the one before."""
    day = local_day(now, book.zone)
    spans: list[Span] = []
    for period in periods:
        whole, before = (cut(period, day, book.zone) for cut in (period_span, previous_span))
        spans += [whole, same_part(period, whole, before, now, book.zone)]
    by_plug = list(figures_of(plugs, spans, now, book).values())
    found = {}
    for number, period in enumerate(periods):
        whole, before = spans[2 * number : 2 * number + 2]
        present, earlier = ([figures[2 * number + n] for figures in by_plug] for n in (0, 1))
        comparison = comparison_of(whole.until(now), present, before, earlier)
        found[period] = (side_by_side(whole, present), comparison)
    return found


def samples_between(plugs: Sequence[SmartPlug], span: Span) -> Iterator[PowerSample]:
    """Yield the stored samples of a span in order of time."""
    samples = PowerSample.objects.filter(plug__in=plugs, at__gte=span.start, at__lt=span.end)
    yield from samples.order_by("at", "plug").iterator()


def comparison_of(
    over: Span, present: Sequence[Figure], before: Span, earlier: Sequence[Figure]
) -> Comparison:
    """Return the comparison of each plug's figures, in the same order, of two spans.

    Args:
        over: the span as far as it is over.
        present: the plugs' figures of it.
        before: the same part of the span before.
        earlier: the plugs' figures of that.
    """
    pairs = [
        (now_wh, then_wh)
        for now_wh, then_wh in (
            (_comparable_wh(one, over), _comparable_wh(other, before))
            for one, other in zip(present, earlier, strict=True)
        )
        if now_wh is not None and then_wh is not None
    ]
    whole = side_by_side(before, earlier)
    then_wh = fsum(pair[1] for pair in pairs)
    if not then_wh:
        return Comparison(whole, None)
    return Comparison(whole, fsum(pair[0] for pair in pairs) / then_wh - 1)


def _comparable_wh(figure: Figure, span: Span) -> float | None:
    """Return a plug's energy of a span; None where too little of the span is known."""
    is_known = span.hours > 0 and figure.known_h >= _COMPARABLE * span.hours
    return figure.energy_wh if is_known else None
