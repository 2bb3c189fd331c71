"""Bars of a period against the period before: geometry in percent of the drawing, ready as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: Up to so many slots the bars have room for their values.
ROOMY = 12
#: Parts of a slot that its bars take: the wide one of the period before, the narrow one of this.
_WIDE, _NARROW = 0.62, 0.36
_WIDE_DENSE, _NARROW_DENSE = 0.8, 0.5
#: The axis ends so much above the highest bar, for the value on it.
_HEAD_ROOM = 1.12
_TOPS = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.4, 3, 4, 5, 6, 7, 8, 10)
#: What is missing is drawn so high that it can be seen, in percent, and never above the known bars.
_LEAST_MISSING = 5.0
#: Of the highest bar, where nothing else says how high what is missing may be.
_GUESS = 0.5


@dataclass(frozen=True, slots=True)
class Slot:
    """An hour, day or month of the period, and the one of the period before.

    Attributes:
        energy_wh: None: nothing is known, or it is still to come.
        filled_wh: the part of it that is from the plugs' memory.
        missing: the part of its time so far, 0 to 1, whose energy is not known.
        before_wh: of the period before; None: nothing is known.
    """

    energy_wh: float | None
    filled_wh: float = 0.0
    missing: float = 0.0
    before_wh: float | None = None


class Box(NamedTuple):
    """A rectangle in percent."""

    x: str
    y: str
    width: str
    height: str


class Mark(NamedTuple):
    """Where the value of a slot stands: over the middle of its bars."""

    slot: int
    x: str
    y: str


class Line(NamedTuple):
    """A line of the grid."""

    energy_wh: float
    y: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw, the hindmost first.

    Attributes:
        before: of the period before.
        measured: of this period, from the ground.
        filled: what the plugs' memory adds on top of it.
        missing: what was not measured, about as high as it would have been.
        marks: the places of the values, one per slot with a bar.
        grid: the axis' upper end and its middle.
    """

    before: tuple[Box, ...]
    measured: tuple[Box, ...]
    filled: tuple[Box, ...]
    missing: tuple[Box, ...]
    marks: tuple[Mark, ...]
    grid: tuple[Line, ...]


def chart(slots: Sequence[Slot]) -> Chart:
    """Return the drawing of at least one slot; the slots are equally wide."""
    highest_wh = max((wh for slot in slots for wh in _known(slot)), default=0.0)
    top_wh = axis_end(highest_wh * _HEAD_ROOM)
    drawn = [
        _Bars(number, len(slots), slot, top_wh, highest_wh) for number, slot in enumerate(slots)
    ]
    return Chart(
        before=tuple(box for bars in drawn for box in bars.before()),
        measured=tuple(box for bars in drawn for box in bars.measured()),
        filled=tuple(box for bars in drawn for box in bars.filled()),
        missing=tuple(box for bars in drawn for box in bars.missing()),
        marks=tuple(mark for bars in drawn for mark in bars.mark()),
        grid=tuple(Line(wh, _text(100 - 100 * wh / top_wh)) for wh in (top_wh, top_wh / 2)),
    )


def axis_end(least: float) -> float:
    """Return the next round number, whose half is about as round; 1 where there is nothing."""
    if least <= 0:
        return 1.0
    unit = 1.0
    while unit * _TOPS[-1] < least:
        unit *= 10
    while unit >= least:
        unit /= 10
    return next(unit * top for top in _TOPS if unit * top >= least)


def middle(number: int, count: int) -> str:
    """Return the middle of a slot."""
    return _text(100 * (number + 0.5) / count)


def left(number: int, count: int) -> str:
    """Return the left edge of a slot."""
    return _text(100 * number / count)


@dataclass(frozen=True, slots=True)
class _Bars:
    number: int
    count: int
    slot: Slot
    top_wh: float
    highest_wh: float

    def before(self) -> list[Box]:
        wh = self.slot.before_wh
        share = _WIDE if self.count <= ROOMY else _WIDE_DENSE
        return [] if wh is None else [self._box(share, 0, self._percent(wh))]

    def measured(self) -> list[Box]:
        wh = self.slot.energy_wh
        if wh is None:
            return []
        return [self._box(self._narrow, 0, self._percent(max(wh - self.slot.filled_wh, 0)))]

    def filled(self) -> list[Box]:
        wh, filled_wh = self.slot.energy_wh, self.slot.filled_wh
        if wh is None or not filled_wh:
            return []
        height = self._percent(filled_wh)
        return [self._box(self._narrow, self._percent(wh) - height, height)]

    def missing(self) -> list[Box]:
        if not self.slot.missing:
            return []
        return [self._box(self._narrow, self._percent(self.slot.energy_wh or 0), self._gap())]

    def mark(self) -> list[Mark]:
        if self.slot.energy_wh is None:
            return []
        now = self._percent(self.slot.energy_wh) + (self._gap() if self.slot.missing else 0)
        height = max(now, self._percent(self.slot.before_wh or 0))
        return [Mark(self.number, middle(self.number, self.count), _text(100 - height))]

    def _gap(self) -> float:
        """Return how high what is missing stands on what is known."""
        known_wh, missing = self.slot.energy_wh or 0.0, self.slot.missing
        if known_wh and missing < 1:
            wh = known_wh * missing / (1 - missing)
        else:
            wh = (self.slot.before_wh or self.highest_wh * _GUESS) * missing
        return max(self._percent(min(wh, self.highest_wh - known_wh)), _LEAST_MISSING)

    @property
    def _narrow(self) -> float:
        return _NARROW if self.count <= ROOMY else _NARROW_DENSE

    def _percent(self, wh: float) -> float:
        return 100 * wh / self.top_wh

    def _box(self, share: float, ground: float, height: float) -> Box:
        x = 100 * (self.number + (1 - share) / 2) / self.count
        width = 100 * share / self.count
        return Box(_text(x), _text(100 - ground - height), _text(width), _text(height))


def _known(slot: Slot) -> list[float]:
    return [wh for wh in (slot.energy_wh, slot.before_wh) if wh is not None]


def _text(percent: float) -> str:
    return f"{percent:.3f}".rstrip("0").rstrip(".")
