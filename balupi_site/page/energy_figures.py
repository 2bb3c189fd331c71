"""The figures of the energy section: a period in steps, each beside that of the period before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from energy.models import SmartPlug
from energy.periods import (
    RESOLUTION_OF,
    Period,
    Span,
    buckets,
    local_day,
    period_span,
    previous_span,
    same_part,
)
from energy.services.figures import (
    Figure,
    PriceBook,
    figures_of,
    in_sequence,
    side_by_side,
)
from energy.services.history import Comparison, comparison_of

#: A shorter gap, in hours or as a part of its step, is not worth a word.
_LEAST_GAP_H, _LEAST_GAP = 0.1, 0.02
#: What less than this part of a step of the period before tells is not what was used in it.
_LEAST_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """An hour, day or month of all plugs together.

    Attributes:
        figure: None: it is still to come.
        filled_h: how much of it the plugs' memory filled, of the plug with the most.
        missing_h: how much of it is not known, likewise.
        before_wh: of the period before; None: most of it is not known, or that has no such step.
        predecessor_h: how much of it the predecessor counted, of the plug with the most.
    """

    span: Span
    figure: Figure | None
    filled_h: float
    missing_h: float
    before_wh: float | None
    predecessor_h: float = 0.0

    @property
    def energy_wh(self) -> float | None:
        """The energy so far; None: nothing is known, or it is still to come."""
        return self.figure.energy_wh if self.figure else None

    @property
    def missing(self) -> float:
        """The part of it so far, 0 to 1, whose energy is not known."""
        if self.figure is None or self.figure.known is None or not self.missing_h:
            return 0.0
        return 1 - self.figure.known


@dataclass(frozen=True, slots=True)
class Shown:
    """A period.

    Attributes:
        first, last: its days.
        known_h: the known part of ``over_h``, as a mean of the plugs that were there.
        over_h: how much of the period is over.
        before_known: the known part, 0 to 1, of the time to compare with, likewise.
        has_earlier: something may be known of the period before.
    """

    period: Period
    span: Span
    first: date
    last: date
    book: PriceBook
    steps: tuple[Step, ...]
    total: Figure
    comparison: Comparison
    known_h: float
    over_h: float
    before_known: float
    has_earlier: bool
    is_present: bool


@dataclass(frozen=True, slots=True)
class _Cut:
    """The stretches to ask for: the steps that have begun, then those of the period before.

    A step of the period before that is not over in ``part``, its part to compare with, is two.
    """

    steps: list[Span]
    begun: list[Span]
    earlier: list[Span]
    pieces: list[list[Span]]
    part: Span

    @classmethod
    def of(cls, period: Period, day: date, now: datetime, zone: ZoneInfo) -> _Cut:
        whole, before = (cut(period, day, zone) for cut in (period_span, previous_span))
        part = same_part(period, whole, before, now, zone)
        steps, earlier = (buckets(span, RESOLUTION_OF[period], zone) for span in (whole, before))
        begun = [step for step in steps if step.start < now]
        return cls(steps, begun, earlier, [_split(step, part.end) for step in earlier], part)

    @property
    def all(self) -> list[Span]:
        return self.begun + [piece for pieces in self.pieces for piece in pieces]

    def places(self) -> list[slice]:
        """Return where in ``all`` the pieces of each earlier step are."""
        found, at = [], len(self.begun)
        for pieces in self.pieces:
            found.append(slice(at, at + len(pieces)))
            at += len(pieces)
        return found


def shown(period: Period, day: date, now: datetime) -> Shown:
    """Return the period that holds a day of the household, as far as it is known.

    Args:
        period: hours of a day, days of a week or month, months of a year.
        day: any day of it.
        now: the present.
    """
    book = PriceBook.read()
    plugs = list(SmartPlug.objects.all())
    cut = _Cut.of(period, day, now, book.zone)
    whole = Span(cut.steps[0].start, cut.steps[-1].end)
    found = figures_of(plugs, cut.all, now, book)
    by_plug = [found[plug.pk] for plug in plugs]
    begun = len(cut.begun)
    compared = [n for n, it in enumerate(cut.all) if n >= begun and it.end <= cut.part.end]
    present = [in_sequence(whole, each[:begun]) for each in by_plug]
    past = [in_sequence(cut.part, [each[n] for n in compared]) for each in by_plug]
    total = side_by_side(whole, present)
    comparison = comparison_of(whole.until(now), present, cut.part, past)
    plug_hours = _measuring(past) * cut.part.hours
    return Shown(
        period=period,
        span=whole,
        first=local_day(whole.start, book.zone),
        last=local_day(cut.steps[-1].start, book.zone),
        book=book,
        steps=_steps(period, cut, by_plug, book.zone),
        total=total,
        comparison=comparison,
        known_h=total.known_h / _measuring(present),
        over_h=whole.until(now).hours,
        before_known=comparison.before.known_h / plug_hours if plug_hours else 0.0,
        has_earlier=any(it.expected_h > 0 for each in by_plug for it in each[begun:]),
        is_present=whole.start <= now < whole.end,
    )


def _measuring(by_plug: Sequence[Figure]) -> int:
    """Return how many plugs there were to measure, at least one; one that is not polled any more is none."""
    return max(sum(it.expected_h > 0 for it in by_plug), 1)


def _steps(
    period: Period, cut: _Cut, by_plug: Sequence[Sequence[Figure]], zone: ZoneInfo
) -> tuple[Step, ...]:
    """Put each step beside its like in the period before; an hour that the clock repeats has two."""
    likes: dict[int, list[int]] = defaultdict(list)
    for number, step in enumerate(cut.earlier):
        likes[_number(period, step, zone)].append(number)
    places = cut.places()
    steps = []
    for number, step in enumerate(cut.steps):
        like = next(iter(likes[_number(period, step, zone)]), None)
        del likes[_number(period, step, zone)][:1]
        before_wh = None
        if like is not None:
            before_wh = _known_wh(cut.earlier[like], [it[places[like]] for it in by_plug])
        figures = [it[number] for it in by_plug] if number < len(cut.begun) else None
        steps.append(_step(step, figures, before_wh))
    return tuple(steps)


def _known_wh(span: Span, by_plug: Sequence[Sequence[Figure]]) -> float | None:
    """Return what was used in a span, from its pieces; None where most of it is not known."""
    figures = [in_sequence(span, pieces) for pieces in by_plug]
    whole = side_by_side(span, figures)
    least_h = _LEAST_KNOWN * span.hours * _measuring(figures)
    return whole.energy_wh if whole.known_h >= least_h else None


def _step(span: Span, figures: Sequence[Figure] | None, before_wh: float | None) -> Step:
    return Step(
        span=span,
        figure=None if figures is None else side_by_side(span, figures),
        filled_h=_gap_h(span, (it.known_h - it.covered_h for it in figures or ())),
        missing_h=_gap_h(span, (it.expected_h - it.known_h for it in figures or ())),
        before_wh=before_wh,
        predecessor_h=max((it.predecessor_h for it in figures or ()), default=0.0),
    )


def _gap_h(span: Span, gaps_h: Iterable[float]) -> float:
    longest_h = max(gaps_h, default=0.0)
    return longest_h if longest_h >= max(_LEAST_GAP_H, _LEAST_GAP * span.hours) else 0.0


def _split(step: Span, at: datetime) -> list[Span]:
    if step.start < at < step.end:
        return [Span(step.start, at), Span(at, step.end)]
    return [step]


def _number(period: Period, step: Span, zone: ZoneInfo) -> int:
    """Return a step's number in its period, by the clock and the calendar."""
    local = step.start.astimezone(zone)
    return {
        Period.DAY: local.hour,
        Period.WEEK: local.weekday(),
        Period.MONTH: local.day,
        Period.YEAR: local.month,
    }[period]
