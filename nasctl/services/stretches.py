"""The NAS's energy by state and price, in any stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from math import fsum
from operator import add

from energy.periods import Span
from energy.services.figures import PriceBook
from energy.tariffs import Price, cost
from nasctl.energy_split import HourState
from nasctl.saved import Asleep
from nasctl.services.state_sums import StateSums, state_sums


@dataclass(frozen=True)
class Stretch:
    """What is known of a stretch of time, by price and state."""

    span: Span
    by_price: tuple[tuple[Price, dict[HourState, StateSums]], ...]

    def sums(self, state: HourState) -> StateSums:
        """Return what is known of a state."""
        return reduce(add, (sums.get(state, StateSums()) for _, sums in self.by_price), StateSums())

    def cost(self, state: HourState) -> Decimal:
        """Return what a state's known energy costs, not rounded."""
        return sum(
            (
                cost(sums[state].energy_wh, it.per_kwh)
                for it, sums in self.by_price
                if state in sums
            ),
            Decimal(0),
        )

    @property
    def known_h(self) -> float:
        """The time whose energy is known."""
        return fsum(self.sums(state).known_h for state in HourState)

    @property
    def watched(self) -> float:
        """The part of the time, 0 to 1, of which it is known what the NAS did."""
        hours = {state: self.sums(state).duration_h for state in HourState}
        whole_h = fsum(hours.values())
        return 1 - hours[HourState.UNKNOWN] / whole_h if whole_h > 0 else 0.0

    @property
    def energy_wh(self) -> float | None:
        """The energy of all states; None: nothing is known."""
        if self.known_h <= 0:
            return None
        return fsum(self.sums(state).energy_wh for state in HourState)

    def state_wh(self, state: HourState) -> float | None:
        """Return a state's energy; 0 where the NAS was never in it, None where it is not known."""
        sums = self.sums(state)
        is_known = sums.known_h > 0 or (sums.duration_h <= 0 < self.known_h)
        return sums.energy_wh if is_known else None

    @property
    def asleep(self) -> Asleep:
        """How the NAS slept."""
        sums = self.sums(HourState.OFFLINE)
        return Asleep(sums.duration_h, sums.known_h, sums.energy_wh)


def stretches(plug_id: int, spans: Sequence[Span], now: datetime, book: PriceBook) -> list[Stretch]:
    """Return what is known of each span, up to the samples stored last; spans may overlap."""
    pieces, places = book.pieces([span.until(now) for span in spans])
    found = state_sums(plug_id, pieces, now)
    by_price: list[list[tuple[Price, dict[HourState, StateSums]]]] = [[] for _span in spans]
    for key, (number, price) in enumerate(places):
        by_price[number].append((price, dict(found.get(key, {}))))
    return [Stretch(span, tuple(pairs)) for span, pairs in zip(spans, by_price, strict=True)]
